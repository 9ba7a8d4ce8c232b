import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct IndexTests {
  private let retriever = ["--retriever", Command.model]

  private func tiny(_ count: Int = 60) throws -> Command {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: count)
    return command
  }

  private func ids(_ command: Command, _ extra: [String]) throws -> [String] {
    try command.json(["query", "gout and sleep", "--corpus", "tiny"] + retriever + extra)[
      "results"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
  }

  @Test func passagesAreAddedAndRemovedInEveryIndex() throws {
    let command = try tiny()
    let built = try command.json(
      ["index", "build", "--corpus", "tiny", "--kind", "IVF4,Flat"] + retriever)
    #expect(built["vectors"]?.intValue == 60)
    #expect(built["indexFiles"] == .array([.string("IVF4,Flat (built)")]))
    let again = try command.json(
      ["index", "build", "--corpus", "tiny", "--kind", "IVF4,Flat"] + retriever)
    #expect(again["indexFiles"] == .array([.string("IVF4,Flat (current)")]))

    let more = try command.directory.write(
      "more.jsonl", text: #"{"_id": "new", "title": "", "text": "gout and sleep"}"# + "\n")
    let added = try command.json(["index", "add", more.string, "--corpus", "tiny"] + retriever)
    #expect(added["added"]?.intValue == 1)
    #expect(added["vectors"]?.intValue == 61)
    #expect(added["indexFiles"] == .array([.string("IVF4,Flat (built)")]))
    #expect(try ids(command, []).first == "new")
    #expect(try ids(command, ["--kind", "IVF4,Flat"]).first == "new")
    let unchanged = try command.json(["index", "add", more.string, "--corpus", "tiny"] + retriever)
    #expect(unchanged["unchanged"]?.intValue == 1)
    #expect(unchanged["generation"] == added["generation"])

    let removed = try command.json(
      ["index", "remove", "new", "never", "--corpus", "tiny"] + retriever)
    #expect(removed["removed"]?.intValue == 1)
    #expect(removed["unknown"] == .array([.string("never")]))
    #expect(try !ids(command, []).contains("new"))
    #expect(try !ids(command, ["--kind", "IVF4,Flat"]).contains("new"))
    let verified = try command.run(["index", "verify", "--corpus", "tiny"])
    #expect(verified.status == 0, "\(verified.outputText)")
  }

  @Test func anotherContentUnderTheSameIdNeedsAWord() throws {
    let command = try tiny(10)
    let more = try command.directory.write(
      "more.jsonl", text: #"{"_id": "p1", "title": "Passage 1", "text": "changed"}"# + "\n")
    let arguments = ["index", "add", more.string, "--corpus", "tiny"] + retriever
    let refused = try command.run(arguments)
    #expect(refused.status == 65)
    #expect(refused.errorText.contains("another text"))
    #expect(try command.json(arguments + ["--replace"])["replaced"]?.intValue == 1)
  }

  @Test func oneBadRecordAddsNothing() throws {
    let command = try tiny(10)
    let more = try command.directory.write(
      "more.jsonl",
      text: #"""
        {"_id": "a", "text": "fine"}
        {"_id": "b", "text":
        {"_id": "a", "text": "twice"}
        {"_id": "c\t", "text": "tab"}
        """#)
    let result = try command.run(["index", "add", more.string, "--corpus", "tiny"] + retriever)
    #expect(result.status == 65)
    for line in [":2", ":3", ":4"] { #expect(result.errorText.contains("more.jsonl\(line)")) }
    let built = try command.json(["index", "build", "--corpus", "tiny"] + retriever)
    #expect(built["passages"]?.intValue == 10)
  }

  @Test func aStaleIndexFileIsRefusedWithBothValues() throws {
    let command = try tiny()
    _ = try command.json(["index", "build", "--corpus", "tiny", "--kind", "HNSW8"] + retriever)
    let folder = try folder(command)
    let kept = folder.appending("kept")
    let current = folder.appending("\(Command.model)-HNSW8")
    try FileManager.default.copyItem(atPath: current.string, toPath: kept.string)
    _ = try command.json(["index", "remove", "p1", "--corpus", "tiny"] + retriever)
    try FileManager.default.removeItem(atPath: current.string)
    try FileManager.default.moveItem(atPath: kept.string, toPath: current.string)
    let refused = try command.run(
      ["query", "gout", "--corpus", "tiny", "--kind", "HNSW8"] + retriever)
    #expect(refused.status == 65)
    #expect(refused.errorText.contains("corpus generation is 1, expected 2"))
    #expect(
      refused.errorText.contains(
        "ragbench index build --corpus tiny --retriever tiny-bert --kind HNSW8"))
    // Stale is no damage: the next build makes it again.
    let verified = try command.run(["index", "verify", "--corpus", "tiny"])
    #expect(verified.status == 0)
    #expect(verified.outputText.contains("generation 1, the store is at 2"))
    let rebuilt = try command.json(
      ["index", "build", "--corpus", "tiny", "--kind", "HNSW8"] + retriever)
    #expect(rebuilt["indexFiles"] == .array([.string("HNSW8 (built)")]))
  }

  @Test func tooFewVectorsForTrainingSayHowManyAreNeeded() throws {
    let command = try tiny(10)
    let result = try command.run(
      ["index", "build", "--corpus", "tiny", "--kind", "IVF64,Flat"] + retriever)
    #expect(result.status == 65)
    #expect(result.errorText.contains("needs 64 training vectors, found 10"))
  }

  @Test func infoCountsWhatIsThere() throws {
    let command = try tiny(12)
    _ = try command.json(["index", "build", "--corpus", "tiny", "--kind", "Flat"] + retriever)
    let info = try command.json(["index", "info", "--corpus", "tiny"])
    #expect(info[0]?["documents"]?.intValue == 12)
    #expect(info[0]?["retrievers"]?[0]?["embedded"]?.intValue == 12)
    #expect(info[0]?["retrievers"]?[0]?["waiting"]?.intValue == 0)
    #expect(info[0]?["files"]?[0]?["kind"]?.stringValue == "Flat")
    #expect(info[0]?["files"]?[0]?["current"]?.boolValue == true)
    let shown = try command.run(["index", "info"])
    #expect(shown.outputText.contains("vectors of tiny-bert"))
  }

  private func folder(_ command: Command) throws -> FilePath {
    let info = try command.json(["index", "info", "--corpus", "tiny"])
    return FilePath(try #require(info[0]?["folder"]?.stringValue))
  }
}
