import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// `ragbench train`: results, use of the trained model, refusals, and kills at any write.
@Suite(.serialized) struct TrainTests {
  private static let words = [
    "gout", "sleep", "iron", "fever", "heart", "kidney", "asthma", "migraine", "blood", "bone",
  ]

  private func pairs(_ command: Command, count: Int = 24) throws -> FilePath {
    let lines = (0..<count).map { i in
      let words = (0..<3).map { Self.words[(i * 3 + $0 * (i + 1)) % Self.words.count] }
      return
        #"{"query": "what of \#(words[0]) and \#(words[1]) \#(i)", "positive": "\#(words[2]) \#(words[1]) \#(words[0]) number \#(i)"}"#
    }
    return try command.directory.write("pairs.jsonl", text: lines.joined(separator: "\n") + "\n")
  }

  private func train(_ file: FilePath, into output: FilePath, more: [String] = []) -> [String] {
    [
      "train", "contrastive", file.string, "--model", Command.model, "--epochs", "2",
      "--batch-size", "5", "--learning-rate", "0.001", "--held-out", "0.2", "--checkpoint-every",
      "3", "--output", output.string, "--quiet",
    ] + more
  }

  /// What a run leaves, apart from times and the checkpoint's last place.
  private func content(_ output: FilePath) throws -> [[UInt8]] {
    try ["results.json", "model/model.safetensors", "model/ragbench.json"].map {
      try FileBytes.read(output.appending($0), limit: 1 << 30)
    }
  }

  @Test func aTrainedRetrieverIsUsedByItsRun() throws {
    let command = try Command()
    try command.installModel()
    let output = command.directory.file("run")
    let result = try command.run(train(pairs(command), into: output))
    try #require(result.status == 0, "\(result.errorText)")
    #expect(result.outputText.contains("before: recall@1") && result.outputText.contains("after:"))
    let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
    let losses = (results["losses"]?.arrayValue ?? []).compactMap { $0["value"]?.doubleValue }
    #expect(results["heldOut"]?.intValue == 5 && losses.count > 1)
    try command.installCorpus("small", count: 30)
    let query = try command.run([
      "query", "gout and sleep", "--corpus", "small", "--retriever", "run:\(output.string)",
      "--quiet",
    ])
    #expect(query.status == 0, "\(query.errorText)")
    let missing = try command.run([
      "query", "gout", "--corpus", "small", "--retriever", "run:\(command.home.string)",
    ])
    #expect(missing.status == 64 && missing.errorText.contains("no finished run"))
    // The number of threads changes nothing.
    let single = command.directory.file("single")
    let again = try command.run(train(pairs(command), into: single, more: ["--threads", "1"]))
    #expect(again.status == 0)
    #expect(try content(single) == content(output))
  }

