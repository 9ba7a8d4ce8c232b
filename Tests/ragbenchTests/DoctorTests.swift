import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct DoctorTests {
  private func sound() throws -> Command {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 30)
    _ = try command.json([
      "index", "build", "--corpus", "tiny", "--retriever", Command.model, "--kind", "Flat",
    ])
    return command
  }

  private func findings(_ command: Command) throws -> (status: Int32?, list: [JSONValue]) {
    let result = try command.run(["doctor", "--format", "json", "--quiet"])
    return (result.status, try JSONParser.parse(result.outputText).arrayValue ?? [])
  }

  /// Inverts one byte in the middle of a file.
  private func damage(_ path: FilePath) throws {
    var bytes = try FileBytes.read(path, limit: 1 << 30)
    bytes[bytes.count / 2] ^= 0xFF
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
  }

  @Test func aSoundHomeHasNoFindings() throws {
    let (status, list) = try findings(try sound())
    #expect(status == 0)
    #expect(list == [])
  }

  @Test(arguments: [
    ("models", "models/tiny-bert/model.safetensors", "ragbench model"),
    ("models", "models/tiny-bert/ragbench.json", "ragbench model"),
    ("corpora", "corpora/tiny/passages.jsonl", "ragbench corpus import"),
    ("corpora", "corpora/tiny/bundle.json", "ragbench corpus import"),
    ("indexes", "store.sqlite", "ragbench index build"),
    ("indexes", "tiny-bert-Flat/index.faiss", "ragbench index build"),
    ("indexes", "tiny-bert-Flat/index.json", "ragbench index build"),
    ("indexes", "tiny-bert.vectors", "ragbench index build"),
    ("caches", "caches/embeddings.sqlite", "remove"),
  ]) func damageIsFoundAndEndsWith65(area: String, file: String, advice: String) throws {
    let command = try sound()
    if area == "caches" {
      // An evaluation asks the cache for its questions.
      _ = try command.json(["eval", "--corpus", "tiny", "--retriever", Command.model])
    }
    let folder =
      area == "indexes"
      ? FilePath(try #require(command.json(["index", "info"])[0]?["folder"]?.stringValue))
      : command.home
    let path = folder.appending(file)
    if file.hasSuffix(".sqlite") {
      // Damage that no text or vector covers: the second page is a table's root.
      var bytes = try FileBytes.read(path, limit: 1 << 30)
      let page = Int(bytes[16]) << 8 | Int(bytes[17])
      for offset in page..<page + 100 { bytes[offset] ^= 0xFF }
      try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    } else {
      try damage(path)
    }
    let (status, list) = try findings(command)
    #expect(status == 65)
    let found = list.filter { $0["area"]?.stringValue == area && $0["damage"]?.boolValue == true }
    #expect(!found.isEmpty, "\(list)")
    #expect(
      found.allSatisfy { $0["advice"]?.stringValue?.contains(advice) == true }, "\(found)")
    let shown = try command.run(["doctor", "--quiet"])
    #expect(shown.status == 65)
    #expect(shown.outputText.contains("damaged"))
  }

  @Test func manifestsThatWereSwappedAreFound() throws {
    let command = try sound()
    _ = try command.json([
      "index", "build", "--corpus", "tiny", "--retriever", Command.model, "--kind", "HNSW8",
    ])
    let folder = FilePath(try #require(command.json(["index", "info"])[0]?["folder"]?.stringValue))
    let (a, b) = (folder.appending("tiny-bert-Flat"), folder.appending("tiny-bert-HNSW8"))
    let manifests = try [a, b].map {
      try FileBytes.read($0.appending("index.json"), limit: 1 << 20)
    }
    for (folder, bytes) in zip([b, a], manifests) {
      try Data(bytes).write(to: URL(fileURLWithPath: folder.appending("index.json").string))
    }
    let (status, list) = try findings(command)
    #expect(status == 65)
    #expect(list.count == 2)
  }

  @Test func leftoversOfTheDeadAndUnfinishedRunsAreNamed() throws {
    let command = try sound()
    // No process has the highest id.
    let leftover = try command.directory.write(
      "home/corpora/tiny/.ragbench-4194304-0123456789abcdef.tmp", text: "half")
    try command.directory.write("home/runs/attack-tiny/run.json", text: "{}")
    try command.directory.write("home/runs/torn/run.json", text: "{")
    let (status, list) = try findings(command)
    #expect(status == 65)
    let areas = list.compactMap { $0["area"]?.stringValue }
    #expect(areas == ["runs", "runs", "temporaries"], "\(list)")
    #expect(list.compactMap { $0["damage"]?.boolValue } == [false, true, false])
    #expect(!FileManager.default.fileExists(atPath: leftover.string))
  }

  @Test func environmentShowsLocationsAndVersions() throws {
    let command = try sound()
    let value = try command.json(["env"])
    #expect(value["home"]?.stringValue == command.home.string)
    #expect(value["versions"]?["SQLite"]?.stringValue?.hasPrefix("3.") == true)
    #expect(value["versions"]?["FAISS"]?.stringValue?.isEmpty == false)
    #expect(value["versions"]?["OpenBLAS"]?.stringValue?.contains("OpenBLAS") == true)
    let indexes = try #require(value["folders"]?["indexes"]?["bytes"]?.intValue)
    #expect(indexes > 30 * 32 * 4)
    let shown = try command.run(["env"], environment: ["COLUMNS": "20"])
    #expect(shown.outputText.contains("instruction set"))
  }
}
