import Basics
import Privacy
import Tensors
import Training

/// D1: for quadratic losses without noise the filtered gradient is the gradient, with one evaluation
/// or two; a moving average is not.
struct QuadraticExactness: PaperExperiment {
  /// Our parameters are Float32 of size 1, and κ = 0.05 looks 19 steps ahead.
  static let tolerance = 1e-5
  private static let gains = [0.05, 0.3, 0.7]

  /// The largest error of the filtered gradient along 100 steps of gradient descent with a step size
  /// that changes.
  ///
  /// - Returns: the error and the parameters after each step.
  static func error(_ filter: GradientFilter) throws -> (error: Double, path: [[Float]]) {
    let task = try Quadratic(size: 12, seed: 1)
    var settings = try PrivateTrainingSettings(
      clipping: Clipping(length: 1e6, function: .vanilla), expectedRecords: 1)
    settings.randomness = .insecure(InsecureSeed(1))
    settings.filter = filter
    let ledger = try PrivacyLedger(
      PrivacyLedger.Plan(
        phase: SampledGaussian(noiseMultiplier: 0, rate: 1, steps: 100), delta: 1e-5,
        dataset: "quadratic"))
    let source = try PrivateTraining(
      task, records: [0], ledger: ledger, settings: settings, in: ComputeContext()
    ).source
    var (error, path) = (0.0, [[Float]]())
    for step in 0..<100 {
      let expected = task.gradient
      _ = source.computeGradient(of: [0], at: step)
      for (a, b) in zip(task.weight.gradient?.values ?? [], expected) {
        error = max(error, abs(Double(a) - b))
      }
      let rate: Float = step % 7 == 0 ? 0.2 : 0.05
      task.weight.update { values, gradient in
        for i in values.indices { values[i] -= rate * (gradient?[i] ?? .nan) }
      }
      path.append(task.weight.value.values)
    }
    return (error, path)
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "D1") {
        var (error, forms, average) = (0.0, 0.0, Double.infinity)
        for gain in Self.gains {
          let one = try Self.error(.kalman(KalmanGains(gain: gain)))
          let two = try Self.error(.kalman(KalmanGains(gain: gain, lookAhead: 0.3)))
          error = max(error, one.error, two.error)
          for (a, b) in zip(one.path.joined(), two.path.joined()) {
            forms = max(forms, Double(abs(a - b)))
          }
          average = min(average, try Self.error(.lowPass(.movingAverage(gain: gain))).error)
        }
        return ["error": .number(error), "forms": .number(forms), "average": .number(average)]
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let error = try results.number("D1", "error")
    let forms = try results.number("D1", "forms")
    let average = try results.number("D1", "average")
    return [
      .init(
        id: "D1", claim: "exact on quadratic losses, in both forms; a moving average is not",
        paper: "error 0, moving average above 0.01",
        ours:
          "error \(scientific(error)), forms differ by \(scientific(forms)), moving average \(Format.decimals(average, 3))",
        verdict: .of(error < Self.tolerance && forms < Self.tolerance && average > 1e-2),
        note:
          "largest error over κ 0.05, 0.3, 0.7 and 100 steps; Float32, so below 1e-5 counts as 0")
    ]
  }
}
