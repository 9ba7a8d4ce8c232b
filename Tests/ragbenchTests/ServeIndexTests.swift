import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// What is served: indexes that change, that are built first, detectors of one's own, wrong names.
@Suite struct ServeIndexTests {
  private let retriever = ["--retriever", Command.model]

  /// `ragbench index add` and `remove` from another process are seen by the running server.
  @Test func changesOfTheIndexAreSeenWithoutARestart() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("living", count: 40)
    let client = try ServeClient(command, ["--corpus", "living"] + retriever)
    let question: JSONObject = ["query": "walrus tusks in the arctic", "k": 40]
    let before = try client.call("search", question)
    #expect(before["generation"] == 1 && before["hits"]?.arrayValue?.count == 40)
    let hybrid = try client.call("search", ["query": "walrus", "hybrid": "bm25", "k": 40])
    #expect(hybrid["hits"]?.arrayValue?.count == 40)
    let file = try command.directory.write(
      "new.jsonl",
      text: #"{"_id": "walrus", "title": "W", "text": "walrus tusks in the arctic"}"# + "\n")
    let added = try command.run(["index", "add", file.string, "--corpus", "living"] + retriever)
    try #require(added.status == 0, "\(added.errorText)")
    let after = try client.call("search", question)
    let hits = try #require(after["hits"]?.arrayValue)
    #expect(hits.count == 40)
    let walrus = try #require(hits.first { $0["id"] == "walrus" })
    #expect(walrus["rank"] == 1, "\(walrus)")
    #expect(walrus["provenance"]?["run"] == "index add" && walrus["provenance"]?["line"] == 1)
    #expect(try client.call("get_document", ["id": "walrus"])["title"] == "W")
    let words = try client.call("search", ["query": "walrus", "hybrid": "bm25", "k": 1])
    #expect(words["hits"]?[0]?["id"] == "walrus")
    let removed = try command.run(["index", "remove", "walrus", "--corpus", "living"] + retriever)
    try #require(removed.status == 0, "\(removed.errorText)")
    let last = try client.call("search", question)
    #expect(last["hits"] == before["hits"])
    #expect(try client.failure("get_document", ["id": "walrus"]).contains("there is no document"))
    let stats = try client.call("stats")
    #expect(stats["retrievers"]?[0]?["reloads"] == 2)
    try client.close()
  }

