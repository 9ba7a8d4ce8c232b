import Basics
public import Tensors

/// Parameters that are updated with the same settings.
public struct ParameterGroup {
  /// The parameters.
  public var parameters: [Parameter]
  /// Step size before the schedule's factor; 0 or more.
  public var learningRate: Double
  /// Pull towards 0; see ``Optimizer/Rule``.
  public var weightDecay: Double

  /// A group.
  public init(_ parameters: [Parameter], learningRate: Double, weightDecay: Double = 0) {
    precondition(
      learningRate >= 0 && weightDecay >= 0,
      "ParameterGroup: learning rate \(learningRate), weight decay \(weightDecay)")
    self.parameters = parameters
    self.learningRate = learningRate
    self.weightDecay = weightDecay
  }

  /// Two groups as fine-tuning has them: biases and gains of normalisations are not pulled to 0.
  public static func decayingMatrices(
    _ parameters: [Parameter], learningRate: Double, weightDecay: Double
  ) -> [ParameterGroup] {
    [
      ParameterGroup(
        parameters.filter { $0.shape.count > 1 }, learningRate: learningRate,
        weightDecay: weightDecay),
      ParameterGroup(parameters.filter { $0.shape.count <= 1 }, learningRate: learningRate),
    ]
  }
}

/// Parameters and their gradients to new parameters, as PyTorch's optimizers do it.
///
/// Parameters that are frozen or have no gradient are left alone. Moments are made at a parameter's
/// first update.
///
/// - SeeAlso: `torch.optim`: SGD, Adam, AdamW, RMSprop.
public final class Optimizer: CheckpointedState {
  /// What becomes of a gradient g with learning rate η and weight decay λ.
  public enum Rule: Equatable, Sendable {
    /// `g += λp`; `b = μb + g` (first b = g); `p −= η b`, with Nesterov `p −= η (g + μb)`.
    case sgd(momentum: Double = 0, isNesterov: Bool = false)
    /// `g += λp`; `m = β₁m + (1 − β₁)g`; `v = β₂v + (1 − β₂)g²`;
    /// `p −= η m̂ / (√v̂ + ε)` with `m̂ = m / (1 − β₁ᵗ)`, `v̂ = v / (1 − β₂ᵗ)`.
    case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
    /// Adam, but `p −= ηλp` in place of `g += λp`.
    case adamW(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
    /// `g += λp`; `v = αv + (1 − α)g²`; `p −= η g / (√v + ε)`.
    case rmsProp(smoothing: Double = 0.99, epsilon: Double = 1e-8)
  }

  /// Noise of a known variance in the gradients, which would be counted into Adam's second moments.
  ///
  /// - SeeAlso: Tang, Shpilevskiy and Lécuyer 2024, "DP-AdamBC: your DP-Adam is actually DP-SGD
  ///   (unless you apply bias correction)".
  public struct GradientNoise: Sendable, Equatable {
    /// Variance of the noise of each number: (σ C / B)², behind a filter what is left of it.
    public var variance: Double
    /// γ′, the least that is left of a second moment.
    public var floor: Double

    /// Noise.
    public init(variance: Double, floor: Double = 1e-8) {
      precondition(variance >= 0 && floor > 0, "GradientNoise: \(variance), \(floor)")
      (self.variance, self.floor) = (variance, floor)
    }
  }

  private final class Moments {
    var steps = 0
    var first: Parameter?
    var second: Parameter?
  }

  /// What is done.
  public let rule: Rule
  /// The parameters.
  public let groups: [ParameterGroup]
  /// With Adam and AdamW: `p −= η m̂ / √max(v̂ − variance, floor)`; nil: the gradients have no noise.
  public var gradientNoise: GradientNoise?
  private let context: ComputeContext
  private var moments: [String: Moments] = [:]

  /// An optimizer without moments.
  ///
  /// - Parameters:
  ///   - rule: what is done.
  ///   - groups: no parameter in two of them; names are different.
  ///   - context: where it runs.
  public init(_ rule: Rule, groups: [ParameterGroup], in context: ComputeContext) {
    let names = groups.flatMap { $0.parameters.map(\.name) }
    precondition(Set(names).count == names.count, "Optimizer: a name occurs twice")
    self.rule = rule
    self.groups = groups
    self.context = context
  }

  /// Updates all parameters.
  ///
  /// - Parameter factor: the schedule's factor, which learning rates are multiplied by.
  public func step(factor: Double = 1) {
    for group in groups {
      for parameter in group.parameters where parameter.isTrainable && parameter.gradient != nil {
        update(parameter, rate: group.learningRate * factor, decay: group.weightDecay)
      }
    }
  }

  private func moments(of parameter: Parameter) -> Moments {
    if let found = moments[parameter.name] { return found }
    let made = Moments()
    moments[parameter.name] = made
    return made
  }

  private func zeros(_ parameter: Parameter) -> Parameter {
    Parameter(parameter.name, context.zeros(parameter.shape))
  }

