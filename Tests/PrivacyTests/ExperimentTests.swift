import Foundation
import Testing

@testable import Evaluation
@testable import Privacy

/// Small experiments from end to end: what DiSK gains, and what an auditor sees with and without
/// noise. One seed; three with RAGBENCH_VERIFY.
@Suite struct ExperimentTests {
  private let noise = CalibratedNoise()
  private var scale: ExperimentScale { .full(seed: 0) }
  private var seeds: ArraySlice<UInt64> {
    scale.seeds.prefix(
      ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == nil ? 1 : scale.seeds.count)
  }

  /// disk.md, D4: at ε = 1 and a learning rate of 3e-3 DiSK with κ = 0.3 gains at least five points.
  @Test func diskGainsAtAFixedLearningRate() throws {
    #expect(abs(try noise.multiplier(epsilon: 1, rate: 0.064, steps: 250) - 4.27) < 0.02)
    let experiment = FilterAccuracy(scale: scale, noise: noise)
    for seed in seeds {
      let plain = try experiment.accuracy(.adam, filter: "none", learningRate: 3e-3, seed: seed)
      let disk = try experiment.accuracy(.adam, filter: "0.3", learningRate: 3e-3, seed: seed)
      print("DiSK, seed \(seed): DP-Adam \(plain), with the filter \(disk)")
      #expect(disk >= plain + 0.05 && plain > 0.4, "\(plain), \(disk)")
    }
  }

  /// dp-core.md, C6 and C7: canaries with random labels are found in a model trained without noise,
  /// and at ε = 4 hardly; the lower bound never passes ε.
  @Test func anAuditorSeesCanariesOnlyWithoutNoise() throws {
    let audit = CanaryAudit(scale: scale, noise: noise)
    for seed in seeds {
      let open = try audit.finding(isPrivate: false, seed: seed)
      let guarded = try audit.finding(isPrivate: true, seed: seed)
      print("audit, seed \(seed): without noise \(open), at ε = 4 \(guarded)")
      #expect(open.bound >= 2 && open.canaries > 0.85)
      #expect(guarded.bound <= 4 && guarded.bound < 0.6 && guarded.canaries < 0.6)
      #expect(open.ordinary >= 0.7 && guarded.ordinary <= 0.6)
      #expect(guarded.accuracy > open.accuracy)
    }
  }
}
