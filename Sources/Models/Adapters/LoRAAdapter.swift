import Basics
public import Tensors

/// A LoRA adapter on a model: to each target layer's product `x Wᵀ` it adds `scale · x Aᵀ Bᵀ`.
///
/// The model's own parameters are frozen while it is there, as `peft` has it. ``detach()`` takes it off,
/// ``merge()`` adds it to the weights and ``unmerge()`` takes it out again to the bit.
///
/// - SeeAlso: Hu et al. 2022; `peft`: `tuners/lora/layer.py`.
public final class LoRAAdapter {
  /// One adapted layer.
  struct Module {
    let path: String
    let layer: LinearLayer
    let update: LowRankUpdate
  }

  /// The settings.
  public let configuration: LoRAConfiguration
  /// A and B of all adapted layers, in the order of the architecture, named as in the adapter's file.
  public var parameters: [Parameter] { modules.flatMap(\.update.parameters) }
  /// Whether the updates are in the weights.
  public var isMerged: Bool { originals != nil }
  let modules: [Module]
  /// The weights before a merge; they share the memory of a mapped file.
  private var originals: [Tensor]?

  /// Puts a new adapter on a model: A is uniform in ±1/√inputs, B is 0, so the model is as it was.
  ///
  /// - Parameters:
  ///   - configuration: the settings.
  ///   - model: without an adapter.
  ///   - seed: of A; each layer has a stream of its own.
  /// - Throws: `UsageError` if a target is no linear layer of the model, the expression is malformed, or
  ///   the model has an adapter; `InputError` for settings that no adapter can have.
  /// - SeeAlso: `peft`: `reset_lora_parameters`, Kaiming's uniform numbers with a = √5.
  public convenience init(
    _ configuration: LoRAConfiguration, on model: some AdaptableModel, seed: UInt64
  ) throws {
    try configuration.check(at: Place())
    guard configuration.dropout == 0 else {
      throw UsageError("LoRA: dropout is \(configuration.dropout), implemented is 0")
    }
    let rank = configuration.rank
    let targets = try configuration.targets.layers(of: model)
    if let small = targets.first(where: { min($0.layer.inputs, $0.layer.outputs) < rank }) {
      throw UsageError(
        "LoRA: the rank is \(rank), the layer '\(small.path)' is \(small.layer.outputs) ×"
          + " \(small.layer.inputs)")
    }
    try self.init(configuration, on: model, targets) { number, path, layer in
      let bound = 1 / Double(layer.inputs).squareRoot()
      let values = (0..<rank * layer.inputs).map { index in
        Float(
          bound
            * (2 * Philox.uniform(seed: seed, stream: UInt64(number), index: UInt64(index)) - 1))
      }
      return (
        down: try Tensor(values, shape: [rank, layer.inputs]),
        up: try Tensor(
          [Float](repeating: 0, count: layer.outputs * rank), shape: [layer.outputs, rank])
      )
    }
  }

  /// Puts an adapter on a model.
  ///
  /// - Parameters:
  ///   - configuration: the settings.
  ///   - model: without an adapter.
  ///   - targets: the layers.
  ///   - factors: A and B of a layer.
  /// - Throws: `UsageError` if the model has an adapter; what `factors` throws.
  init(
    _ configuration: LoRAConfiguration, on model: some AdaptableModel,
    _ targets: [(path: String, layer: LinearLayer)],
    factors: (_ number: Int, _ path: String, _ layer: LinearLayer) throws -> (
      down: Tensor, up: Tensor
    )
  ) throws {
    guard model.linearLayers.allSatisfy({ $0.layer.update == nil }) else {
      throw UsageError("LoRA: the model has an adapter")
    }
    self.configuration = configuration
    let scale = configuration.scale
    modules = try targets.enumerated().map { number, target in
      let (down, up) = try factors(number, target.path, target.layer)
      let names = Self.names(target.path)
      return Module(
        path: target.path, layer: target.layer,
        update: LowRankUpdate(
          down: Parameter(names.down, down), up: Parameter(names.up, up), scale: scale))
    }
    for module in modules { module.layer.update = module.update }
    for parameter in model.parameters { parameter.isTrainable = false }
  }

  /// Names of A and B in an adapter's file.
  static func names(_ path: String) -> (down: String, up: String) {
    let base = "base_model.model." + path
    return (base + ".lora_A.weight", base + ".lora_B.weight")
  }

  /// Adds the updates to the weights, so that the layers cost what they did without.
  ///
  /// - Throws: `ShapeError` never occurs: shapes were checked when the adapter was put on.
  public func merge() throws {
    guard originals == nil else { return }
    let before = modules.map(\.layer.weight.value)
    for module in modules {
      let weight = module.layer.weight
      try weight.assign(LowRankProduct(module.update).added(to: weight.value))
      module.layer.update = nil
    }
    originals = before
  }

  /// Takes the updates out of the weights, which have their bits of before.
  public func unmerge() throws {
    guard let before = originals else { return }
    for (module, weight) in zip(modules, before) {
      try module.layer.weight.assign(weight)
      module.layer.update = module.update
    }
    originals = nil
  }

  /// Takes the adapter off; where it was merged, the updates stay in the weights.
  public func detach() {
    for module in modules { module.layer.update = nil }
    originals = nil
  }
}
