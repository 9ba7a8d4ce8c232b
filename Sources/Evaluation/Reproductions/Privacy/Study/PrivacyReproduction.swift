public import Basics
import Foundation
import Synchronization

/// The claims of a paper on private training, measured in small, in a run directory: each finished
/// part is kept, and a run that was killed goes on.
public struct PrivacyReproduction: Sendable {
  /// The papers.
  public enum Paper: String, Sendable, CaseIterable {
    /// The filter.
    case disk
    /// Public, then private.
    case continualPretraining = "dp-continual-pretraining"
    /// What private training itself must keep.
    case core = "dp-core"

    /// The paper in a line.
    public var reference: String {
      switch self {
      case .disk: "arXiv 2410.03883"
      case .continualPretraining: "arXiv 2402.18752"
      case .core: "arXiv 1607.00133 and what came after"
      }
    }

    /// What it is about.
    public var about: String {
      switch self {
      case .disk: "DiSK, a Kalman filter for private gradients"
      case .continualPretraining: "public training first, then private: what noise costs when"
      case .core: "accountants, norms, sensitivity, audits of private training"
      }
    }
  }

  /// What every output says about the noise.
  public static let noiseLabel = "INSECURE: from seeds, to be repeatable; it protects nobody"

  private let paper: Paper
  private let experiments: [any PaperExperiment]

  /// A reproduction.
  ///
  /// - Parameters:
  ///   - paper: which.
  ///   - scale: how large.
  ///   - texts: what language models learn, of one domain.
  public init(_ paper: Paper, scale: ExperimentScale, texts: [String]) {
    self.paper = paper
    let noise = CalibratedNoise()
    experiments =
      switch paper {
      case .disk:
        [
          QuadraticExactness(), NoiseReduction(steps: scale.noiseSteps), FilterPrivacy(),
          FilterAccuracy(scale: scale, noise: noise), FilterError(scale: scale, noise: noise),
          FilteredLanguageModel(scale: scale, texts: texts, noise: noise),
          FilterCost(scale: scale, texts: texts),
        ]
      case .core:
        [
          AccountantTable(), NormsAndSums(), NoiseAndParts(),
          Sensitivity(trials: scale.neighbours), CanaryAudit(scale: scale, noise: noise),
          Repeatability(scale: scale),
        ]
      case .continualPretraining:
        [
          OneStepTheory(scale: scale), DeceleratorShare(scale: scale),
          PublicThenPrivate(scale: scale, noise: noise),
          ContinualLanguageModel(scale: scale, texts: texts, noise: noise),
          ContinualMembership(scale: scale, noise: noise),
        ]
      }
  }

  /// Number of parts.
  public var partCount: Int { experiments.reduce(0) { $0 + $1.parts.count } }

  /// Measures what is not measured yet and writes the results.
  ///
  /// - Parameters:
  ///   - run: where finished parts are kept.
  ///   - threads: parts at once; one that measures time is alone.
  ///   - progress: told each finished part, from any thread.
  /// - Returns: the claims with their verdicts; they are in `results.json` too.
  /// - Throws: what measuring and writing throw.
  public func perform(
    in run: RunDirectory, threads: Int,
    progress: @escaping @Sendable (_ part: String) -> Void
  ) throws -> Reproduction {
    let parts = experiments.flatMap(\.parts)
    precondition(Set(parts.map(\.name)).count == parts.count, "PrivacyReproduction: equal names")
    let state = Mutex(State())
    @Sendable func measure(_ part: ExperimentPart) {
      guard state.withLock({ $0.failure == nil }) else { return }
      do {
        let start = ContinuousClock.now
        let result = try run.recorded("part", ["name": .string(part.name)], part.measure)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        state.withLock { state in
          state.results[part.name] = result
          state.seconds[part.name] = seconds
        }
        progress(part.name)
      } catch {
        state.withLock { $0.failure = $0.failure ?? error }
      }
    }
    let parallel = parts.filter { !$0.isTimed }
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: max(1, min(threads, parallel.count))) { _ in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < parallel.count else { return }
        measure(parallel[index])
      }
    }
    for part in parts where part.isTimed { measure(part) }
    let (results, seconds) = try state.withLock { state in
      if let failure = state.failure { throw failure }
      return (state.results, state.seconds)
    }
    let reproduction = Reproduction(
      paper: paper.reference,
      rows: try experiments.flatMap { try $0.rows(ExperimentResults(results)) })
    var json = reproduction.json
    json["noise"] = .string(Self.noiseLabel)
    json["parts"] = .object(JSONObject(parts.map { ($0.name, .object(results[$0.name] ?? [:])) }))
    try run.finish(
      results: ["reproduction": .object(json)],
      timings: [
        "secondsOfParts": .object(
          JSONObject(parts.map { ($0.name, .number(seconds[$0.name] ?? 0)) }))
      ])
    return reproduction
  }

  private struct State {
    var results: [String: JSONObject] = [:]
    var seconds: [String: Double] = [:]
    var failure: (any Error)?
  }
}
