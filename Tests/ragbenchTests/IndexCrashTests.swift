import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// A build that is killed at any instant is completed by the same command (FAULTS.md, row 43).
///
/// Serialized: each round starts a process and measures its time.
@Suite(.serialized) struct IndexCrashTests {
  private static let passages = 2500
  private static let build = [
    "index", "build", "--corpus", "crash", "--retriever", Command.model, "--kind", "IVF16,Flat",
    "--quiet",
  ]
  private static let isThorough = ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1"

  /// What is in the index, and what it answers.
  private struct Content: Equatable {
    var checksum: String
    var documents: Int
    var embedded: Int
    var index: [UInt8]
    var answers: JSONValue
  }

  private func home() throws -> Command {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("crash", count: Self.passages)
    return command
  }

  /// Throws the index away, as if nothing had ever been built.
  private func reset(_ command: Command) throws {
    let folder = command.home.appending("indexes").string
    if FileManager.default.fileExists(atPath: folder) {
      try FileManager.default.removeItem(atPath: folder)
    }
  }

  private func content(_ command: Command) throws -> Content {
    let info = try command.json(["index", "info", "--corpus", "crash"])
    let folder = FilePath(try #require(info[0]?["folder"]?.stringValue))
    return Content(
      checksum: try #require(info[0]?["checksum"]?.stringValue),
      documents: try #require(info[0]?["documents"]?.intValue),
      embedded: try #require(info[0]?["retrievers"]?[0]?["embedded"]?.intValue),
      index: try FileBytes.read(
        folder.appending("tiny-bert-IVF16-Flat/index.faiss"), limit: 1 << 30),
      answers: try command.json([
        "query", "gout and sleep", "--corpus", "crash", "--retriever", Command.model, "--hybrid",
        "bm25",
      ]))
  }

  /// Documents and vectors that are committed; nothing before the store is there.
  private func progress(_ command: Command) throws -> (documents: Int, embedded: Int) {
    let result = try command.run(["index", "info", "--corpus", "crash", "--format", "json"])
    if result.status == 66 { return (0, 0) }
    #expect(result.status == 0, "\(result.errorText)")
    let info = try JSONParser.parse(result.outputText)
    return (
      info[0]?["documents"]?.intValue ?? 0,
      info[0]?["retrievers"]?[0]?["embedded"]?.intValue ?? 0
    )
  }

  private func temporaryFiles(_ command: Command) throws -> [String] {
    let names = FileManager.default.enumerator(atPath: command.home.string)?.allObjects ?? []
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".tmp") }
  }

  @Test func aKillAtAnyTimeLosesNothingCommitted() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("IndexCrashTests: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let command = try home()
    let clock = ContinuousClock()
    let whole = try clock.measure {
      let result = try command.run(Self.build)
      #expect(result.status == 0)
    }
    let expected = try content(command)
    #expect(expected.documents == Self.passages && expected.embedded == Self.passages)
    for round in 0..<(Self.isThorough ? 30 : 10) {
      try reset(command)
      var before = (documents: 0, embedded: 0)
      // Killed twice, so that the second time hits work that goes on.
      for attempt in 0..<2 {
        let limit = Int(whole / .microseconds(1)) * (attempt == 0 ? 10 : 6) / 10
        let delay = Int.random(in: 0...limit, using: &random)
        let child = try command.start(Self.build)
        usleep(UInt32(delay))
        child.send(signal: SIGKILL)
        let ended = child.wait()
        let after = try progress(command)
        #expect(
          after.documents >= before.documents && after.embedded >= before.embedded,
          "seed \(seed), round \(round): \(before), then \(after)")
        print(
          "round \(round): \(ended.signal == nil ? "finished" : "killed") after \(delay) µs,"
            + " \(after.documents) passages, \(after.embedded) vectors")
        before = after
      }
      let completed = try command.run(Self.build)
      #expect(completed.status == 0, "seed \(seed), round \(round): \(completed.errorText)")
      #expect(try content(command) == expected, "seed \(seed), round \(round)")
      #expect(try temporaryFiles(command) == [])
    }
    #expect(try command.run(["doctor", "--quiet"]).status == 0)
  }

  @Test func aKillAtAnyWriteLosesNothingCommitted() throws {
    let command = try home()
    #expect(try command.run(Self.build).status == 0)
    let expected = try content(command)
    var write = 1
    var previous = 1
    while true {
      try reset(command)
      let result = try command.run(
        Self.build, environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      let completed = try command.run(Self.build)
      #expect(completed.status == 0, "write \(write): \(completed.errorText)")
      #expect(try content(command) == expected, "write \(write)")
      #expect(try temporaryFiles(command) == [], "write \(write)")
      guard result.signal == SIGKILL else {
        #expect(result.status == 0, "write \(write): \(result.errorText)")
        break
      }
      (previous, write) = (write, Self.isThorough ? write + 1 : write + previous)
    }
    print("IndexCrashTests: fewer than \(write) writes")
    #expect(write > 8)
  }
}