  private func update(_ parameter: Parameter, rate: Double, decay: Double) {
    let moments = moments(of: parameter)
    moments.steps += 1
    let (rate32, decay32) = (Float(rate), Float(decay))
    switch rule {
    case .sgd(let momentum, let isNesterov):
      guard momentum > 0 else {
        return apply(parameter, nil, nil) { p, g, _, _, i in
          p[i] -= rate32 * (g[i] + decay32 * p[i])
        }
      }
      let isFirst = moments.first == nil
      let buffer = moments.first ?? zeros(parameter)
      moments.first = buffer
      let mu = Float(momentum)
      apply(parameter, buffer, nil) { p, g, b, _, i in
        let gradient = g[i] + decay32 * p[i]
        b[i] = isFirst ? gradient : mu * b[i] + gradient
        p[i] -= rate32 * (isNesterov ? gradient + mu * b[i] : b[i])
      }
    case .adam(let beta1, let beta2, let epsilon), .adamW(let beta1, let beta2, let epsilon):
      let isDecoupled = if case .adamW = rule { true } else { false }
      let first = moments.first ?? zeros(parameter)
      let second = moments.second ?? zeros(parameter)
      (moments.first, moments.second) = (first, second)
      let (b1, b2, e) = (Float(beta1), Float(beta2), Float(epsilon))
      let (c1, c2) = (Float(1 - beta1), Float(1 - beta2))
      let stepSize = Float(rate / (1 - power(beta1, moments.steps)))
      let root = Float((1 - power(beta2, moments.steps)).squareRoot())
      let shrink = isDecoupled ? Float(1 - rate * decay) : 1
      let pull = isDecoupled ? 0 : decay32
      if let noise = gradientNoise {
        let square = Float(1 - power(beta2, moments.steps))
        let (variance, floor) = (Float(noise.variance), Float(noise.floor))
        return apply(parameter, first, second) { p, g, m, v, i in
          let old = p[i] * shrink
          let gradient = g[i] + pull * p[i]
          m[i] = b1 * m[i] + c1 * gradient
          v[i] = b2 * v[i] + c2 * gradient * gradient
          p[i] = old - stepSize * m[i] / max(v[i] / square - variance, floor).squareRoot()
        }
      }
      apply(parameter, first, second) { p, g, m, v, i in
        let old = p[i] * shrink
        let gradient = g[i] + pull * p[i]
        m[i] = b1 * m[i] + c1 * gradient
        v[i] = b2 * v[i] + c2 * gradient * gradient
        p[i] = old - stepSize * m[i] / (v[i].squareRoot() / root + e)
      }
    case .rmsProp(let smoothing, let epsilon):
      let second = moments.second ?? zeros(parameter)
      moments.second = second
      let (alpha, rest, e) = (Float(smoothing), Float(1 - smoothing), Float(epsilon))
      apply(parameter, nil, second) { p, g, _, v, i in
        let gradient = g[i] + decay32 * p[i]
        v[i] = alpha * v[i] + rest * gradient * gradient
        p[i] -= rate32 * gradient / (v[i].squareRoot() + e)
      }
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    for _ in 0..<exponent { result *= base }
    return result
  }

  private typealias Pointer = UnsafeMutablePointer<Float>

  /// Calls `body` for each number; every number has its own, so threads may share them.
  @inline(__always)
  private func apply(
    _ parameter: Parameter, _ first: Parameter?, _ second: Parameter?,
    _ body: (Pointer, UnsafePointer<Float>, Pointer, Pointer, Int) -> Void
  ) {
    func inside(_ moment: Parameter?, _ use: (Pointer?) -> Void) {
      guard let moment else { return use(nil) }
      moment.update { values, _ in use(values.baseAddress) }
    }
    parameter.update { values, gradient in
      guard let p = values.baseAddress, let g = gradient?.baseAddress else { return }
      inside(first) { m in
        inside(second) { v in
          // Rules read only the moments that they asked for.
          let (m, v) = (m ?? p, v ?? p)
          context.parallelRanges(values.count) { part in
            for i in part { body(p, g, m, v, i) }
          }
        }
      }
    }
  }
}

extension Optimizer {
  /// `optimizer`.
  public var stateName: String { "optimizer" }

  /// Moments and numbers of updates.
  public func savedState() -> StateRecord {
    var record = StateRecord()
    for (name, moments) in moments.sorted(by: { $0.key < $1.key }) {
      record.values[name] = JSONValue(moments.steps)
      if let first = moments.first { record.tensors.append(("first/" + name, first.value)) }
      if let second = moments.second { record.tensors.append(("second/" + name, second.value)) }
    }
    return record
  }

  /// Takes the moments of a record.
  public func restore(_ record: StateRecord) throws {
    let parameters = Dictionary(
      uniqueKeysWithValues: groups.flatMap { $0.parameters.map { ($0.name, $0) } })
    var restored: [String: Moments] = [:]
    for (name, steps) in record.values.members {
      guard let parameter = parameters[name], let steps = steps.intValue, steps >= 0 else {
        throw InputError("the optimizer's state names '\(TerminalText.excerpt(name))'")
      }
      let moments = Moments()
      moments.steps = steps
      for (kind, place) in [("first/", \Moments.first), ("second/", \Moments.second)] {
        guard let tensor = record.tensor(kind + name) else { continue }
        guard tensor.shape == parameter.shape else {
          throw InputError("the optimizer's '\(kind + name)' has shape \(tensor.shape)")
        }
        moments[keyPath: place] = Parameter(name, tensor)
      }
      restored[name] = moments
    }
    moments = restored
  }
}
