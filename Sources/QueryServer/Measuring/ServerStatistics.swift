import Basics
import Glibc
import Synchronization
import SystemPackage

/// What the server has done since its start.
final class ServerStatistics: Sendable {
  /// A part of answering a search.
  enum Stage: String, CaseIterable, Sendable {
    /// From the arrival of the request to its turn.
    case waiting
    /// Questions to vectors, for the whole micro-batch.
    case embedding
    /// The scan of the vectors, for the whole micro-batch.
    case ranking
    /// What the detector adds to one query: scores, p-values, and the passages read for it alone.
    case detection
  }

  private struct State {
    var calls: [(tool: String, total: Int, failed: Int, time: LatencyHistogram)] = []
    var stages: [Stage: LatencyHistogram] = [:]
    var errors: [Int: Int] = [:]
    var cancelled = 0
    var batches = 0
    var batchedQueries = 0
    var largestBatch = 0
    var flagged = 0
    var removed = 0
  }

  private let state = Mutex(State())
  private let start = ContinuousClock.now

  init() {}

  /// Counts an error of the protocol.
  func count(_ error: ProtocolError) {
    state.withLock { $0.errors[error.code.rawValue, default: 0] += 1 }
  }

  /// Counts a cancelled request.
  func countCancellation() { state.withLock { $0.cancelled += 1 } }

  /// Counts a call of a tool.
  func record(
    _ tool: String, _ result: Result<JSONObject, any Error>, since arrival: ContinuousClock.Instant
  ) {
    let time = ContinuousClock.now - arrival
    var isFailed = false
    if case .failure(let error) = result {
      if error is CancellationError { return }
      isFailed = true
    }
    state.withLock { state in
      let place =
        state.calls.firstIndex { $0.tool == tool }
        ?? {
          state.calls.append((tool, 0, 0, LatencyHistogram()))
          return state.calls.count - 1
        }()
      state.calls[place].total += 1
      if isFailed { state.calls[place].failed += 1 }
      state.calls[place].time.add(time)
    }
  }

  /// Adds a part of answering a search.
  func record(_ stage: Stage, _ time: Duration) {
    state.withLock { $0.stages[stage, default: LatencyHistogram()].add(time) }
  }

  /// Counts questions that were embedded and ranked together.
  func countBatch(of queries: Int) {
    state.withLock { state in
      state.batches += 1
      state.batchedQueries += queries
      state.largestBatch = max(state.largestBatch, queries)
    }
  }

  /// Counts what the detector flagged in an answer and what was taken out of it.
  func countVerdicts(flagged: Int, removed: Int) {
    state.withLock { state in
      state.flagged += flagged
      state.removed += removed
    }
  }

  /// Everything as JSON; times in milliseconds.
  var json: JSONObject {
    state.withLock { state in
      var calls: JSONObject = [:]
      for call in state.calls {
        var entry: JSONObject = ["calls": JSONValue(call.total), "failed": JSONValue(call.failed)]
        entry["latency"] = .object(call.time.json)
        calls[call.tool] = .object(entry)
      }
      var stages: JSONObject = [:]
      for stage in Stage.allCases {
        stages[stage.rawValue] = .object((state.stages[stage] ?? LatencyHistogram()).json)
      }
      var errors: JSONObject = [:]
      for (code, count) in state.errors.sorted(by: { $0.key > $1.key }) {
        errors[String(code)] = JSONValue(count)
      }
      return [
        "uptimeSeconds": .number((ContinuousClock.now - start).inSeconds),
        "residentBytes": JSONValue(Self.residentBytes), "tools": .object(calls),
        "search": .object(stages), "protocolErrors": .object(errors),
        "cancelled": JSONValue(state.cancelled),
        "batches": [
          "count": JSONValue(state.batches), "queries": JSONValue(state.batchedQueries),
          "largest": JSONValue(state.largestBatch),
        ],
        "flagged": JSONValue(state.flagged), "removed": JSONValue(state.removed),
      ]
    }
  }

  /// Bytes of memory that the process holds, 0 if the system does not tell.
  static var residentBytes: Int {
    guard let text = try? FileBytes.readUnsized("/proc/self/statm") else { return 0 }
    let fields = text.split(separator: 0x20)
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else {
      return 0
    }
    return pages * Int(getpagesize())
  }
}
