import Basics
import Models
import Privacy
import Tensors
import Training

/// P5: a small language model at ε = 8, a tenth of the text public: how much of the gap between private
/// training and training without privacy public text closes.
struct ContinualLanguageModel: PaperExperiment {
  static let epsilon = 8.0

  enum Kind: Hashable {
    case plain
    case privateOnly(rate: Double)
    case both(rate: Double)

    func name(_ seed: UInt64) -> String {
      switch self {
      case .plain: "P5 without privacy, seed \(seed)"
      case .privateOnly(let rate): "P5 private only, η \(rate), seed \(seed)"
      case .both(let rate): "P5 both, η \(rate), seed \(seed)"
      }
    }
  }

  let scale: ExperimentScale
  let texts: [String]
  let noise: CalibratedNoise

  /// Validation loss, nats for a byte.
  func measure(_ kind: Kind, seed: UInt64) throws -> JSONObject {
    let size = scale.large
    let pieces = ByteLanguageModel.pieces(of: texts, bytes: size.pieceBytes, seed: seed)
    let test = Array(pieces.suffix(size.testPieces))
    let rest = Array(pieces.dropLast(size.testPieces))
    let open = Array(rest.prefix(rest.count / 10))
    let heldOut = Array(open.suffix(open.count / 10))
    let guarded = PublicDuplicates.removed(
      open, from: Array(rest.dropFirst(open.count)), by: \.ids
    ).kept
    let model = try ByteLanguageModel(size, seed: seed)
    let rate = Double(size.batch) / Double(guarded.count)
    func experiment(_ learningRate: Double) throws -> PrivateExperiment {
      PrivateExperiment(
        noiseMultiplier: try noise.multiplier(
          epsilon: Self.epsilon, rate: rate, steps: size.steps),
        rate: rate, steps: size.steps, rule: .adamW(), learningRate: learningRate,
        clipping: .automatic(), seed: seed, recordsAtOnce: 32)
    }
    var result: JSONObject = ["parameters": JSONValue(model.decoder.configuration.parameterCount)]
    switch kind {
    case .plain:
      try PlainExperiment(
        steps: size.publicSteps + size.steps, batch: size.batch, rule: .adamW(),
        learningRate: 3e-3, seed: seed
      ).train(model.task, rest)
    case .privateOnly(let learningRate):
      try experiment(learningRate).train(model.task, guarded)
    case .both(let learningRate):
      let experiment = try experiment(learningRate)
      var open = ContinualTraining<LanguageModelTask>.PublicPhase(
        records: Array(open.dropLast(heldOut.count)), heldOut: heldOut,
        rule: SwitchRule(steps: size.publicSteps, evaluateEvery: 10),
        optimizer: Optimizer(
          .adamW(), groups: [ParameterGroup(model.task.parameters, learningRate: 3e-3)],
          in: ComputeContext()))
      (open.batchSize, open.seed) = (size.batch, seed)
      let found = try ContinualTraining(model.task, in: ComputeContext()).run(
        open,
        then: .init(
          ledger: experiment.ledger(), settings: experiment.settings(records: guarded.count),
          optimizer: experiment.optimizer(model.task),
          schedule: Schedule(.constant, totalSteps: size.steps))
      ) { guarded }
      result["switchStep"] = JSONValue(found.step)
      result["switchCondition"] = .string("\(found.condition)")
    }
    result["loss"] = .number(model.meanLoss(test))
    return result
  }

  var parts: [ExperimentPart] {
    let rates = scale.large.learningRates
    let kinds =
      [Kind.plain] + rates.map { .privateOnly(rate: $0) } + rates.map { .both(rate: $0) }
    return kinds.flatMap { kind in
      scale.seeds.map { seed in
        ExperimentPart(name: kind.name(seed)) { try measure(kind, seed: seed) }
      }
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let rates = scale.large.learningRates
    func loss(_ kind: Kind, _ seed: UInt64) throws -> Double {
      try results.number(kind.name(seed), "loss")
    }
    func best(_ kind: (Double) -> Kind) throws -> BestOfGrid {
      try BestOfGrid(rates, seeds: scale.seeds) { -(try loss(kind($0), $1)) }
    }
    let plain = try scale.seeds.map { try loss(.plain, $0) }
    let alone = try best { .privateOnly(rate: $0) }
    let both = try best { .both(rate: $0) }
    let alones = alone.spread.values.map(-)
    let boths = both.spread.values.map(-)
    let closed = try Spread(
      plain.indices.map { 100 * (alones[$0] - boths[$0]) / (alones[$0] - plain[$0]) })
    let first = try results[Kind.both(rate: both.rate).name(scale.seeds[0])]
    return [
      .init(
        id: "P5", claim: "a tenth of public text closes 60 % of the gap at ε = 8",
        paper: "at least 60 %",
        ours:
          "\(closed.text(1)) %: private \(try Spread(alones).text()), both \(try Spread(boths).text()), without privacy \(try Spread(plain).text())",
        verdict: .of(closed.mean >= 60),
        note:
          "nats for a byte, best of \(rates.count) learning rates, \(scale.seeds.count) seeds, \(try first.int("parameters")) parameters, bundled passages; public phase of the first seed ended at step \(try first.int("switchStep")): \(try first.string("switchCondition"))"
      )
    ]
  }
}
