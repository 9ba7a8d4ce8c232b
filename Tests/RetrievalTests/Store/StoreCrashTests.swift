import Basics
import Foundation
import Glibc
import Retrieval
import SystemPackage
import TestSupport
import Testing

/// A fixed sequence of changes, so that parent and child agree on what each step does.
private enum Workload {
  static let steps = 90

  static func batch(_ number: Int) -> [StoredDocument] { documents(12, prefix: "b\(number)-") }

  /// Adds a batch, embeds it, and from the fourth batch on removes the one three before.
  static func apply(_ step: Int, to store: DocumentStore) throws {
    let number = step / 3
    switch step % 3 {
    case 0:
      try store.addDocuments(
        batch(number), from: ImportOrigin(run: "crash", source: "batch \(number)"))
    case 1:
      let rows = try store.pendingChunks(of: .test()).map { chunk in
        (chunk: chunk, vector: [Float(chunk), 1, 2, 3])
      }
      try store.storeEmbeddings(of: .test(), rows)
    default:
      if number >= 3 { try store.remove(batch(number - 3).map(\.id)) }
    }
  }

  /// The checksum of the content after so many steps.
  static func checksums() throws -> [String] {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    return try [store.state().checksum]
      + (0..<steps).map { step in
        try apply(step, to: store)
        return try store.state().checksum
      }
  }
}

/// How a child is to end.
private struct CrashPlan: Codable, Sendable {
  var directory: String
  /// The longest file; the write that passes it ends the process, in the middle of that write.
  var fileLimit: UInt?
  /// Microseconds until SIGKILL.
  var delay: UInt32?
}

private func append(_ line: String, to descriptor: Int32) {
  _ = Array((line + "\n").utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}

/// Serialized: each round starts a process.
@Suite(.serialized) struct StoreCrashTests {
  @Test func aKillAtAnyInstantLosesNothingCommitted() async throws {
    let seed = UInt64.random(in: .min ... .max)
    print("StoreCrashTests: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let checksums = try Workload.checksums()
    for round in 0..<10 {
      let temporary = TemporaryStore()
      try temporary.create().close()
      let byLimit = round.isMultiple(of: 2)
      let plan = CrashPlan(
        directory: temporary.directory.path.string,
        // The log grows by about 100 KiB a step.
        fileLimit: byLimit ? UInt.random(in: 400_000...6_000_000, using: &random) : nil,
        delay: byLimit ? nil : UInt32.random(in: 1000...250_000, using: &random))
      await #expect(processExitsWith: .failure) { [plan = plan as CrashPlan] in
        try runUntilKilled(plan)
      }

      let log = FileManager.default.contents(
        atPath: temporary.directory.file("done").string)
      let done = log.map { $0.count { $0 == UInt8(ascii: "\n") } } ?? 0
      let store = try temporary.open(.writing)
      #expect(try store.verify() == [], "seed \(seed), round \(round)")
      let checksum = try store.state().checksum
      // The step under way is there as a whole or not at all.
      let possible = [checksums[done], checksums[min(done + 1, Workload.steps)]]
      #expect(possible.contains(checksum), "seed \(seed), round \(round), \(done) steps done")
      for step in done..<Workload.steps { try Workload.apply(step, to: store) }
      #expect(try store.state().checksum == checksums[Workload.steps])
      #expect(try store.pendingChunks(of: .test()) == [])
      #expect(try store.verify() == [])
      print("round \(round): \(byLimit ? "file limit" : "SIGKILL") after \(done) steps")
    }
  }

  @Test func aFullDiskIsReportedAndWhatWasThereStays() async throws {
    let temporary = TemporaryStore()
    let first = try temporary.create()
    try Workload.apply(0, to: first)
    try first.close()
    let state = try temporary.open().state()
    let directory = temporary.directory.path.string
    await #expect(processExitsWith: .exitCode(ExitStatus.inputOutput.rawValue)) {
      [directory = directory as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 1_500_000, rlim_max: 1_500_000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      do {
        let store = try DocumentStore.open(in: FilePath(directory), for: .writing)
        try store.addDocuments(
          documents(3000, prefix: "x"), from: ImportOrigin(run: "full", source: "x"))
      } catch let error as any ReportableError {
        print(error)
        exit(error.exitStatus.rawValue)
      }
    }
    let store = try temporary.open(.writing)
    #expect(try store.verify() == [])
    #expect(try store.document(Workload.batch(0)[3].id) == Workload.batch(0)[3])
    #expect(try (store.state().documents - state.documents).isMultiple(of: 1000))
    // With room again the import is resumed by repeating it.
    try store.addDocuments(
      documents(3000, prefix: "x"), from: ImportOrigin(run: "full", source: "x"))
    #expect(try store.state().documents == state.documents + 3000)
  }
}

/// Works through the steps, noting each that is done, until something ends the process.
private func runUntilKilled(_ plan: CrashPlan) throws {
  let directory = FilePath(plan.directory)
  let descriptor = open(directory.appending("done").string, O_WRONLY | O_CREAT | O_APPEND, 0o600)
  if let bytes = plan.fileLimit {
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
  }
  let store = try DocumentStore.open(in: directory, for: .writing)
  if let delay = plan.delay {
    Thread.detachNewThread {
      usleep(delay)
      kill(getpid(), SIGKILL)
    }
  }
  for step in 0..<Workload.steps {
    try Workload.apply(step, to: store)
    append("\(step)", to: descriptor)
  }
  kill(getpid(), SIGKILL)
}
