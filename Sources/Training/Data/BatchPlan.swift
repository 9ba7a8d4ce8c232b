import Tensors

/// Which examples each step takes: a function of the step, so that a run can go on anywhere.
public protocol BatchPlan {
  /// Examples of a step, counted from 0; may be empty where batches are sampled.
  func batch(at step: Int) -> [Int]
  /// Steps that see each example once, at least one.
  var stepsPerEpoch: Int { get }
}

/// Batches of one size from a new order in each epoch.
///
/// With lengths, examples of similar length come together, so that little time goes into differences
/// between them: the order is cut into stretches of 16 batches, each is sorted by length and cut into
/// batches, and the batches come in random order.
public final class ShuffledBatches: BatchPlan {
  private let count: Int
  private let size: Int
  private let seed: UInt64
  private let lengths: [Int]?
  private var epoch: (number: Int, batches: [[Int]])?

  /// A plan.
  ///
  /// - Parameters:
  ///   - count: number of examples, at least one.
  ///   - size: examples of a batch. The last batch of an epoch may have fewer, but never one alone
  ///     if `size` is above 1: what is left joins the batch before.
  ///   - seed: of the orders.
  ///   - lengths: nil, or tokens of each example.
  public init(count: Int, size: Int, seed: UInt64, lengths: [Int]? = nil) {
    precondition(
      count > 0 && size > 0 && (lengths.map { $0.count == count } ?? true),
      "ShuffledBatches: \(count) examples in batches of \(size), \(lengths?.count ?? count) lengths"
    )
    self.count = count
    self.size = size
    self.seed = seed
    self.lengths = lengths
  }

  /// Batches of an epoch.
  public var stepsPerEpoch: Int {
    let rest = count % size
    return max(1, count / size + (rest > 1 || (rest == 1 && size == 1) ? 1 : 0))
  }

  /// Examples of a step.
  public func batch(at step: Int) -> [Int] {
    let number = step / stepsPerEpoch
    if epoch?.number != number { epoch = (number, batches(ofEpoch: number)) }
    return epoch?.batches[step % stepsPerEpoch] ?? []
  }

  private func batches(ofEpoch number: Int) -> [[Int]] {
    var random = Philox(seed: seed, stream: UInt64(number))
    var order = Array(0..<count)
    order.shuffle(using: &random)
    if let lengths {
      let stretch = 16 * size
      order = stride(from: 0, to: count, by: stretch).flatMap { start in
        order[start..<min(count, start + stretch)].enumerated().sorted {
          (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset)
        }.map(\.element)
      }
    }
    let steps = stepsPerEpoch
    var batches = (0..<steps).map { index in
      Array(order[index * size..<(index == steps - 1 ? count : (index + 1) * size)])
    }
    if lengths != nil { batches.shuffle(using: &random) }
    return batches
  }
}

/// Batches in which each example stands with the same probability, independent of all others, as
/// amplification by subsampling asks for. A batch may be empty.
public struct PoissonBatches: BatchPlan {
  private let count: Int
  private let rate: Double
  private let seed: UInt64

  /// A plan.
  ///
  /// - Parameters:
  ///   - count: number of examples, at least one.
  ///   - rate: the probability, above 0 and up to 1.
  ///   - seed: of all choices.
  public init(count: Int, rate: Double, seed: UInt64) {
    precondition(count > 0 && rate > 0 && rate <= 1, "PoissonBatches: \(count) examples, \(rate)")
    self.count = count
    self.rate = rate
    self.seed = seed
  }

  /// 1 / rate, rounded up: an example is expected once in that many steps.
  public var stepsPerEpoch: Int { Int((1 / rate).rounded(.up)) }

  /// Examples of a step, ascending.
  public func batch(at step: Int) -> [Int] {
    (0..<count).filter {
      Philox.uniform(seed: seed, stream: UInt64(step), index: UInt64($0)) < rate
    }
  }
}
