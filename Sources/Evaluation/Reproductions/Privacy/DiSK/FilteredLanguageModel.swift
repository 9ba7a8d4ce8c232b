import Basics
import Models
import Privacy
import Training

/// D5: a small language model, trained on public text and fine-tuned under ε = 4: validation loss with
/// the filter and without.
struct FilteredLanguageModel: PaperExperiment {
  static let filters = ["none", "0.7", "0.3"]

  let scale: ExperimentScale
  let texts: [String]
  let noise: CalibratedNoise

  /// Validation loss, nats for a byte. Half of the texts is public.
  func loss(filter: String, learningRate: Double, seed: UInt64) throws -> Double {
    let size = scale.small
    let pieces = ByteLanguageModel.pieces(of: texts, bytes: size.pieceBytes, seed: seed)
    let test = Array(pieces.suffix(size.testPieces))
    let rest = pieces.dropLast(size.testPieces)
    let (open, guarded) = (
      Array(rest.prefix(rest.count / 2)), Array(rest.dropFirst(rest.count / 2))
    )
    let model = try ByteLanguageModel(size, seed: seed)
    try PlainExperiment(
      steps: size.publicSteps, batch: size.batch, rule: .adamW(), learningRate: 3e-3, seed: seed
    ).train(model.task, open)
    let rate = Double(size.batch) / Double(guarded.count)
    try PrivateExperiment(
      noiseMultiplier: try noise.multiplier(epsilon: 4, rate: rate, steps: size.steps),
      rate: rate, steps: size.steps, rule: .adamW(), learningRate: learningRate,
      filter: try FilterAccuracy.filter(filter), clipping: .automatic(), seed: seed,
      recordsAtOnce: 32
    ).train(model.task, guarded)
    return model.meanLoss(test)
  }

  private static func name(_ filter: String, _ rate: Double, _ seed: UInt64) -> String {
    "D5 κ \(filter), η \(rate), seed \(seed)"
  }

  var parts: [ExperimentPart] {
    Self.filters.flatMap { filter in
      scale.small.learningRates.flatMap { rate in
        scale.seeds.map { seed in
          ExperimentPart(name: Self.name(filter, rate, seed)) {
            ["loss": .number(try loss(filter: filter, learningRate: rate, seed: seed))]
          }
        }
      }
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let rates = scale.small.learningRates
    func spread(_ filter: String, _ rate: Double) throws -> Spread {
      try Spread(scale.seeds.map { try results.number(Self.name(filter, rate, $0), "loss") })
    }
    let changes = try rates.map { rate in
      let plain = try spread("none", rate)
      return try Spread(
        zip(try spread("0.7", rate).values, plain.values).map { 100 * ($0 / $1 - 1) })
    }
    func best(_ filter: String) throws -> Spread {
      let all = try rates.map { try spread(filter, $0) }
      return all.min { $0.mean < $1.mean } ?? all[0]
    }
    let (plain, mild, strong) = (try best("none"), try best("0.7"), try best("0.3"))
    let filtered = mild.mean < strong.mean ? mild : strong
    let list = zip(rates, changes).map { "η \($0): \($1.text(2)) %" }.joined(separator: ", ")
    let note =
      "change of the validation loss by κ = 0.7, \(scale.seeds.count) seeds; bytes of the bundled passages, half of them public"
    return [
      .init(
        id: "D5", claim: "language model, ε = 4, equal learning rate: not worse with DiSK",
        paper: "not worse", ours: list,
        verdict: .of(changes.allSatisfy { $0.mean <= $0.deviation }),
        note: note + "; not worse: no mean above its deviation over seeds"),
      .init(
        id: "D5", claim: "the same: a loss lower by 1 to 5 %", paper: "expected, not promised",
        ours: list, verdict: .of(changes.contains { $0.mean <= -1 }), note: note),
      .init(
        id: "D5", claim: "the same at the best learning rate", paper: "within noise or better",
        ours: "\(plain.text(4)) to \(filtered.text(4)) nats for a byte",
        verdict: .of(filtered.mean <= plain.mean + plain.deviation),
        note: "κ 0.7 or 0.3; noise: the deviation over seeds"),
    ]
  }
}
