import Basics
import Dispatch
public import Models
import Synchronization
import Tensors

/// Turns texts into vectors, on all threads, computing nothing twice.
///
/// A vector has the same bits whatever texts stand beside it, at any number of threads, on one
/// instruction set; what comes from the cache equals what would be computed.
public final class Embedder: Sendable {
  /// The retriever.
  public let model: EmbeddingModel
  /// Threads at work.
  public let threads: Int
  private let cache: EmbeddingCache?
  private let contexts: Mutex<[Worker]>

  /// Tokens that go through the layers together: enough to keep the arithmetic busy, few enough for
  /// the activations to stay in the second-level cache.
  private static let batchTokens = 384
  /// Inputs that a worker takes at once.
  private static let chunk = 32

  // `@unchecked Sendable`: a context is used by one thread at a time, handed out by the mutex.
  private struct Worker: @unchecked Sendable {
    let context: ComputeContext
  }

  /// Creates an embedder.
  ///
  /// - Parameters:
  ///   - model: the retriever.
  ///   - threads: at least 1.
  ///   - cache: where vectors are looked up and kept; nil computes all of them.
  public init(model: EmbeddingModel, threads: Int, cache: EmbeddingCache? = nil) {
    precondition(threads >= 1, "Embedder: \(threads) threads")
    self.model = model
    self.threads = threads
    self.cache = cache
    contexts = Mutex([])
  }

  /// Embeds a list of inputs.
  ///
  /// - Parameters:
  ///   - inputs: any number, in any order.
  ///   - progress: called with the number of inputs that were finished since the last call, from
  ///     any thread.
  /// - Returns: one row for each input.
  /// - Throws: `CancellationError` if the task was cancelled; `EmbeddingCacheError`;
  ///   `InputError` if a vector is not finite, naming the input.
  public func embed(
    _ inputs: [EmbeddingInput], progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> Embeddings {
    let dimension = model.dimension
    let keys = inputs.map(key)
    var values = [Float](repeating: 0, count: inputs.count * dimension)
    let unembeddable = try values.withUnsafeMutableBufferPointer { buffer in
      guard let rows = buffer.baseAddress else { return Set<Int>() }
      return try fill(
        Rows(pointer: rows, dimension: dimension), with: inputs, keys: keys, progress: progress)
    }
    return Embeddings(
      matrix: try VectorMatrix(values, rows: inputs.count, dimension: dimension),
      unembeddable: unembeddable.sorted())
  }

  /// Embeds one question on all threads at once.
  ///
  /// - Parameter text: the question.
  /// - Returns: the vector, or nil if nothing in the text can be embedded.
  public func embed(query text: String) -> [Float]? {
    guard let tokens = model.tokens(ofQuery: text) else { return nil }
    return withContext(team: true) { context in
      model.encoder(for: .query).vectors(of: [tokens], in: context).values
    }
  }

  // `@unchecked Sendable`: workers write disjoint rows.
  private struct Rows: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
    let dimension: Int
  }

  private func fill(
    _ rows: Rows, with inputs: [EmbeddingInput], keys: [String],
    progress: @Sendable (Int) -> Void
  ) throws -> Set<Int> {
    let cached = try cache?.read(keys, dimension: rows.dimension, into: rows.pointer) ?? []
    // Equal inputs are computed once, at their first position, and copied from there.
    var first: [String: Int] = [:]
    var missing: [Int] = []
    var repeated: [(position: Int, first: Int)] = []
    for position in inputs.indices where !cached.contains(position) {
      if let earlier = first[keys[position]] {
        repeated.append((position, earlier))
      } else {
        first[keys[position]] = position
        missing.append(position)
      }
    }
    progress(cached.count + repeated.count)
    var unembeddable = Set(
      try compute(missing, of: inputs, keys: keys, into: rows, progress: progress))
    for (position, earlier) in repeated {
      (rows.pointer + position * rows.dimension).update(
        from: rows.pointer + earlier * rows.dimension, count: rows.dimension)
      if unembeddable.contains(earlier) { unembeddable.insert(position) }
    }
    return unembeddable
  }

  private struct Shared {
    var next = 0
    var unembeddable: [Int] = []
    var failure: (any Error)?
  }

  private func compute(
    _ missing: [Int], of inputs: [EmbeddingInput], keys: [String], into rows: Rows,
    progress: @Sendable (Int) -> Void
  ) throws -> [Int] {
    try withUnsafeCurrentTask { task in
      try compute(missing, of: inputs, keys: keys, into: rows, for: Caller(task: task), progress)
    }
  }

  // `@unchecked Sendable`: workers only ask whether the task is cancelled, which any thread may.
  private struct Caller: @unchecked Sendable {
    let task: UnsafeCurrentTask?

    /// A worker's own thread knows nothing of the task that called.
    func checkCancellation() throws {
      if task?.isCancelled == true { throw CancellationError() }
    }
  }

