public import Tensors

/// InfoNCE: each query shall prefer its passage to all others of the batch.
///
/// `loss_i = −β s(q_i, p_i) + log Σ_{j ∈ D_i} exp β s(q_i, p_j)`, s the inner product. D_i are the
/// other passages, without known positives of query i; with the passage itself it is the usual
/// cross-entropy, without it the decoupled form.
///
/// - SeeAlso: van den Oord et al. 2018; Karpukhin et al. 2020 (in-batch negatives); Yeh et al. 2022,
///   "Decoupled contrastive learning".
public struct ContrastiveLoss: Sendable, Equatable {
  /// β, the inverse temperature, above 0.
  public var inverseTemperature: Float
  /// Whether the passage itself is in the denominator.
  public var includesPositive: Bool

  /// A loss.
  public init(inverseTemperature: Float = 20, includesPositive: Bool = true) {
    precondition(inverseTemperature > 0, "ContrastiveLoss: \(inverseTemperature)")
    self.inverseTemperature = inverseTemperature
    self.includesPositive = includesPositive
  }

  /// Losses of a batch.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - passages: `[m, dimension]`.
  ///   - positives: the passage of each query; negative: the query is left out, with loss 0.
  ///   - excluded: for each query passages that count neither as right nor as wrong; nil: none.
  ///   - tape: where it runs.
  /// - Returns: `[n, 1]`, in nats. Without the positive in the denominator each query needs another
  ///   passage.
  public func losses(
    queries: Variable, passages: Variable, positives: [Int], excluded: [[Int]]? = nil,
    on tape: Tape
  ) -> Variable {
    tape.crossEntropy(
      tape.similarity(queries, passages, scale: inverseTemperature), targets: positives,
      excluded: excluded, keepsTarget: includesPositive)
  }
}

/// `max(0, margin − s(q, p) + s(q, n))`, s the inner product.
///
/// - SeeAlso: Weston and Watkins 1999; `torch.nn.MarginRankingLoss`.
public struct MarginLoss: Sendable, Equatable {
  /// By how much the positive shall be ahead.
  public var margin: Float

  /// A loss.
  public init(margin: Float) { self.margin = margin }

  /// Losses of triples, row by row.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - positives: the same shape.
  ///   - negatives: the same shape.
  ///   - tape: where it runs.
  /// - Returns: `[n, 1]`.
  public func losses(
    queries: Variable, positives: Variable, negatives: Variable, on tape: Tape
  ) -> Variable {
    let lead = tape.subtract(
      tape.rowProducts(queries, negatives), tape.rowProducts(queries, positives))
    return tape.positivePart(tape.shifted(lead, by: margin))
  }
}

/// `max(0, |q − p| − |q − n| + margin)` with Euclidean distances.
///
/// - SeeAlso: Schroff et al. 2015, "FaceNet"; `torch.nn.TripletMarginLoss`.
public struct TripletLoss: Sendable, Equatable {
  /// By how much the positive shall be nearer.
  public var margin: Float

  /// A loss.
  public init(margin: Float = 1) { self.margin = margin }

  /// Losses of triples, row by row.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - positives: the same shape.
  ///   - negatives: the same shape.
  ///   - tape: where it runs.
  /// - Returns: `[n, 1]`. The slope of a distance of 0 is taken as 0.
  public func losses(
    queries: Variable, positives: Variable, negatives: Variable, on tape: Tape
  ) -> Variable {
    func distance(_ a: Variable, _ b: Variable) -> Variable {
      let difference = tape.subtract(a, b)
      return tape.map(tape.rowProducts(difference, difference)) { square in
        let root = square.squareRoot()
        return (root, root > 0 ? 0.5 / root : 0)
      }
    }
    let lead = tape.subtract(distance(queries, positives), distance(queries, negatives))
    return tape.positivePart(tape.shifted(lead, by: margin))
  }
}
