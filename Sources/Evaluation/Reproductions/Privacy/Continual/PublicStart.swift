import Privacy
import Training

/// A perceptron before, in and after training on a tenth of the records, which is public.
enum PublicStart {
  /// Public steps at which theory and curvature are looked at.
  static func places(_ scale: ExperimentScale) -> [Int] {
    [0, scale.publicSteps * 2 / 15, scale.publicSteps]
  }

  static func perceptron(
    steps: Int, records: [LabelledFeatures], seed: UInt64
  ) throws -> Perceptron {
    let task = try Perceptron(width: 48, seed: seed)
    guard steps > 0 else { return task }
    try PlainExperiment(steps: steps, learningRate: 0.01, seed: seed)
      .train(task, Array(records.prefix(records.count / 10)))
    return task
  }
}
