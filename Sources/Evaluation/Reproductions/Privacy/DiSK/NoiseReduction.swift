import Basics
import Privacy
import Tensors
import Training

/// D2: with the parameters at rest, κ / (2 − κ) of the noise's variance is left.
struct NoiseReduction: PaperExperiment {
  static let gains = [0.7, 0.5, 0.3, 0.1]
  let steps: Int

  /// Mean square of the gradient of empty batches, after the filter has settled.
  static func variance(_ filter: GradientFilter, steps: Int) throws -> Double {
    let task = try VectorTask(inputs: 30, outputs: 20, seed: 2)
    var settings = try PrivateTrainingSettings(
      clipping: Clipping(function: .vanilla), expectedRecords: 1)
    settings.randomness = .insecure(InsecureSeed(1))
    settings.filter = filter
    let ledger = try PrivacyLedger(
      PrivacyLedger.Plan(
        phase: SampledGaussian(noiseMultiplier: 1, rate: 0.5, steps: steps), delta: 1e-5,
        dataset: "nothing"))
    let source = try PrivateTraining(
      task, records: VectorTask.records(1, inputs: 30, outputs: 20, seed: 1), ledger: ledger,
      settings: settings, in: ComputeContext()
    ).source
    var (sum, count) = (0.0, 0.0)
    for step in 0..<steps {
      _ = source.computeGradient(of: [], at: step)
      guard step >= min(60, steps / 2) else { continue }
      for parameter in task.parameters {
        sum += parameter.squaredGradientNorm()
        count += Double(parameter.count)
      }
    }
    return sum / count
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "D2") { [steps] in
        let plain = try Self.variance(.none, steps: steps)
        let ratios = try Self.gains.map {
          try Self.variance(.kalman(KalmanGains(gain: $0)), steps: steps) / plain
        }
        return ["ratios": .array(ratios.map { .number($0) })]
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let found = try results["D2"].doubles("ratios")
    let expected = Self.gains.map { $0 / (2 - $0) }
    return [
      .init(
        id: "D2", claim: "κ/(2 − κ) of the noise's variance is left",
        paper: Self.text(expected), ours: Self.text(found),
        verdict: .of(zip(found, expected).allSatisfy { abs($0 / $1 - 1) <= 0.05 }),
        note: "empty batches, parameters at rest; within 5 % counts as the same")
    ]
  }

  private static func text(_ ratios: [Double]) -> String {
    zip(gains, ratios).map { "κ \($0): \(Format.decimals($1, 3))" }.joined(separator: ", ")
  }
}
