import Basics
import Glibc
import SystemPackage
import TestSupport
import Testing

/// FAULTS 43 and 44: a run killed at any write resumes and ends like one that was never killed.
@Suite struct CrashTests {
  private static let description: JSONObject = ["command": "test", "seed": 7]

  /// Does the work of which the directory holds no event yet, one batch a piece.
  private static func work(in path: FilePath) throws -> Int {
    let run = try RunDirectory(path, description: description)
    let done = Set(run.completedEvents.compactMap { $0["n"]?.intValue })
    let missing = (0..<4).filter { !done.contains($0) }
    for n in missing {
      try run.append([["event": "cell", "n": .init(n), "square": .init(n * n)]])
    }
    try run.finish(results: ["cells": 4], timings: ["seconds": 0.5])
    return missing.count
  }

  private static let keptNames = ["events.jsonl", "results.json", "run.json"]

  @Test func killedRunEndsLikeAnUninterruptedOne() async throws {
    let directory = try TemporaryDirectory()
    let whole = directory.file("whole")
    #expect(try Self.work(in: whole) == 4)
    let expected = try Self.keptNames.map { try FileBytes.read(whole.appending($0), limit: 9999) }
    var kills = 0
    for n in 1...100 {
      let path = directory.file("run\(n)")
      let result = await #expect(processExitsWith: .failure, observing: []) {
        [path = path.string as String, n = n as Int] in
        setenv("RAGBENCH_CRASH_AT_WRITE", "\(n)", 1)
        _ = try CrashTests.work(in: FilePath(path))
        exit(77)  // all was written before the n-th write came
      }
      let status = try #require(result).exitStatus
      if status == .exitCode(77) { break }
      #expect(status == .signal(SIGKILL), "write \(n)")
      kills += 1
      do {
        #expect((0...4).contains(try Self.work(in: path)), "write \(n)")
      } catch let error as UsageError {
        // Killed in the sync after the rename: finished already.
        #expect(error.message.contains("finished"), "write \(n): \(error)")
      }
      let found = try Self.keptNames.map { try FileBytes.read(path.appending($0), limit: 9999) }
      #expect(found == expected, "write \(n)")
      #expect(try RunRecord(path).events.count == 4 && RunRecord(path).warnings.isEmpty)
      let names = try DirectoryListing.names(in: path)
      #expect(names == (Self.keptNames + ["lock", "timings.json"]).sorted(), "write \(n)")
    }
    #expect(kills > 15)
  }
}
