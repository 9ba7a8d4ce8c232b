import Basics
import Models
import Privacy
import Tensors
import Training

/// P5: a small language model, a tenth of the text public: at ε = 8 how much of the gap between private
/// training and training without privacy public text closes; at ε = 1 whether public training and then
/// DiSK is better than private training.
struct ContinualLanguageModel: PaperExperiment {
  enum Kind: Hashable {
    case plain
    case privateOnly(epsilon: Double, rate: Double)
    case both(epsilon: Double, filter: String, rate: Double)

    func name(_ seed: UInt64) -> String {
      switch self {
      case .plain: "P5 without privacy, seed \(seed)"
      case .privateOnly(let epsilon, let rate):
        "P5 private only, ε \(epsilon), η \(rate), seed \(seed)"
      case .both(let epsilon, let filter, let rate):
        "P5 both, ε \(epsilon), κ \(filter), η \(rate), seed \(seed)"
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
    func experiment(
      _ epsilon: Double, _ learningRate: Double, filter: String = "none"
    ) throws -> PrivateExperiment {
      PrivateExperiment(
        noiseMultiplier: try noise.multiplier(epsilon: epsilon, rate: rate, steps: size.steps),
        rate: rate, steps: size.steps, rule: .adamW(), learningRate: learningRate,
        filter: try FilterAccuracy.filter(filter), clipping: .automatic(), seed: seed,
        recordsAtOnce: 32)
    }
    var result: JSONObject = ["parameters": JSONValue(model.decoder.configuration.parameterCount)]
    switch kind {
    case .plain:
      try PlainExperiment(
        steps: size.publicSteps + size.steps, batch: size.batch, rule: .adamW(),
        learningRate: 3e-3, seed: seed
      ).train(model.task, rest)
    case .privateOnly(let epsilon, let learningRate):
      try experiment(epsilon, learningRate).train(model.task, guarded)
    case .both(let epsilon, let filter, let learningRate):
      let experiment = try experiment(epsilon, learningRate, filter: filter)
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
    let kinds =
      [Kind.plain]
      + scale.large.learningRates.flatMap { rate in
        [
          Kind.privateOnly(epsilon: 8, rate: rate), .both(epsilon: 8, filter: "none", rate: rate),
          .privateOnly(epsilon: 1, rate: rate), .both(epsilon: 1, filter: "0.7", rate: rate),
        ]
      }
    return kinds.flatMap { kind in
      scale.seeds.map { seed in
        ExperimentPart(name: kind.name(seed)) { try measure(kind, seed: seed) }
      }
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let rates = scale.large.learningRates
    /// The learning rate of the least mean loss, and the losses there.
    func best(_ kind: (Double) -> Kind) throws -> (rate: Double, losses: Spread) {
      let found = try BestOfGrid(rates, seeds: scale.seeds) {
        -(try results.number(kind($0).name($1), "loss"))
      }
      return (found.rate, try Spread(found.spread.values.map(-)))
    }
    let plain = try Spread(
      scale.seeds.map { try results.number(Kind.plain.name($0), "loss") })
    let alone = try best { .privateOnly(epsilon: 8, rate: $0) }.losses
    let both = try best { .both(epsilon: 8, filter: "none", rate: $0) }
    let closed = try Spread(
      plain.values.indices.map {
        100 * (alone.values[$0] - both.losses.values[$0]) / (alone.values[$0] - plain.values[$0])
      })
    let tightAlone = try best { .privateOnly(epsilon: 1, rate: $0) }.losses
    let tightBoth = try best { .both(epsilon: 1, filter: "0.7", rate: $0) }.losses
    let gain = try Spread(zip(tightAlone.values, tightBoth.values).map(-))
    let interval = try gain.interval()
    let first = try results[
      Kind.both(epsilon: 8, filter: "none", rate: both.rate).name(scale.seeds[0])]
    let note =
      "nats for a byte, best of \(rates.count) learning rates, \(scale.seeds.count) seeds, \(try first.int("parameters")) parameters, bundled passages"
    return [
      .init(
        id: "P5", claim: "a tenth of public text closes 60 % of the gap at ε = 8",
        paper: "at least 60 %",
        ours:
          "\(closed.text(1)) %: private \(alone.text()), both \(both.losses.text()), without privacy \(plain.text())",
        verdict: .of(closed.mean >= 60),
        note: note
          + "; public phase of the first seed ended at step \(try first.int("switchStep")): \(try first.string("switchCondition"))"
      ),
      .init(
        id: "P5", claim: "ε = 1: public training, then DiSK, is better than private training",
        paper: "the interval of the difference is above 0",
        ours:
          "private \(tightAlone.text()), both \(tightBoth.text()), difference \(gain.text()), 95 % interval \(Format.decimals(interval.lower, 3)) to \(Format.decimals(interval.upper, 3))",
        verdict: .of(interval.lower > 0), note: note + "; κ = 0.7; Student's interval over seeds"),
    ]
  }
}
