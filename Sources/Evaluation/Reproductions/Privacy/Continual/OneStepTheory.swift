import Basics
import Privacy
import Tensors
import Training

/// P1 and P2: the drop of the loss by one noisy step, measured and by the formula: over learning rates,
/// before, in and after public training; over batches, at a new perceptron.
struct OneStepTheory: PaperExperiment {
  static let noise = 4.27
  static let batch = 256
  static let batches = [32, 64, 128, 256, 512, 1024]
  static let multiples = [0.25, 0.5, 1, 1.5, 2]

  let scale: ExperimentScale

  /// A new perceptron, its records, and its terms under a clipping rule.
  private struct Point {
    let task: Perceptron
    let records: [LabelledFeatures]
    let clipping: Clipping
    let terms: CurvatureTerms

    init(
      _ scale: ExperimentScale, publicSteps: Int = 0, isClipped: Bool, seed: UInt64
    ) throws {
      var world = ClassWorld(seed: seed)
      records = world.records(scale.records)
      task = try PublicStart.perceptron(steps: publicSteps, records: records, seed: seed)
      clipping = try Clipping(length: isClipped ? 1 : 1e9, function: .vanilla)
      terms = CurvatureProbe(task, records: records, in: ComputeContext())
        .terms(clipping: clipping, probes: scale.probes, seed: seed)
    }

    /// The mean drop over single steps from here, at each learning rate.
    func drops(
      batch: Int, noise: Double, rates: [Double], trials: Int, seed: UInt64
    ) throws -> [Double] {
      let rate = Double(batch) / Double(records.count)
      let ledger = try PrivacyLedger(
        PrivacyLedger.Plan(
          phase: SampledGaussian(
            noiseMultiplier: noise / clipping.length, rate: min(1, rate), steps: trials),
          delta: CalibratedNoise.delta, dataset: "made up"))
      var settings = try PrivateTrainingSettings(
        clipping: clipping, expectedRecords: Double(batch))
      settings.randomness = .insecure(InsecureSeed(seed))
      settings.recordsAtOnce = 1024
      let training = try PrivateTraining(
        task, records: records, ledger: ledger, settings: settings, in: ComputeContext())
      let values = task.parameters.map(\.value)
      let before = task.meanLoss(records)
      var drops = [Double](repeating: 0, count: rates.count)
      for trial in 0..<trials {
        _ = training.source.computeGradient(
          of: training.sampler.batch(at: trial).map { records[$0] }, at: trial)
        for (number, rate) in rates.enumerated() {
          for parameter in task.parameters {
            parameter.update { value, gradient in
              for i in value.indices { value[i] -= Float(rate) * (gradient?[i] ?? .nan) }
            }
          }
          drops[number] += (before - task.meanLoss(records)) / Double(trials)
          for (parameter, value) in zip(task.parameters, values) { try parameter.assign(value) }
        }
      }
      return drops
    }
  }

  /// The learning rate at the top of the parabola `aη − bη²` through measured drops.
  static func bestRate(_ rates: [Double], _ drops: [Double]) -> Double? {
    func sum(_ power: Int) -> Double {
      rates.reduce(0) { total, rate in
        total + (0..<power).reduce(1.0) { product, _ in product * rate }
      }
    }
    let first = zip(rates, drops).reduce(0) { $0 + $1.0 * $1.1 }
    let second = zip(rates, drops).reduce(0) { $0 + $1.0 * $1.0 * $1.1 }
    let determinant = sum(3) * sum(3) - sum(2) * sum(4)
    let a = (sum(3) * second - sum(4) * first) / determinant
    let b = (sum(2) * second - sum(3) * first) / determinant
    return b > 0 && a > 0 ? a / (2 * b) : nil
  }

