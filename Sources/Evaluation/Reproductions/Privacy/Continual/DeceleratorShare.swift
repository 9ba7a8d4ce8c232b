import Basics
import Privacy
import Tensors
import Training

/// P3: the share of the noise in what stands against a step, before and after public training.
struct DeceleratorShare: PaperExperiment {
  let scale: ExperimentScale

  private var places: [Int] { PublicStart.places(scale) }

  private func measure(seed: UInt64) throws -> JSONObject {
    var world = ClassWorld(seed: seed)
    let records = world.records(scale.records)
    let mechanism = CurvatureTerms.Mechanism(
      batch: Double(OneStepTheory.batch), noise: OneStepTheory.noise)
    var result: JSONObject = [:]
    for (number, steps) in places.enumerated() {
      let task = try PublicStart.perceptron(steps: steps, records: records, seed: seed)
      let terms = CurvatureProbe(task, records: records, in: ComputeContext())
        .terms(clipping: try Clipping(function: .vanilla), probes: scale.probes, seed: seed)
      result["\(number)"] = .object(terms.summary(mechanism))
    }
    return result
  }

  var parts: [ExperimentPart] {
    scale.seeds.map { seed in
      ExperimentPart(name: "P3 seed \(seed)") { try measure(seed: seed) }
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    func spread(_ key: String, _ place: Int) throws -> Spread? {
      let values = try scale.seeds.map {
        try results["P3 seed \($0)"].object("\(place)")[key]?.doubleValue
      }
      return values.contains(nil) ? nil : try Spread(values.compactMap { $0 })
    }
    func list(_ key: String, _ digits: Int, _ factor: Double = 1) throws -> String {
      try places.indices.map { place in
        try spread(key, place).map {
          try Spread($0.values.map { factor * $0 }).text(digits)
        } ?? "undefined: indefinite curvature"
      }.joined(separator: "; ")
    }
    let (before, after) = (
      try spread("deceleratorShare", 0), try spread("deceleratorShare", places.count - 1)
    )
    let factor = try before.flatMap { before in
      try after.map { try Spread(zip(before.values, $0.values).map(/)) }
    }
    return [
      .init(
        id: "P3", claim: "public training lowers the decelerator's share by a factor 2 and more",
        paper: "calibrated 63; 46; 17 %",
        ours:
          "\(try list("deceleratorShare", 1, 100)) %, factor \(factor.map { $0.text(2) } ?? "undefined")",
        verdict: .of(factor.map { $0.mean >= 2 } ?? false),
        note:
          "after \(places.map { "\($0)" }.joined(separator: "; ")) public steps, \(scale.seeds.count) seeds; tr(H) \(try list("trace", 1)), which need not fall; B* \(try list("bestBatch", 0))"
      )
    ]
  }
}