  private func compute(
    _ missing: [Int], of inputs: [EmbeddingInput], keys: [String], into rows: Rows,
    for caller: Caller, _ progress: @Sendable (Int) -> Void
  ) throws -> [Int] {
    let shared = Mutex(Shared())
    // A short list is shared out evenly: some questions asked together keep every thread busy.
    let chunk = min(Self.chunk, max(1, (missing.count + threads - 1) / threads))
    let workers = min(threads, (missing.count + chunk - 1) / chunk)
    let isShort = workers <= 1
    @Sendable func work() {
      withContext(team: isShort) { context in
        while true {
          let range = shared.withLock { shared -> Range<Int>? in
            guard shared.failure == nil, shared.next < missing.count else { return nil }
            let end = min(shared.next + chunk, missing.count)
            defer { shared.next = end }
            return shared.next..<end
          }
          guard let range else { return }
          do {
            try caller.checkCancellation()
            let empty = try embed(
              Array(missing[range]), of: inputs, keys: keys, into: rows, in: context)
            shared.withLock { $0.unembeddable += empty }
          } catch {
            shared.withLock { $0.failure = $0.failure ?? error }
            return
          }
          progress(range.count)
        }
      }
    }
    if workers > 1 {
      DispatchQueue.concurrentPerform(iterations: workers) { _ in work() }
    } else {
      work()
    }
    return try shared.withLock { shared in
      if let failure = shared.failure { throw failure }
      return shared.unembeddable
    }
  }

  private func embed(
    _ positions: [Int], of inputs: [EmbeddingInput], keys: [String], into rows: Rows,
    in context: ComputeContext
  ) throws -> [Int] {
    var unembeddable: [Int] = []
    var pending: [TextRole: [(position: Int, tokens: TokenSequence)]] = [:]
    for position in positions {
      let (role, tokens) = self.tokens(of: inputs[position])
      if let tokens {
        pending[role, default: []].append((position, tokens))
      } else {
        unembeddable.append(position)
      }
    }
    for role in [TextRole.query, .passage] {
      var rest = (pending[role] ?? [])[...]
      while !rest.isEmpty {
        var count = 0
        var tokens = 0
        while count < rest.count, count == 0 || tokens < Self.batchTokens {
          tokens += rest[rest.startIndex + count].tokens.ids.count
          count += 1
        }
        let batch = rest.prefix(count)
        rest = rest.dropFirst(count)
        let vectors = model.encoder(for: role).vectors(of: batch.map(\.tokens), in: context)
        for (row, item) in batch.enumerated() {
          let from = vectors.storage.pointer + row * rows.dimension
          guard (0..<rows.dimension).allSatisfy({ from[$0].isFinite }) else {
            throw InputError(
              "model '\(model.name)' gives a vector that is not finite",
              at: Place(record: "input \(item.position)"))
          }
          (rows.pointer + item.position * rows.dimension).update(from: from, count: rows.dimension)
        }
      }
    }
    if let cache {
      let empty = Set(unembeddable)
      try cache.write(
        positions.filter { !empty.contains($0) }.map { position in
          let start = rows.pointer + position * rows.dimension
          return (keys[position], Array(UnsafeBufferPointer(start: start, count: rows.dimension)))
        })
    }
    return unembeddable
  }

  private func tokens(of input: EmbeddingInput) -> (TextRole, TokenSequence?) {
    switch input {
    case .query(let text): (.query, model.tokens(ofQuery: text))
    case .passage(let title, let text, let separator):
      (.passage, model.tokens(ofPassage: title, text: text, separator: separator))
    }
  }

  /// What an input's vector is cached under: all that decides its bits.
  func key(_ input: EmbeddingInput) -> String {
    let parts: [String]
    switch input {
    case .query(let text):
      parts = [model.isSymmetric ? "text" : "query", text]
    case .passage(let title, let text, let separator):
      parts =
        model.isSymmetric && model.passageForm == .joined
        ? ["text", title.isEmpty ? text : title + separator + text]
        : ["passage", title, separator, text]
    }
    // Lengths keep ("ab", "c") apart from ("a", "bc").
    var bytes = Array("\(model.identity) \(ComputeContext.instructionSet)".utf8)
    for part in parts {
      bytes += Array("\n\(part.utf8.count)\n".utf8)
      bytes += Array(part.utf8)
    }
    return bytes.withUnsafeBytes { Checksum.sha256($0) }
  }

  private func withContext<R>(team: Bool, _ body: (ComputeContext) throws -> R) rethrows -> R {
    // A team's threads stand idle while workers run, so a worker's context has none.
    if !team { return try body(ComputeContext()) }
    let worker =
      contexts.withLock { $0.popLast() } ?? Worker(context: ComputeContext(threads: threads))
    defer { contexts.withLock { $0.append(worker) } }
    return try body(worker.context)
  }
}