  static func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (meanA, meanB) = (
      a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count)
    )
    let products = zip(a, b).map { (($0 - meanA) * ($1 - meanB)) }.reduce(0, +)
    let squares = [(a, meanA), (b, meanB)].map { values, mean in
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    return products / (squares[0] * squares[1]).squareRoot()
  }

  private func overRates(_ place: Place, seed: UInt64) throws -> JSONObject {
    let point = try Point(
      scale, publicSteps: place.publicSteps, isClipped: place.isClipped, seed: seed)
    let mechanism = CurvatureTerms.Mechanism(batch: Double(Self.batch), noise: Self.noise)
    guard let best = point.terms.bestRate(mechanism) else {
      return ["isDefined": false]
    }
    let rates = Self.multiples.map { $0 * best }
    let measured = try point.drops(
      batch: Self.batch, noise: Self.noise, rates: rates, trials: scale.trials, seed: seed)
    let predicted = rates.map { point.terms.drop(rate: $0, mechanism) }
    let found = Self.bestRate(rates, measured)
    return [
      "isDefined": .bool(found != nil), "best": .number(best), "measuredBest": .number(found ?? 0),
      "terms": .object(point.terms.summary(mechanism)),
      "correlation": .number(Self.correlation(measured, predicted)),
      "measured": .array(measured.map { .number($0) }),
      "predicted": .array(predicted.map { .number($0) }),
    ]
  }

  private func overBatches(seed: UInt64) throws -> JSONObject {
    func gains(isPrivate: Bool) throws -> (gains: [Double], best: Double?) {
      let point = try Point(scale, isClipped: isPrivate, seed: seed)
      let noise = isPrivate ? Self.noise : 0
      let gains = try batches.map { batch -> Double in
        let mechanism = CurvatureTerms.Mechanism(batch: Double(batch), noise: noise)
        let rate = point.terms.bestRate(mechanism) ?? 0
        return try point.drops(
          batch: batch, noise: noise, rates: [rate], trials: scale.trials, seed: seed
        )[0] / Double(batch)
      }
      return (gains, point.terms.bestBatch(noise: noise))
    }
    let (guarded, plain) = (try gains(isPrivate: true), try gains(isPrivate: false))
    return [
      "isDefined": .bool(guarded.best != nil), "best": .number(guarded.best ?? 0),
      "guarded": .array(guarded.gains.map { .number($0) }),
      "plain": .array(plain.gains.map { .number($0) }),
    ]
  }

  private var batches: [Int] { Self.batches.filter { $0 <= scale.records } }

  /// Where one step is looked at over learning rates; without clipping too, to tell what the formula's
  /// two approximations do: the second order, and that clipping keeps the mean's direction.
  private struct Place {
    let publicSteps: Int
    let isClipped: Bool

    func name(_ seed: UInt64) -> String {
      "P1 after \(publicSteps) public steps, \(isClipped ? "clipped" : "not clipped"), seed \(seed)"
    }
  }

  private var places: [Place] {
    PublicStart.places(scale).flatMap { steps in
      [true, false].map { Place(publicSteps: steps, isClipped: $0) }
    }
  }

  var parts: [ExperimentPart] {
    scale.seeds.flatMap { seed in
      places.map { place in
        ExperimentPart(name: place.name(seed)) { try overRates(place, seed: seed) }
      } + [ExperimentPart(name: "P2 seed \(seed)") { try overBatches(seed: seed) }]
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let sweeps = try scale.seeds.map { try results["P2 seed \($0)"] }
    return try places.map { place in
      try rateRow(place, scale.seeds.map { try results[place.name($0)] })
    } + batchRows(sweeps)
  }

  private func rateRow(_ place: Place, _ results: [JSONObject]) throws -> Reproduction.Row {
    let claim =
      "after \(place.publicSteps) public steps, \(place.isClipped ? "R = 1" : "no clipping"): one step's drop follows the formula, η* is best"
    let expected = "correlation above 0.95, within a factor 2"
    guard try results.allSatisfy({ try $0.bool("isDefined") }) else {
      return .init(
        id: "P1", claim: claim, paper: expected, ours: "no best learning rate",
        verdict: .doesNotHold, note: "the curvature is indefinite, or no drop was measured")
    }
    let correlations = try results.map { try $0.double("correlation") }
    let ratios = try results.map { try $0.double("measuredBest") / $0.double("best") }
    let shares = try results.map {
      zip(try $0.doubles("measured"), try $0.doubles("predicted")).map(/)
    }
    let upToBest = try (0..<3).map { index in
      try Spread(shares.map { $0[index] }).text(2)
    }
    let factors = try ["clipFactor", "clipAlongGradient"].map { key in
      try Spread(results.map { try $0.object("terms").double(key) }).text(2)
    }
    return .init(
      id: "P1", claim: claim, paper: expected,
      ours:
        "correlation \(try Spread(correlations).text(3)), measured best \(try Spread(ratios).text(2)) η*; measured over predicted at ¼, ½, 1 η*: \(upToBest.joined(separator: ", "))",
      verdict: .of(
        correlations.allSatisfy { $0 > 0.95 } && ratios.allSatisfy { $0 >= 0.5 && $0 <= 2 }),
      note:
        "\(scale.trials) steps at ¼, ½, 1, 1½ and 2 η*, B 256, σR 4.27, each of \(results.count) seeds; average clip factor \(factors[0]), along the gradient \(factors[1])"
    )
  }

  private func batchRows(_ results: [JSONObject]) throws -> [Reproduction.Row] {
    func mean(_ key: String) throws -> [Double] {
      let all = try results.map { try $0.doubles(key) }
      return batches.indices.map { index in
        all.reduce(0) { $0 + $1[index] } / Double(all.count)
      }
    }
    let (guarded, plain) = (try mean("guarded"), try mean("plain"))
    let best = try Spread(results.map { try $0.double("best") })
    let top = batches[guarded.indices.max { guarded[$0] < guarded[$1] } ?? 0]
    let isDefined = try results.allSatisfy { try $0.bool("isDefined") }
    let isInside = top != batches.first && top != batches.last
    let ratio = Double(top) / best.mean
    func list(_ gains: [Double]) -> String {
      zip(batches, gains).map { "\($0): \(Format.decimals(1e6 * $1, 2))" }.joined(separator: ", ")
    }
    return [
      .init(
        id: "P2", claim: "with noise one batch is best for each record, and it is B*",
        paper: "inside 32 to 1024, within a factor 2",
        ours: isDefined
          ? "best of the grid \(top), B* \(best.text(0)), ratio \(Format.decimals(ratio, 2))"
          : "best of the grid \(top), B* undefined",
        verdict: .of(isDefined && isInside && ratio >= 0.5 && ratio <= 2),
        note: "drop for each record, millionths: " + list(guarded)),
      .init(
        id: "P2", claim: "without noise small batches are best for each record",
        paper: "falling",
        ours: zip(plain, plain.dropFirst()).allSatisfy { $0 > $1 } ? "falling" : "not falling",
        verdict: .of(zip(plain, plain.dropFirst()).allSatisfy { $0 > $1 }),
        note: "drop for each record, millionths: " + list(plain)),
    ]
  }
}
