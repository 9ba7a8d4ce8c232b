import Basics
public import Tensors
public import Training

/// Coefficients of a linear filter: `m_t = Σ_r a_r m_{t−r} + Σ_r b_r p_{t−r}`.
public struct LowPassCoefficients: Sendable, Equatable {
  /// a, of the filter's own results, the last one first.
  public let feedback: [Double]
  /// b, of the gradients, the newest first; at least one.
  public let feedForward: [Double]

  /// Coefficients.
  public init(feedback: [Double], feedForward: [Double]) {
    precondition(!feedForward.isEmpty, "LowPassCoefficients: none of the gradients")
    (self.feedback, self.feedForward) = (feedback, feedForward)
  }

  /// The moving average `m = (1 − κ) m + κ p`.
  public static func movingAverage(gain: Double) -> LowPassCoefficients {
    LowPassCoefficients(feedback: [1 - gain], feedForward: [gain])
  }
}

/// DOPPLER: a low-pass filter of private gradients. What the first steps lack is made up for: a
/// constant gradient comes out as it is from the first step on.
///
/// - SeeAlso: Zhang et al. 2024, "DOPPLER: differentially private optimizers with low-pass filter for
///   privacy noise reduction" (arXiv 2408.13460), algorithm 1.
public final class LowPassFilter<Source: CombiningGradientSource>: GradientSource, CheckpointedState
{
  private let source: Source
  private let coefficients: LowPassCoefficients
  private let context: ComputeContext
  /// The last results and gradients, newest first; each one tensor a parameter.
  private var results: [[Tensor]] = []
  private var gradients: [[Tensor]] = []
  /// What the filter has made of a constant 1, newest first.
  private var weights: [Double] = []

  /// A filter before its first gradient.
  public init(
    _ source: Source, _ coefficients: LowPassCoefficients, in context: ComputeContext
  ) {
    self.source = source
    self.coefficients = coefficients
    self.context = context
  }

  /// Computes the filtered gradient.
  public func computeGradient(of examples: [Source.Example], at step: Int) -> Double? {
    let loss = source.computeGradient(of: examples, at: step)
    let parameters = trainable
    gradients.insert(
      parameters.map { ($0.gradient ?? context.zeros($0.shape)).copied() }, at: 0)
    gradients = Array(gradients.prefix(coefficients.feedForward.count))
    let terms =
      zip(coefficients.feedback, results).map { ($0, $1) }
      + zip(coefficients.feedForward, gradients).map { ($0, $1) }
    let weight =
      zip(coefficients.feedback, weights).reduce(0) { $0 + $1.0 * $1.1 }
      + coefficients.feedForward.prefix(gradients.count).reduce(0, +)
    let new = parameters.indices.map { number -> Tensor in
      let sum = Parameter("", context.zeros(parameters[number].shape))
      sum.update { sum, _ in
        for (coefficient, tensors) in terms {
          let factor = Float(coefficient)
          tensors[number].withValues { values in
            context.parallelRanges(sum.count) { part in
              for i in part { sum[i] += factor * values[i] }
            }
          }
        }
      }
      return sum.value
    }
    for (parameter, value) in zip(parameters, new) {
      value.withValues { value in
        parameter.updateGradient { gradient in
          for i in gradient.indices { gradient[i] = value[i] / Float(weight) }
        }
      }
    }
    results = Array(([new] + results).prefix(coefficients.feedback.count))
    weights = Array(([weight] + weights).prefix(coefficients.feedback.count))
    return loss
  }

  private var trainable: [Parameter] { source.parameters.filter(\.isTrainable) }

  /// `lowpass`.
  public var stateName: String { "lowpass" }

  /// The last results and gradients.
  public func savedState() -> StateRecord {
    var record = StateRecord()
    record.values = [
      "feedback": .array(coefficients.feedback.map { .number($0) }),
      "feedForward": .array(coefficients.feedForward.map { .number($0) }),
      "weights": .array(weights.map { .number($0) }),
      "results": JSONValue(results.count), "gradients": JSONValue(gradients.count),
    ]
    for (kind, lists) in [("results", results), ("gradients", gradients)] {
      for (age, tensors) in lists.enumerated() {
        for (parameter, tensor) in zip(trainable, tensors) {
          record.tensors.append(("\(kind)/\(age)/\(parameter.name)", tensor))
        }
      }
    }
    return record
  }

  /// Takes the state of a filter with the same coefficients.
  public func restore(_ record: StateRecord) throws {
    let values = record.values
    guard try values.doubles("feedback") == coefficients.feedback,
      try values.doubles("feedForward") == coefficients.feedForward
    else { throw InputError("the filter has other coefficients") }
    func lists(_ kind: String) throws -> [[Tensor]] {
      let count = try values.int(kind)
      guard (0...1000).contains(count) else { throw InputError("the filter has \(count) \(kind)") }
      return try (0..<count).map { age in
        try trainable.map { parameter in
          guard let tensor = record.tensor("\(kind)/\(age)/\(parameter.name)"),
            tensor.shape == parameter.shape
          else { throw InputError("the filter's \(kind) of '\(parameter.name)' do not fit") }
          return tensor
        }
      }
    }
    let (results, gradients) = (try lists("results"), try lists("gradients"))
    weights = try values.doubles("weights")
    (self.results, self.gradients) = (results, gradients)
  }
}
