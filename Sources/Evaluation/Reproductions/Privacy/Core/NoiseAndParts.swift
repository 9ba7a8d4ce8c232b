import Basics
import Privacy
import Tensors
import Training

/// C4: sums do not depend on how a batch is divided, and the noise has its variance once a step.
struct NoiseAndParts: PaperExperiment {
  /// A task whose gradients are all 0.
  private final class Silent: PerRecordTask {
    let inner: VectorTask
    init(_ inner: VectorTask) { self.inner = inner }
    var parameters: [Parameter] { inner.parameters }
    func losses(of examples: [VectorTask.Record], on tape: Tape) -> Variable {
      tape.scaled(inner.losses(of: examples, on: tape), by: 0)
    }
  }

  /// The largest difference between sums in parts of 1, 4 and 32, over the largest number.
  static func partsDifference() throws -> Double {
    let task = try TinyDecoder(seed: 1)
    let texts = TinyDecoder.texts(32, seed: 2)
    let sums = try [32, 4, 1].map {
      try ExplicitGradients.privateSum(task, texts, Clipping(), atOnce: $0)
    }
    let largest = sums[0].joined().reduce(0) { max($0, abs($1)) }
    return sums.dropFirst().reduce(0.0) { worst, sum in
      zip(sum.joined(), sums[0].joined()).reduce(worst) {
        max($0, Double(abs($1.0 - $1.1) / largest))
      }
    }
  }

  /// The variance of the private gradient of records without gradients, over (σ C / B)².
  static func varianceRatio(atOnce: Int) throws -> Double {
    let task = Silent(try VectorTask(inputs: 200, outputs: 100, seed: 14))
    let records = VectorTask.records(12, inputs: 200, outputs: 100, seed: 15)
    var settings = try PrivateTrainingSettings(
      clipping: Clipping(length: 0.7), expectedRecords: 5)
    settings.randomness = .insecure(InsecureSeed(3))
    settings.recordsAtOnce = atOnce
    let ledger = try PrivacyLedger(
      PrivacyLedger.Plan(
        phase: SampledGaussian(noiseMultiplier: 1.3, rate: 1, steps: 5), delta: 1e-5,
        dataset: "silent"))
    let source = try PrivateTraining(
      task, records: records, ledger: ledger, settings: settings, in: ComputeContext()
    ).source
    var (sum, count) = (0.0, 0.0)
    for step in 0..<5 {
      _ = source.computeGradient(of: records, at: step)
      for parameter in task.parameters {
        sum += parameter.squaredGradientNorm()
        count += Double(parameter.count)
      }
    }
    let deviation = 1.3 * 0.7 / 5
    return sum / count / (deviation * deviation)
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "C4") {
        [
          "difference": .number(try Self.partsDifference()),
          "whole": .number(try Self.varianceRatio(atOnce: 32)),
          "single": .number(try Self.varianceRatio(atOnce: 1)),
        ]
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let difference = try results.number("C4", "difference")
    let whole = try results.number("C4", "whole")
    let single = try results.number("C4", "single")
    return [
      .init(
        id: "C4", claim: "the same sum in parts of 1, 4 and 32 records", paper: "below 1e-5",
        ours: scientific(difference), verdict: .of(difference < 1e-5),
        note: "largest difference over the largest number"),
      .init(
        id: "C4", claim: "noise of variance (σC/B)², once a step", paper: "within 3 %",
        ours: "\(Format.decimals(whole, 4)) in one part, \(Format.decimals(single, 4)) in twelve",
        verdict: .of(abs(whole - 1) <= 0.03 && abs(single - 1) <= 0.03),
        note: "records without gradients, 100,500 numbers"),
    ]
  }
}
