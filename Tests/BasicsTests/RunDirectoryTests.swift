import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// FAULTS 44, 45, 47, 48, 49 and rule 5.
@Suite struct RunDirectoryTests {
  private let directory: TemporaryDirectory
  private let path: FilePath
  private let description: JSONObject = ["command": "attack", "seed": 1, "k": [2, 5]]

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("runs/one")
  }

  private func event(_ number: Int) -> JSONObject {
    ["event": "cell", "n": .integer(Int64(number))]
  }
  private func log() throws -> [UInt8] {
    try FileBytes.read(path.appending("events.jsonl"), limit: 1 << 20)
  }
  private func setLog(_ bytes: [UInt8]) throws {
    try directory.write("runs/one/events.jsonl", bytes)
  }

  @Test func interruptedRunResumesWithItsEvents() throws {
    do {
      let run = try RunDirectory(path, description: description)
      #expect(run.completedEvents.isEmpty && run.warnings.isEmpty)
      try run.append([event(1), event(2)])
      try run.append([event(3)])
    }
    do {
      let run = try RunDirectory(path, description: description)
      #expect(run.completedEvents == [event(1), event(2), event(3)])
      try run.append([event(4)])
      try run.finish(results: ["asr": 0.5], timings: ["seconds": 1.5])
    }
    let record = try RunRecord(path)
    #expect(record.isFinished && record.events.count == 4 && record.description == description)
    #expect(record.results == ["asr": 0.5] && record.timings == ["seconds": 1.5])
    #expect(
      try directory.path.appending("runs/one").string.isEmpty == false
        && DirectoryListing.names(in: path)
          == ["events.jsonl", "lock", "results.json", "run.json", "timings.json"]
    )
  }

  @Test func finishedOrOtherRunIsAUsageErrorUnlessForced() throws {
    try RunDirectory(path, description: description).append([event(1)])
    let other: JSONObject = ["command": "attack", "seed": 2, "k": [2, 10], "corpus": "c"]
    let differing = #expect(throws: UsageError.self) {
      try RunDirectory(path, description: other)
    }
    for part in ["seed: 1 -> 2", "k.1: 5 -> 10", "corpus: absent -> \"c\""] {
      #expect(differing?.message.contains(part) == true)
    }
    #expect(differing?.exitStatus == .usage)
    try RunDirectory(path, description: description).finish(results: [:], timings: [:])
    let finished = #expect(throws: UsageError.self) {
      try RunDirectory(path, description: description)
    }
    #expect(finished?.message.contains("--force") == true)
    let again = try RunDirectory(path, description: other, force: true)
    #expect(again.completedEvents.isEmpty)
    #expect(try RunRecord(path).description == other && !RunRecord(path).isFinished)
  }

  @Test func directoryWithSomethingElseIsLeftAlone() throws {
    try directory.write("runs/one/thesis.txt", text: "x")
    for force in [false, true] {
      let error = #expect(throws: UsageError.self) {
        try RunDirectory(path, description: description, force: force)
      }
      #expect(error?.message.contains("thesis.txt") == true)
    }
    #expect(try DirectoryListing.names(in: path) == ["thesis.txt"])
  }

  @Test func secondWriterIsRefused() throws {
    let run = try RunDirectory(path, description: description)
    #expect(throws: LockedError.self) { try RunDirectory(path, description: description) }
    #expect(throws: LockedError.self) {
      try RunDirectory(path, description: description, force: true)
    }
    withExtendedLifetime(run) {}
  }

  /// Cut at every length: whole lines stay, the torn one goes with a warning, appending works.
  @Test func tornLastLineIsLeftOutAndCutOff() throws {
    try RunDirectory(path, description: description).append([event(1), event(2)])
    let whole = try log()
    let firstLine = (whole.firstIndex(of: 0x0A) ?? 0) + 1
    try Damage.truncating(whole) { bytes, length in
      try setLog(bytes)
      let kept = length < firstLine ? 0 : 1
      let isTorn = length != 0 && length != firstLine
      #expect(try RunRecord(path).events.count == kept)
      do {
        let run = try RunDirectory(path, description: description)
        #expect(run.completedEvents.count == kept, "\(length)")
        #expect(run.warnings.count == (isTorn ? 1 : 0), "\(length)")
        try run.append([event(9)])
      }
      let after = try RunDirectory(path, description: description)
      #expect(after.completedEvents.last == event(9) && after.warnings.isEmpty)
      #expect(after.completedEvents.count == kept + 1)
    }
  }

  @Test func tornMiddleLineIsAnError() throws {
    try RunDirectory(path, description: description).append([event(1)])
    let good = try log()
    for bad in ["{\"event\":\n", "\n", "[]\n", "{\"n\":1}\n", "\0\0\0\n", "{\"event\":1}\n"] {
      try setLog(good + Array(bad.utf8) + good)
      let error = #expect(throws: InputError.self) {
        try RunDirectory(path, description: description)
      }
      #expect(error?.place.line == 2, "\(bad)")
      #expect(error?.place.file == path.appending("events.jsonl").shown)
    }
  }

  /// FAULTS 47: a batch is in the log wholly or not at all, and the run goes on when there is room.
  @Test func failedAppendLeavesNoTornLine() throws {
    let counting = FaultyFileSystem()
    do {
      let run = try RunDirectory(directory.file("count"), description: description, files: counting)
      try run.append([event(1)])
      try run.append([event(2), event(3)])
    }
    for n in 1..<counting.callCount {
      let target = directory.file("fault\(n)")
      let files = FaultyFileSystem(.any(n, .noSpace))
      do {
        let run = try RunDirectory(target, description: description, files: files)
        try run.append([event(1)])
        try run.append([event(2), event(3)])
      } catch let error as FileError {
        #expect(error.exitStatus == .inputOutput, "call \(n): \(error)")
      }
      let resumed = try RunDirectory(target, description: description)
      #expect([0, 1, 3].contains(resumed.completedEvents.count), "call \(n)")
      #expect(resumed.warnings.isEmpty, "call \(n)")
      try resumed.append([event(7)])
      #expect(try RunRecord(target).events.last == event(7))
    }
    let full = FaultyFileSystem(.full(afterBytes: 130))
    let run = try RunDirectory(path, description: description, files: full)
    var appended = 0
    do {
      while true {
        try run.append([event(appended)])
        appended += 1
      }
    } catch {
      #expect((error as? FileError)?.description.contains("more bytes are needed") == true)
    }
    #expect(try RunRecord(path).events.count == appended && RunRecord(path).warnings.isEmpty)
  }

  @Test func readOnlyPlaceIs73() throws {
    try directory.write("file", text: "")
    let error = #expect(throws: FileError.self) {
      try RunDirectory(directory.file("file/run"), description: description)
    }
    #expect(error?.exitStatus == .cannotCreate)
  }

  @Test func recordOfNothingIs66() throws {
    let error = #expect(throws: FileError.self) { try RunRecord(directory.file("absent")) }
    #expect(error?.exitStatus == .noInput)
  }

  @Test func defaultPathIsNewAndPlain() throws {
    let locations = Locations(home: directory.path, share: nil)
    let time = UTCTime(seconds: 1_795_474_061)
    let first = RunDirectory.defaultPath(
      command: "attack", corpus: "../a b", in: locations, at: time)
    #expect(first == directory.file("runs/attack-.._a_b-20261123T224741Z"))
    _ = try RunDirectory(first, description: description)
    let second = RunDirectory.defaultPath(
      command: "attack", corpus: "../a b", in: locations, at: time)
    #expect(second.lastComponent?.string == "attack-.._a_b-20261123T224741Z-2")
  }
}
