import Basics
import Glibc
public import Tensors

/// How surprising texts are to a model.
public struct Perplexity: Sendable, Equatable {
  /// Tokens that were predicted.
  public var tokens = 0
  /// Sum of `−log p` over them, in nats.
  public var negativeLogLikelihood = 0.0

  /// `exp` of the mean of `−log p`; NaN without tokens.
  public var value: Double { exp(negativeLogLikelihood / Double(tokens)) }

  /// Nothing predicted yet.
  public init() {}
}

extension TransformerDecoder {
  /// Logarithms of the probability of tokens, each given those before it.
  ///
  /// - Parameters:
  ///   - sequences: tokens, none longer than the context.
  ///   - starts: for each sequence the first token that is asked for, 1 or more; nil: 1.
  ///   - context: where it runs.
  /// - Returns: for each sequence one number for each token from its start on, in nats.
  /// - Throws: `UsageError` for a sequence that is empty, longer than the context or holds no token of
  ///   the vocabulary; `MemoryShortage`; `CancellationError`.
  public func logProbabilities(
    of sequences: [[Int32]], from starts: [Int]? = nil, in context: ComputeContext
  ) throws -> [[Double]] {
    let starts = starts ?? sequences.map { _ in 1 }
    precondition(
      starts.count == sequences.count && starts.allSatisfy { $0 >= 1 },
      "logProbabilities: \(sequences.count) sequences, starts \(starts)")
    try configuration.check(sequences, room: 0)
    var result = sequences.map { _ in [Double]() }
    // A cache lives only as long as its sequence is being read.
    var caches: [Int: KeyValueCache] = [:]
    try forEachPass(sequences) { parts in
      for (sequence, _) in parts where caches[sequence] == nil {
        caches[sequence] = try makeCache(tokens: sequences[sequence].count)
      }
      let states = states(
        of: parts.map { Array(sequences[$0.sequence][$0.tokens]) },
        caches: parts.compactMap { caches[$0.sequence] }, in: context)
      var rows: [(row: Int, sequence: Int, target: Int32)] = []
      var row = 0
      for (sequence, tokens) in parts {
        for place in tokens {
          if place + 1 >= starts[sequence], place + 1 < sequences[sequence].count {
            rows.append((row, sequence, sequences[sequence][place + 1]))
          }
          row += 1
        }
        if tokens.upperBound == sequences[sequence].count { caches[sequence] = nil }
      }
      // Scores of the whole vocabulary are many: 64 rows at a time.
      for start in stride(from: 0, to: rows.count, by: 64) {
        let part = rows[start..<min(rows.count, start + 64)]
        let logits = logits(of: context.gather(states, rows: part.map(\.row)), in: context)
        try logits.requireFiniteScores()
        let found = context.logProbabilities(logits, of: part.map(\.target))
        for (entry, value) in zip(part, found) { result[entry.sequence].append(value) }
      }
    }
    return result
  }

  /// Logarithms of the probability of given continuations, token by token.
  ///
  /// - Parameters:
  ///   - continuations: tokens.
  ///   - prompt: what stands before each of them, not empty.
  ///   - context: where it runs.
  /// - Returns: for each continuation one number for each of its tokens, in nats.
  /// - Throws: as `logProbabilities(of:from:in:)`.
  public func logProbabilities(
    of continuations: [[Int32]], after prompt: [Int32], in context: ComputeContext
  ) throws -> [[Double]] {
    try configuration.check([prompt], room: 0)
    return try logProbabilities(
      of: continuations.map { prompt + $0 }, from: continuations.map { _ in prompt.count },
      in: context)
  }

  /// The perplexity of texts together: every token but each text's first is predicted.
  ///
  /// - Parameters:
  ///   - sequences: tokens, none longer than the context.
  ///   - context: where it runs.
  /// - Returns: count and sum.
  /// - Throws: as `logProbabilities(of:from:in:)`.
  public func perplexity(
    of sequences: [[Int32]], in context: ComputeContext
  ) throws -> Perplexity {
    var result = Perplexity()
    for values in try logProbabilities(of: sequences, in: context) {
      result.tokens += values.count
      result.negativeLogLikelihood -= values.reduce(0, +)
    }
    return result
  }
}