  @Test func aKillAtAnyWriteIsResumed() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    let whole = command.directory.file("whole")
    #expect(try command.run(train(file, into: whole)).status == 0)
    let expected = try content(whole)
    var write = 1
    while true {
      let output = command.directory.file("write-\(write)")
      let result = try command.run(
        train(file, into: output), environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      if result.signal == SIGKILL {
        let completed = try command.run(train(file, into: output))
        #expect(
          completed.status == 0
            || completed.status == 64 && completed.errorText.contains("finished"),
          "write \(write): \(completed.errorText)")
      }
      #expect(try content(output) == expected, "write \(write)")
      guard result.signal == SIGKILL else {
        #expect(result.status == 0, "write \(write): \(result.errorText)")
        break
      }
      write += 3
    }
    print("TrainTests: fewer than \(write) writes")
    #expect(write > 15)
  }

  @Test func aClassifierLearns() throws {
    let command = try Command()
    try command.installModel()
    let lines = (0..<40).map { i in
      let isHeart = i % 2 == 0
      return
        #"{"text": "\#(isHeart ? "heart blood" : "bone sleep") \#(Self.words[i % 10]) \#(i)", "label": "\#(isHeart ? "heart" : "other")"}"#
    }
    let file = try command.directory.write("texts.jsonl", text: lines.joined(separator: "\n"))
    let output = command.directory.file("run")
    let result = try command.run([
      "train", "classify", file.string, "--model", Command.model, "--epochs", "8",
      "--batch-size", "8", "--learning-rate", "0.002", "--held-out", "0.25", "--output",
      output.string, "--quiet",
    ])
    try #require(result.status == 0, "\(result.errorText)")
    let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
    #expect((results["after"]?["macroF1"]?.doubleValue ?? 0) > 0.8)
    let configuration = try JSONParser.parse(contentsOf: output.appending("model/config.json"))
    #expect(configuration["id2label"]?["1"]?.stringValue == "other")
    #expect(!output.appending("checkpoint.safetensors").exists)

    // Passes of three texts add up to the same training; unseen texts are only guessed.
    let unseen = try command.directory.write(
      "unseen.jsonl", text: Self.changed(lines.prefix(7)))
    let parts = command.directory.file("parts")
    let again = try command.run([
      "train", "classify", file.string, "--model", Command.model, "--epochs", "8",
      "--batch-size", "8", "--learning-rate", "0.002", "--held-out", "0.25", "--output",
      parts.string, "--quiet", "--examples-at-once", "3", "--test", unseen.string,
    ])
    try #require(again.status == 0, "\(again.errorText)")
    let same = try JSONParser.parse(contentsOf: parts.appending("results.json"))
    expectClose(
      same["losses"]?.arrayValue?.last?["value"]?.doubleValue ?? .nan,
      results["losses"]?.arrayValue?.last?["value"]?.doubleValue ?? 0, absolute: 1e-3)
    let guesses = try String(
      contentsOfFile: parts.appending("predictions.jsonl").string, encoding: .utf8)
    #expect(guesses.split(separator: "\n").count == 7)
    #expect(same["test"]?["accuracy"]?.doubleValue ?? 0 > 0.8)
    let strange = try command.directory.write(
      "strange.jsonl", text: #"{"text": "a", "label": "unknown"}"#)
    for (test, reason) in [
      (strange, "test text 1 has the label"), (file, "test text 1 is a text to train on"),
    ] {
      let refused = try command.run([
        "train", "classify", file.string, "--model", Command.model, "--test", test.string,
        "--output", command.directory.file("strange").string,
      ])
      #expect(refused.status == 65 && refused.errorText.contains(reason))
    }
    // What another training left is gone with it.
    let redone = try command.run([
      "train", "classify", file.string, "--model", Command.model, "--output", parts.string,
      "--force", "--quiet",
    ])
    #expect(redone.status == 0 && !parts.appending("predictions.jsonl").exists)
  }

  /// The same texts with a word more.
  private static func changed(_ lines: ArraySlice<String>) -> String {
    lines.map { $0.replacing(#"", "label"#, with: #" more", "label"#) }.joined(separator: "\n")
  }

  /// A model that was trained is loaded by the libraries that others use, with the same numbers.
  @Test(.enabled(if: PeerPython.path != nil, "set PEER_PYTHON to a Python with transformers"))
  func peersLoadWhatIsSaved() throws {
    let command = try Command()
    try command.installModel()
    let retriever = command.directory.file("retriever")
    try #require(try command.run(train(pairs(command), into: retriever)).status == 0)
    let lines = (0..<24).map { i in
      #"{"text": "\#(Self.words[i % 10]) \#(Self.words[i % 3]) \#(i)", "label": "\#(i % 3)"}"#
    }
    let file = try command.directory.write("texts.jsonl", text: lines.joined(separator: "\n"))
    let unseen = try command.directory.write("unseen.jsonl", text: Self.changed(lines[...]))
    let classifier = command.directory.file("classifier")
    let result = try command.run([
      "train", "classify", file.string, "--model", Command.model, "--learning-rate", "0.002",
      "--epochs", "6", "--held-out", "0.2", "--test", unseen.string, "--output", classifier.string,
    ])
    try #require(result.status == 0, "\(result.errorText)")
    try command.installCorpus("small", count: 30)
    let query = try command.run([
      "query", "gout and sleep", "--corpus", "small", "--retriever", "run:\(retriever.string)",
      "--k", "5", "--format", "json", "--quiet",
    ])
    try #require(query.status == 0, "\(query.errorText)")
    let hits = try command.directory.write("hits.json", text: query.outputText)
    let script = Checkout.fixture("training/load_saved.py")
    let peer = try ChildProcess.run(
      FilePath(PeerPython.path ?? ""),
      [script.string, retriever.string, hits.string, classifier.string, unseen.string],
      environment: ["TOKENIZERS_PARALLELISM": "false"], input: [], timeout: .seconds(240))
    #expect(peer.status == 0, "\(peer.errorText)")
    #expect(peer.outputText.contains("5 scores and 24 guesses agree"))
  }

  @Test func badInputIsRefused() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    let broken = try command.directory.write("broken.jsonl", text: #"{"query": "q"}"#)
    let single = try command.directory.write(
      "single.jsonl", text: #"{"query": "a", "positive": "b"}"#)
    let oneClass = try command.directory.write("one.jsonl", text: #"{"text": "a", "label": "b"}"#)
    let output = command.directory.file("run").string
    func refused(_ arguments: [String], _ status: Int32, _ reason: String) throws {
      let result = try command.run(["train"] + arguments + ["--output", output])
      #expect(
        result.status == status && result.errorText.contains(reason),
        "\(arguments): \(result.errorText)")
    }
    let model = ["--model", Command.model]
    try refused(["contrastive", broken.string] + model, 65, "positive")
    try refused(["contrastive", single.string] + model, 65, "expected 2 and 1 or more")
    try refused(["classify", oneClass.string] + model, 65, "expected two or more")
    try refused(["contrastive", "/nowhere.jsonl"] + model, 66, "/nowhere.jsonl")
    try refused(["contrastive", file.string, "--model", "absent"], 64, "absent")
    for (flag, value) in [
      ("learning-rate", "0"), ("batch-size", "1"), ("epochs", "0"), ("held-out", "1"),
      ("warmup", "2"), ("max-tokens", "2"),
    ] {
      try refused(["contrastive", file.string, "--\(flag)", value] + model, 64, "--\(flag) is")
    }
    try refused(["contrastive", file.string, "--max-tokens", "600"] + model, 64, "takes at most")
    try refused(
      ["contrastive", file.string, "--examples-at-once", "2"] + model, 64, "compares the examples")
    try refused(
      ["contrastive", file.string, "--inverse-temperature", "0"] + model, 64,
      "--inverse-temperature")
  }
}
