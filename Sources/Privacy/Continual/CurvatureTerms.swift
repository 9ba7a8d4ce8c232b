public import Basics

/// What one private step gains and what stands against it, to second order.
///
/// With gradient G, Hessian H, covariance Σ of the records' gradients, average clip factor c, expected
/// batch B, noise σR: `E L(w − η g̃) − L(w) ≈ −η c ‖G‖² + η²/2 (c² GᵀHG + c² tr(HΣ)/B + σ²R² tr(H)/B²)`.
/// The last term, over c², is the decelerator: all that is left of privacy once η is chosen well.
///
/// - SeeAlso: Bu et al. 2024, "Pre-training differentially private models with limited public data",
///   section 3.
public struct CurvatureTerms: Sendable, Equatable {
  /// ‖G‖².
  public var gradientSquare: Double
  /// GᵀHG; negative where the loss bends downwards.
  public var alongGradient: Double
  /// tr(HΣ).
  public var sampling: Double
  /// tr(H).
  public var trace: Double
  /// c; above 1 where clipping lengthens short gradients.
  public var clipFactor: Double
  /// `⟨E[C_i g_i], G⟩ / ‖G‖²`: what clipping leaves along the gradient. The theory takes c for it.
  public var clipAlongGradient: Double

  /// Terms that were measured or computed.
  public init(
    gradientSquare: Double, alongGradient: Double, sampling: Double, trace: Double,
    clipFactor: Double, clipAlongGradient: Double
  ) {
    (self.gradientSquare, self.alongGradient) = (gradientSquare, alongGradient)
    (self.sampling, self.trace) = (sampling, trace)
    (self.clipFactor, self.clipAlongGradient) = (clipFactor, clipAlongGradient)
  }

  /// How private gradients are made.
  public struct Mechanism: Sendable, Equatable {
    /// B, the expected batch.
    public var batch: Double
    /// σR, the noise's standard deviation on the sum; 0 for plain training.
    public var noise: Double

    /// A mechanism.
    public init(batch: Double, noise: Double) { (self.batch, self.noise) = (batch, noise) }
  }

  /// `σ²R² tr(H) / (B² c²)`.
  public func decelerator(_ mechanism: Mechanism) -> Double {
    let relative = mechanism.noise / (mechanism.batch * clipFactor)
    return relative * relative * trace
  }

  /// `GᵀHG + tr(HΣ)/B + decelerator`. Zero or less where the curvature is indefinite: then no step is
  /// the best, and what is derived from it is nil.
  public func resistance(_ mechanism: Mechanism) -> Double {
    alongGradient + sampling / mechanism.batch + decelerator(mechanism)
  }

  /// The decelerator's share of the resistance.
  public func deceleratorShare(_ mechanism: Mechanism) -> Double? {
    positive(resistance(mechanism)).map { decelerator(mechanism) / $0 }
  }

  /// η*, the learning rate with the largest drop.
  public func bestRate(_ mechanism: Mechanism) -> Double? {
    positive(resistance(mechanism)).map { gradientSquare / (clipFactor * $0) }
  }

  /// The drop at the best learning rate.
  public func bestDrop(_ mechanism: Mechanism) -> Double? {
    positive(resistance(mechanism)).map { 0.5 * gradientSquare * gradientSquare / $0 }
  }

  /// The expected drop at a learning rate.
  public func drop(rate: Double, _ mechanism: Mechanism) -> Double {
    let step = rate * clipFactor
    return step * gradientSquare - 0.5 * step * step * resistance(mechanism)
  }

  /// B*, the batch with the largest drop per record: `σR/c · √(tr(H) / GᵀHG)`.
  public func bestBatch(noise: Double) -> Double? {
    guard let below = positive(alongGradient), let above = positive(trace) else { return nil }
    return noise / clipFactor * (above / below).squareRoot()
  }

  /// All terms under a mechanism, for a log or a report; null where they are not defined.
  public func summary(_ mechanism: Mechanism) -> JSONObject {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    return [
      "gradientSquare": .number(gradientSquare), "alongGradient": .number(alongGradient),
      "sampling": .number(sampling / mechanism.batch),
      "decelerator": .number(decelerator(mechanism)),
      "deceleratorShare": number(deceleratorShare(mechanism)), "trace": .number(trace),
      "clipFactor": .number(clipFactor), "clipAlongGradient": .number(clipAlongGradient),
      "bestRate": number(bestRate(mechanism)),
      "bestDrop": number(bestDrop(mechanism)),
      "bestBatch": number(bestBatch(noise: mechanism.noise)),
    ]
  }

  private func positive(_ value: Double) -> Double? { value > 0 && value.isFinite ? value : nil }
}
