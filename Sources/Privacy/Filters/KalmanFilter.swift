import Basics
import Glibc
public import Tensors
public import Training

/// Settings of DiSK.
public struct KalmanGains: Sendable, Equatable {
  /// κ, the weight of the new observation, above 0 and up to 1; 1 is no filter.
  public let gain: Double
  /// γ, how far ahead along the last step the second gradient is taken, above 0.
  public let lookAhead: Double

  /// Settings.
  ///
  /// - Parameters:
  ///   - gain: κ.
  ///   - lookAhead: γ; nil: (1 − κ) / κ, with which the gradient ahead is all that is needed.
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)``.
  public init(gain: Double, lookAhead: Double? = nil) throws {
    guard gain > 0, gain <= 1 else {
      throw PrivacyError.range("the filter's gain", gain, "a number above 0 and up to 1")
    }
    let lookAhead = lookAhead ?? (1 - gain) / gain
    guard lookAhead > 0 || gain == 1, lookAhead >= 0, lookAhead.isFinite else {
      throw PrivacyError.range("the filter's look-ahead", lookAhead, "a number above 0")
    }
    (self.gain, self.lookAhead) = (gain, lookAhead)
  }

  /// c = (1 − κ) / (κ γ), the weight of the gradient ahead.
  package var weightAhead: Double { gain == 1 ? 0 : (1 - gain) / (gain * lookAhead) }

  /// Whether the gradient ahead is all that is needed.
  var isOneEvaluation: Bool { abs(weightAhead - 1) < 1e-3 }
}

/// DiSK: a Kalman filter for private gradients, simplified to a constant gain.
///
/// With the last step d: `v_i = c ∇f_i(x + γ d) + (1 − c) ∇f_i(x)` for each record, shortened and
/// summed with noise to p; `m = (1 − κ) m + κ p`, at the first step m = p. The optimizer gets m. For
/// quadratic losses without noise m is exactly the gradient at x, and noise enters m with
/// κ / (2 − κ) of its variance. What is shortened is the combination, and noise is drawn once: it
/// costs the privacy of DP-SGD.
///
/// Takes two copies of the parameters: m, and the last place.
///
/// - SeeAlso: Zhang et al. 2025, "DiSK: differentially private optimizer with simplified Kalman
///   filter for noise reduction" (arXiv 2410.03883), algorithm 1.
public final class KalmanFilter<Source: CombiningGradientSource>: GradientSource, CheckpointedState
{
  /// The settings.
  public let gains: KalmanGains
  private let source: Source
  private let context: ComputeContext
  /// m and the trainable parameters at the last gradient; nil before the first.
  private var memory: (filtered: [Parameter], last: [Parameter])?

  /// A filter before its first gradient.
  ///
  /// - Parameters:
  ///   - source: what is filtered.
  ///   - gains: κ and γ.
  ///   - context: where it runs.
  public init(_ source: Source, _ gains: KalmanGains, in context: ComputeContext) {
    self.source = source
    self.gains = gains
    self.context = context
  }

  /// Computes the filtered gradient.
  public func computeGradient(of examples: [Source.Example], at step: Int) -> Double? {
    guard gains.gain < 1 else { return source.computeGradient(of: examples, at: step) }
    let parameters = trainable
    guard let memory else {
      let loss = source.computeGradient(of: examples, at: step)
      remember(parameters)
      return loss
    }
    // The memory of the last place becomes that of the place ahead.
    let ahead = Float(gains.lookAhead)
    for (parameter, last) in zip(parameters, memory.last) {
      let value = parameter.value
      value.withValues { x in
        last.update { last, _ in
          context.parallelRanges(last.count) { part in
            for i in part { last[i] = x[i] + ahead * (x[i] - last[i]) }
          }
        }
      }
    }
    let loss = source.computeGradient(of: examples, at: step, combining: points(memory.last))
    let gain = Float(gains.gain)
    for (parameter, filtered) in zip(parameters, memory.filtered) {
      filtered.update { m, _ in
        parameter.updateGradient { gradient in
          context.parallelRanges(m.count) { part in
            for i in part {
              m[i] = (1 - gain) * m[i] + gain * gradient[i]
              gradient[i] = m[i]
            }
          }
        }
      }
    }
    for (parameter, last) in zip(parameters, memory.last) {
      parameter.value.withValues { x in
        last.update { last, _ in _ = last.update(fromContentsOf: x) }
      }
    }
    return loss
  }

  private func points(_ ahead: [Parameter]) -> [GradientPoint] {
    var ahead = ahead.makeIterator()
    let values = source.parameters.map { parameter in
      parameter.isTrainable ? ahead.next()?.value ?? parameter.value : parameter.value
    }
    if gains.isOneEvaluation { return [GradientPoint(values: values)] }
    return [
      GradientPoint(coefficient: gains.weightAhead, values: values),
      GradientPoint(coefficient: 1 - gains.weightAhead),
    ]
  }

  private var trainable: [Parameter] { source.parameters.filter(\.isTrainable) }

  private func remember(_ parameters: [Parameter]) {
    memory = (
      parameters.map { Parameter($0.name, ($0.gradient ?? context.zeros($0.shape)).copied()) },
      parameters.map { Parameter($0.name, $0.value.copied()) }
    )
  }

  /// `kalman`.
  public var stateName: String { "kalman" }

  /// m and the last place, if there are any.
  public func savedState() -> StateRecord {
    var record = StateRecord()
    record.values = [
      "gain": .number(gains.gain), "lookAhead": .number(gains.lookAhead),
      "isFilled": .bool(memory != nil),
    ]
    guard let memory else { return record }
    record.tensors =
      memory.filtered.map { ("filtered/" + $0.name, $0.value) }
      + memory.last.map { ("last/" + $0.name, $0.value) }
    return record
  }

  /// Takes the state of a filter with the same settings.
  public func restore(_ record: StateRecord) throws {
    guard try record.values.double("gain") == gains.gain,
      try record.values.double("lookAhead") == gains.lookAhead
    else { throw InputError("the filter has other settings") }
    guard try record.values.bool("isFilled") else {
      memory = nil
      return
    }
    func tensors(_ kind: String) throws -> [Parameter] {
      try trainable.map { parameter in
        guard let tensor = record.tensor(kind + parameter.name), tensor.shape == parameter.shape
        else { throw InputError("the filter's '\(kind)\(parameter.name)' does not fit") }
        return Parameter(parameter.name, tensor)
      }
    }
    memory = (try tensors("filtered/"), try tensors("last/"))
  }
}
