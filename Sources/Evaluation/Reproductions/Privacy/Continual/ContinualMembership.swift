import Basics
import Privacy
import Training

/// P7: who was in the private phase's data, guessed by the loss. As in the audit of the core, false
/// labels are among the private records, so that a model that overfits learns them by heart.
struct ContinualMembership: PaperExperiment {
  static let epsilon = 8.0

  let scale: ExperimentScale
  let noise: CalibratedNoise

  /// Area under the curve of the private records against new ones.
  func area(isPrivate: Bool, seed: UInt64) throws -> Double {
    let count = scale.auditRecords
    var world = ClassWorld(seed: 40 + seed)
    let (open, members, fresh) = (
      world.records(count / 10 * 4), world.records(count), world.records(count)
    )
    let guarded = members + world.canaries(count / 2)
    let task = try Perceptron(width: 160, seed: seed)
    try PlainExperiment(steps: scale.publicSteps, learningRate: 0.004, seed: seed)
      .train(task, open)
    if isPrivate {
      try PrivateExperiment(
        noiseMultiplier: noise.multiplier(epsilon: Self.epsilon, rate: 0.1, steps: 150),
        rate: 0.1, steps: 150, learningRate: 0.006, seed: seed
      ).train(task, guarded)
    } else {
      try PlainExperiment(steps: scale.overfittingSteps, learningRate: 0.004, seed: seed)
        .train(task, guarded)
    }
    return try MembershipArea.of(
      members: task.losses(members).map(MembershipScores.loss),
      others: task.losses(fresh).map(MembershipScores.loss))
  }

  private static func name(_ isPrivate: Bool, _ seed: UInt64) -> String {
    "P7 \(isPrivate ? "ε 8" : "without noise"), seed \(seed)"
  }

  var parts: [ExperimentPart] {
    scale.seeds.flatMap { seed in
      [false, true].map { isPrivate in
        ExperimentPart(name: Self.name(isPrivate, seed)) {
          ["area": .number(try area(isPrivate: isPrivate, seed: seed))]
        }
      }
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    func spread(_ isPrivate: Bool) throws -> Spread {
      try Spread(scale.seeds.map { try results.number(Self.name(isPrivate, $0), "area") })
    }
    let (open, guarded) = (try spread(false), try spread(true))
    return [
      .init(
        id: "P7", claim: "membership in the private data by the loss: area at most 0.60 at ε = 8",
        paper: "calibrated 0.53 to 0.56", ours: guarded.text(), verdict: .of(guarded.mean <= 0.6),
        note:
          "\(scale.auditRecords) private records, beside half as many with false labels, against as many new ones, \(scale.seeds.count) seeds"
      ),
      .init(
        id: "P7", claim: "the same without noise, trained to overfit: at least 0.60",
        paper: "at least 0.60", ours: open.text(), verdict: .of(open.mean >= 0.6),
        note: "\(scale.overfittingSteps) steps on the same records"),
    ]
  }
}
