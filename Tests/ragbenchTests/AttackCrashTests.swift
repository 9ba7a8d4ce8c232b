import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// An attack that is killed at any instant is completed by the same command, and ends with the bytes
/// of an undisturbed run (FAULTS.md, rows 44 and 45).
///
/// Serialized: each round starts a process and measures its time.
@Suite(.serialized) struct AttackCrashTests {
  private static let files = [
    "run.json", "results.json", "poisoned.jsonl", "events.jsonl", "flags.jsonl",
  ]
  private static let isThorough = ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1"

  private func attack(into output: FilePath, seed: Int = 1, more: [String] = []) -> [String] {
    [
      "attack", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam",
      "--payload", "pii,web,trivia", "--seed", "\(seed)", "--output", output.string, "--quiet",
    ] + more
  }

  /// What a run leaves, apart from times.
  private func content(_ output: FilePath) throws -> [[UInt8]] {
    try Self.files.map { try FileBytes.read(output.appending($0), limit: 1 << 30) }
  }

  /// Finished pieces of work, each as one text; a torn last line does not count.
  private func events(_ output: FilePath) throws -> [String] {
    guard FileManager.default.fileExists(atPath: output.appending("run.json").string) else {
      return []
    }
    return try RunRecord(output).events.map { try JSONValue.object($0).serialized() }
  }

  private func temporaryFiles(_ folder: FilePath) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder.string)?.allObjects ?? []
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".tmp") }
  }

  @Test func aKillAtAnyTimeIsResumed() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("AttackCrashTests: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let command = try Command.withIndex()
    let whole = command.directory.file("whole")
    let duration = try ContinuousClock().measure {
      let result = try command.run(attack(into: whole))
      try #require(result.status == 0, "\(result.errorText)")
    }
    let expected = try content(whole)
    var killed = 0
    for round in 0..<(Self.isThorough ? 30 : 10) {
      let output = command.directory.file("round-\(round)")
      var before: [String] = []
      // Killed twice, so that the second time hits a run that goes on.
      for attempt in 0..<2 {
        let delay = Int.random(in: 0...Int(duration / .microseconds(1)), using: &random)
        let child = try command.start(attack(into: output))
        usleep(UInt32(delay))
        child.send(signal: SIGKILL)
        let ended = child.wait()
        killed += ended.signal == SIGKILL ? 1 : 0
        let after = try events(output)
        #expect(
          Array(after.prefix(before.count)) == before,
          "seed \(seed), round \(round): an event that was there is gone")
        before = after
        guard ended.signal == SIGKILL || attempt == 1 else { break }
      }
      let completed = try command.run(attack(into: output))
      if completed.status == 64 {
        // The kill came after the end.
        #expect(completed.errorText.contains("finished"), "\(completed.errorText)")
      } else {
        #expect(completed.status == 0, "seed \(seed), round \(round): \(completed.errorText)")
      }
      #expect(try content(output) == expected, "seed \(seed), round \(round)")
      #expect(Set(try events(output)).count == 4, "three cells and a detection, none twice")
      #expect(temporaryFiles(output) == [])
    }
    print("AttackCrashTests: \(killed) kills")
    #expect(killed > 0)
    #expect(temporaryFiles(command.home) == [])
    #expect(try command.run(["doctor", "--quiet"]).status == 0)
  }

  @Test func aKillAtAnyWriteIsResumed() throws {
    let command = try Command.withIndex()
    let whole = command.directory.file("whole")
    #expect(try command.run(attack(into: whole)).status == 0)
    let expected = try content(whole)
    var write = 1
    while true {
      let output = command.directory.file("write-\(write)")
      let result = try command.run(
        attack(into: output), environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      if result.signal == SIGKILL {
        let completed = try command.run(attack(into: output))
        // A run that lacks nothing but the last syncs is finished already.
        #expect(
          completed.status == 0
            || completed.status == 64 && completed.errorText.contains("finished"),
          "write \(write): \(completed.errorText)")
      }
      #expect(try content(output) == expected, "write \(write)")
      #expect(temporaryFiles(output) == [], "write \(write)")
      guard result.signal == SIGKILL else {
        #expect(result.status == 0, "write \(write): \(result.errorText)")
        break
      }
      write += Self.isThorough ? 1 : 3
    }
    print("AttackCrashTests: fewer than \(write) writes")
    #expect(write > 9)
  }

  /// A run that goes on with other arguments would mix two experiments.
  @Test func otherArgumentsAreRefusedWithTheDifferences() throws {
    let command = try Command.withIndex()
    let output = command.directory.file("run")
    let killed = try command.run(
      attack(into: output), environment: ["RAGBENCH_CRASH_AT_WRITE": "14"])
    try #require(killed.signal == SIGKILL)
    let before = try FileBytes.read(output.appending("run.json"), limit: 1 << 20)
    let refusals: [([String], String)] = [
      (attack(into: output, seed: 2), "seed"), (attack(into: output, more: ["--k", "3"]), "k"),
      (attack(into: output, more: ["--limit", "5"]), "limit"),
      (attack(into: output, more: ["--set", "copies=2"]), "copies"),
    ]
    for (arguments, name) in refusals {
      let result = try command.run(arguments)
      #expect(result.status == 64, "\(name): \(result.errorText)")
      #expect(result.errorText.contains(name), "\(result.errorText)")
    }
    #expect(try FileBytes.read(output.appending("run.json"), limit: 1 << 20) == before)
    #expect(try command.run(attack(into: output)).status == 0)
    let again = try command.run(attack(into: output))
    #expect(again.status == 64 && again.errorText.contains("--force"), "\(again.errorText)")
  }
}
