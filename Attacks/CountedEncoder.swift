public import Basics
import Synchronization

/// What an attack has spent on the encoder, shared by all who hold it.
///
/// The unit is one text through the encoder once: a number that, unlike seconds, can be compared
/// between machines and papers.
public final class EncoderSpending: Sendable {
  /// The greatest number of forward passes, `nil` for no limit.
  public let budget: Int?
  private let spent = Mutex((forward: 0, backward: 0))

  /// Nothing spent yet.
  public init(budget: Int? = nil) { self.budget = budget }

  /// Texts encoded so far.
  public var forwardPasses: Int { spent.withLock { $0.forward } }
  /// Texts that a gradient was taken through so far.
  public var backwardPasses: Int { spent.withLock { $0.backward } }
  /// Forward passes left, `nil` without a budget.
  public var remaining: Int? { budget.map { max(0, $0 - forwardPasses) } }

  /// Books passes before they are made.
  ///
  /// - Parameters:
  ///   - forward: Texts to be encoded.
  ///   - backward: Texts that a gradient is taken through.
  /// - Throws: ``BudgetExhausted`` if the budget does not allow it; then nothing is booked.
  public func book(forward: Int, backward: Int = 0) throws {
    let allowed = spent.withLock { spent in
      if let budget, spent.forward + forward > budget { return false }
      spent.forward += forward
      spent.backward += backward
      return true
    }
    if !allowed { throw BudgetExhausted(budget: budget ?? 0) }
  }
}

/// An attack's budget does not allow what it would do next: it returns the best found so far.
public struct BudgetExhausted: ReportableError, Equatable {
  /// The budget in forward passes.
  public var budget: Int

  /// An error with the budget that is spent.
  public init(budget: Int) { self.budget = budget }

  /// Always `ExitStatus.usage`.
  public var exitStatus: ExitStatus { .usage }
  /// One sentence.
  public var description: String {
    "the budget of \(budget) encoder passes is spent"
  }
}

/// A retriever's encoder that counts what is asked of it.
public struct CountedEncoder: Sendable {
  /// The side of the retriever.
  public enum Side: Sendable {
    /// Queries.
    case query
    /// Passages.
    case passage
  }

  /// What has been spent.
  public let spending: EncoderSpending
  private let encode: @Sendable ([String], Side) throws -> [[Float]]

  /// A counted encoder.
  ///
  /// - Parameters:
  ///   - spending: Where passes are booked.
  ///   - encode: Gives one vector a text, as the retriever would compare it.
  public init(
    spending: EncoderSpending = EncoderSpending(),
    encode: @escaping @Sendable ([String], Side) throws -> [[Float]]
  ) {
    self.spending = spending
    self.encode = encode
  }

  /// The vectors of texts.
  ///
  /// - Parameters:
  ///   - texts: The texts; each counts as one forward pass, repeated ones too.
  ///   - side: Query or passage.
  /// - Returns: One vector a text.
  /// - Throws: ``BudgetExhausted`` before anything is encoded, and what the encoder throws.
  public func vectors(of texts: [String], as side: Side) throws -> [[Float]] {
    try spending.book(forward: texts.count)
    return try encode(texts, side)
  }
}
