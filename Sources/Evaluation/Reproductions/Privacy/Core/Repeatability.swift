import Basics
import Privacy
import Tensors
import Training

/// C8: a seed repeats a private training to the bit; the system's entropy repeats nothing.
struct Repeatability: PaperExperiment {
  let scale: ExperimentScale

  func bits(seed: UInt64?) throws -> [UInt32] {
    var world = ClassWorld(seed: 1)
    let records = world.records(scale.records / 4)
    let task = try Perceptron(width: 48, seed: 1)
    let experiment = PrivateExperiment(
      noiseMultiplier: 2, rate: 0.1, steps: 20, learningRate: 3e-3, seed: seed ?? 0)
    var settings = try experiment.settings(records: records.count)
    if seed == nil { settings.randomness = .operatingSystem }
    _ = try PrivateTraining(
      task, records: records, ledger: experiment.ledger(), settings: settings,
      in: ComputeContext()
    ).loop(
      TrainingSettings(steps: 20), optimizer: experiment.optimizer(task),
      schedule: Schedule(.constant, totalSteps: 20)
    ).run()
    return task.parameters.flatMap { $0.value.values.map(\.bitPattern) }
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "C8") {
        let seeded = try bits(seed: 5)
        return [
          "repeats": .bool(try bits(seed: 5) == seeded && bits(seed: 6) != seeded),
          "entropyDiffers": .bool(try bits(seed: nil) != bits(seed: nil)),
        ]
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let result = try results["C8"]
    let (repeats, differs) = (try result.bool("repeats"), try result.bool("entropyDiffers"))
    return [
      .init(
        id: "C8", claim: "a seed repeats the weights, entropy does not",
        paper: "identical; different",
        ours: "\(repeats ? "identical" : "different"); \(differs ? "different" : "identical")",
        verdict: .of(repeats && differs), note: "20 steps; another seed gives other weights")
    ]
  }
}