  /// A FAISS file finds the candidates; scores are exact, and a changed index is followed.
  @Test func anIndexFileFindsTheCandidates() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("derived", count: 300)
    let arguments = ["--corpus", "derived"] + retriever
    let missing = try command.run(["serve", "--kind", "SQ8"] + arguments)
    #expect(missing.status == 65 || missing.status == 0, "\(missing.errorText)")
    let built = try command.run(["index", "build", "--kind", "SQ8"] + arguments)
    try #require(built.status == 0, "\(built.errorText)")
    let exact = try ServeClient(command, arguments)
    let quick = try ServeClient(command, ["--kind", "SQ8"] + arguments)
    func hits(_ client: ServeClient, _ question: String) throws -> [JSONValue] {
      try #require(
        try client.call("search", ["query": .string(question), "k": 5])["hits"]?.arrayValue)
    }
    for question in ["gout and sleep", "iron", "kidney fever"] {
      let (left, right) = (try hits(exact, question), try hits(quick, question))
      #expect(right.count == 5)
      // One byte a number may miss a passage at the end of the list, never its score.
      #expect(left[0]["id"] == right[0]["id"])
      for hit in right {
        if let same = left.first(where: { $0["id"] == hit["id"] }) {
          #expect(same["score"] == hit["score"])
        }
      }
    }
    let file = try command.directory.write(
      "new.jsonl", text: #"{"_id": "walrus", "text": "walrus tusks in the arctic"}"# + "\n")
    let added = try command.run(["index", "add", file.string] + arguments)
    try #require(added.status == 0, "\(added.errorText)")
    #expect(try hits(quick, "walrus tusks in the arctic")[0]["id"] == "walrus")
    try quick.close()
    try exact.close()
  }

  /// Two questions do not suffice to fit a detector; the server says so and serves.
  @Test func anIndexIsBuiltFirstAndTooFewQuestionsMeanNoVerdicts() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("small", count: 12)
    let client = try ServeClient(
      command, ["--corpus", "small", "--policy", "quarantine"] + retriever)
    let answer = try client.call("search", ["query": "gout and sleep", "k": 5])
    #expect(answer["hits"]?.arrayValue?.count == 5)
    let reason = try #require(answer["verdicts"]?.stringValue)
    #expect(reason.contains("needed at least"), "\(reason)")
    #expect(answer["hits"]?[0]?["pValue"] == nil)
    #expect(client.process.errorText.contains("no verdicts through tiny-bert"))
    let stats = try client.call("stats")
    #expect(stats["retrievers"]?[0]?["noDetection"]?.stringValue == reason)
    #expect(try client.failure("detect", ["texts": ["x"]]).contains("nothing can be judged"))
    try client.close()
  }

  @Test func anIndexIsServedByItsFolderWithADetectorFromAFile() throws {
    let command = try Command.ready.get()
    let detector = command.directory.file("serve-own.detector")
    let fitted = try command.run(
      [
        "detect", "fit", "--corpus", "medqa", "--detector", "similarity", "--output",
        detector.string, "--force",
      ] + retriever)
    try #require(fitted.status == 0, "\(fitted.errorText)")
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: command.home.appending("indexes").string
    ).filter { $0.hasPrefix("medqa-") }
    let folder = command.home.appending("indexes").appending(try #require(folders.first))
    let client = try ServeClient(
      command,
      [
        "--index", folder.string, "--detector", detector.string, "--alpha", "0.1", "--per", "pair",
      ] + retriever)
    let stats = try client.call("stats")
    _ = try client.call("search", ["query": "gout"])
    let listed = try client.call("list_indexes")
    #expect(listed["indexes"]?[0]?["documents"] == 255)
    #expect(listed["indexes"]?[0]?["querySets"] == [])
    #expect(listed["indexes"]?[0]?["retrievers"]?[0]?["name"] == .string(Command.model))
    let detection = try #require(
      try client.call("stats")["retrievers"]?[0]?["detection"], "\(stats)")
    #expect(detection["detector"] == "similarity" && detection["per"] == "pair")
    #expect(detection["falsePositiveRate"] == 0.1)
    try client.close()
  }

  /// The corpus's own detector is fitted once, kept, and does not learn from what is added.
  @Test func theDefaultDetectorIsKeptAndRefittedOnRequestOnly() throws {
    let command = try Command()
    try command.installModel()
    func provenance(_ arguments: [String] = []) throws -> (JSONValue, String) {
      let client = try ServeClient(command, ["--corpus", "medqa"] + retriever + arguments)
      _ = try client.call("search", ["query": "gout"])
      let stats = try client.call("stats")
      let value = try #require(stats["retrievers"]?[0]?["detection"]?["provenance"])
      let log = client.process.errorText
      try client.close()
      return (value, log)
    }
    let first = try provenance()
    #expect(first.0["generation"] == 1 && first.0["calibration"]?.intValue == 53)
    let files = try FileManager.default.subpathsOfDirectory(
      atPath: command.home.appending("indexes").string
    ).filter { $0.hasSuffix("tiny-bert-combined.detector") }
    let path = command.home.appending("indexes").appending(try #require(files.first))
    let bytes = try FileBytes.read(path, limit: 1 << 28)
    let file = try command.directory.write(
      "poison.jsonl", text: #"{"_id": "p", "text": "something new"}"# + "\n")
    let added = try command.run(["index", "add", file.string, "--corpus", "medqa"] + retriever)
    try #require(added.status == 0, "\(added.errorText)")
    let second = try provenance()
    #expect(second.0 == first.0 && second.1.contains("--refit"), "\(second.1)")
    #expect(try FileBytes.read(path, limit: 1 << 28) == bytes)
    #expect(try provenance(["--refit"]).0["generation"] == 2)
    // A damaged file is not believed.
    var damaged = try FileBytes.read(path, limit: 1 << 28)
    damaged[damaged.count / 2] ^= 1
    try Data(damaged).write(to: URL(fileURLWithPath: path.string))
    let last = try provenance()
    #expect(last.0["generation"] == 2 && last.1.contains("is fitted again"), "\(last.1)")
  }

  @Test func whatCannotBeServedIsRefusedBeforeAnythingIsSaid() throws {
    let command = try Command.ready.get()
    let rows: [([String], Int32, String)] = [
      ([], 64, "give either --corpus NAME or --index DIR"),
      (["--corpus", "medqa", "--index", "x"], 64, "give either"),
      (["--corpus", "medqq"] + retriever, 64, "did you mean 'medqa'?"),
      (["--corpus", "medqa", "--retriever", "tiny-brt"], 64, "did you mean 'tiny-bert'?"),
      (["--index", "/nonexistent"] + retriever, 66, "/nonexistent"),
      (
        ["--corpus", "medqa", "--policy", "drop"] + retriever, 64,
        "'annotate', 'demote' or 'quarantine'"
      ),
      (["--corpus", "medqa", "--alpha", "1"] + retriever, 64, "between 0 and 1"),
      (["--corpus", "medqa", "--queue", "0"] + retriever, 64, "1 to 100000"),
      (["--corpus", "medqa", "--refit", "--detector", "x"] + retriever, 64, "--refit"),
      (["--corpus", "medqa", "--detector", "/nonexistent"] + retriever, 66, "/nonexistent"),
      (["--corpus", "medqa", "--alpha", "0.001"] + retriever, 0, "needed at least"),
    ]
    for (arguments, status, text) in rows {
      // The pause lets what is loaded in the background fail.
      let process = try PipedProcess(
        Command.executable(), ["serve"] + arguments, environment: command.environment)
      if status == 0 {
        process.send(line: ServeClient.hello)
        process.send(line: try ServeClient.call(1, "search", ["query": "gout"]))
        while let line = process.readLine(), !line.contains(#""id":1"#) {}
        process.closeInput()
      }
      let ending = process.wait(timeout: .seconds(60))
      #expect(ending?.status == status, "\(arguments): \(process.errorText)")
      #expect(process.errorText.contains(text), "\(arguments): \(process.errorText)")
      if status != 0 { #expect(process.readLine() == nil) }
    }
  }
}
