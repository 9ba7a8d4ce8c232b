import Basics
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation
@testable import Privacy

/// Public, then private training: when it switches, what it hands over, what it touches.
@Suite struct ContinualTrainingTests {
  @Test func theRuleSaysWhatFired() {
    var rule = SwitchRule(steps: 100, evaluateEvery: 10)
    // Falls fast, then hardly: 1.0 over the first window of three, 0.012 over the last.
    let flat = [2.0, 1.6, 1.3, 1.0, 0.9, 0.896, 0.892, 0.888]
    #expect(rule.condition(after: Array(flat.dropLast())) == nil)
    guard case .flat(let drop, let first) = rule.condition(after: flat) else {
      Issue.record("\(flat)")
      return
    }
    expectClose([drop, first], [0.012, 1], absolute: 1e-12)
    // The window before is not yet flat, whatever happens within it.
    #expect(rule.condition(after: [2, 1.6, 1.3, 1, 0.999, 0.998]) == nil)
    // Three evaluations no better than the best before; an equal one is no better.
    #expect(rule.condition(after: [2, 1, 1.1, 1]) == nil)
    #expect(rule.condition(after: [2, 1, 1.1, 1, 1.2]) == .noImprovement(evaluations: 3))
    rule.patience = 4
    #expect(rule.condition(after: [2, 1, 1.1, 1, 1.2]) == nil)
    #expect(rule.condition(after: [2]) == nil)
    #expect("\(SwitchRule.Condition.stepsSpent(7))" == "the 7 steps of the public phase are done")
  }

  private final class Setup {
    let task: Perceptron
    let open: [LabelledFeatures]
    let heldOut: [LabelledFeatures]
    let guarded: [LabelledFeatures]
    let context = ComputeContext()
    var rule = SwitchRule(steps: 20, evaluateEvery: 5)

    init() throws {
      var world = ClassWorld(seed: 3)
      (open, heldOut, guarded) = (world.records(60), world.records(30), world.records(200))
      task = try Perceptron(width: 12, seed: 3)
    }

    func optimizer() -> Optimizer {
      Optimizer(
        .adam(), groups: [ParameterGroup(task.parameters, learningRate: 0.01)], in: context)
    }

    func publicPhase() -> ContinualTraining<Perceptron>.PublicPhase {
      var phase = ContinualTraining<Perceptron>.PublicPhase(
        records: open, heldOut: heldOut, rule: rule, optimizer: optimizer())
      phase.batchSize = 16
      return phase
    }

    func privatePhase(
      noise: Double = 1, rate: Double = 0.2, steps: Int = 6, length: Double = 1
    ) throws -> ContinualTraining<Perceptron>.PrivatePhase {
      var settings = try PrivateTrainingSettings(
        clipping: Clipping(length: length, function: .vanilla), expectedRecords: rate * 200)
      settings.randomness = .insecure(InsecureSeed(4))
      return ContinualTraining<Perceptron>.PrivatePhase(
        ledger: try .forTests(noise: noise, rate: rate, steps: steps), settings: settings,
        optimizer: optimizer(), schedule: Schedule(.constant, totalSteps: steps))
    }

    var bits: [[UInt32]] { task.parameters.map { $0.value.values.map(\.bitPattern) } }
  }

  private struct Trap: Error {}

  /// P6: private records are asked for once, after the switch was decided and told, and never where
  /// the public phase fails.
  @Test func noPrivateRecordIsTouchedBeforeTheSwitch() throws {
    let setup = try Setup()
    var events: [String] = []
    let phase = try setup.privatePhase()
    let found = try ContinualTraining(setup.task, in: setup.context).run(
      setup.publicPhase(), then: phase, log: { events.append("switch at \($0.step)") },
      privateRecords: {
        events.append("private")
        return setup.guarded
      })
    #expect(events == ["switch at \(found.step)", "private"])
    #expect(phase.ledger.steps == 6)

    // A trap in place of the records: nothing but the public phase has happened.
    let trapped = try Setup()
    let before = trapped.bits
    let trappedPhase = try trapped.privatePhase()
    var switched: ContinualTraining<Perceptron>.Switch?
    #expect(throws: Trap.self) {
      try ContinualTraining(trapped.task, in: trapped.context).run(
        trapped.publicPhase(), then: trappedPhase, log: { switched = $0 },
        privateRecords: { throw Trap() })
    }
    #expect(switched == found && trapped.bits != before && trappedPhase.ledger.steps == 0)
    // What the public phase gives does not depend on the private records.
    let alone = try Setup()
    let aloneSwitch = try ContinualTraining(alone.task, in: alone.context)
      .trainPublic(alone.publicPhase())
    #expect(aloneSwitch == found && alone.bits == trapped.bits)
    // Without a switch no record is asked for.
    #expect(throws: Trap.self) {
      try ContinualTraining(setup.task, in: setup.context).run(
        setup.publicPhase(), then: setup.privatePhase(), log: { _ in throw Trap() },
        privateRecords: {
          Issue.record("private records before the switch")
          return setup.guarded
        })
    }
  }

  @Test func theConditionThatFiredIsTold() throws {
    func condition(_ change: (inout SwitchRule) -> Void) throws -> SwitchRule.Condition {
      let setup = try Setup()
      setup.rule = SwitchRule(steps: 60, evaluateEvery: 2)
      setup.rule.window = 2
      change(&setup.rule)
      return try ContinualTraining(setup.task, in: setup.context)
        .trainPublic(setup.publicPhase()).condition
    }
    // Everything counts as flat; every evaluation must be better than all before; neither.
    guard case .flat = try condition({ $0.leastShare = 100 }) else {
      Issue.record("not flat")
      return
    }
    #expect(
      try condition {
        ($0.leastShare, $0.patience, $0.steps) = (-1e9, 1, 2000)
      } == .noImprovement(evaluations: 1))
    #expect(
      try condition { ($0.leastShare, $0.patience) = (-1e9, 1000) } == .stepsSpent(60))
  }

  /// Curvature can be logged at each evaluation, on public records, and changes nothing.
  @Test func curvatureIsMeasuredAtEvaluations() throws {
    let plain = try Setup()
    let found = try ContinualTraining(plain.task, in: plain.context)
      .trainPublic(plain.publicPhase())
    let setup = try Setup()
    var phase = setup.publicPhase()
    var log: [JSONObject] = []
    phase.evaluated = { loss in
      var entry = try CurvatureProbe(setup.task, records: setup.open, in: setup.context)
        .terms(clipping: Clipping(), probes: 2, seed: 1)
        .summary(CurvatureTerms.Mechanism(batch: 40, noise: 1))
      entry["loss"] = .number(loss)
      log.append(entry)
    }
    let logged = try ContinualTraining(setup.task, in: setup.context).trainPublic(phase)
    #expect(logged == found && setup.bits == plain.bits)
    #expect(try log.map { try $0.double("loss") } == Array(found.losses.dropFirst()))
    for entry in log {
      #expect(try entry.double("gradientSquare") > 0 && entry.double("clipFactor") > 0)
    }
  }

  /// Trap 8: without noise and clipping the private phase is plain training that goes on.
  @Test func withoutNoiseItIsPlainTraining() throws {
    let setup = try Setup()
    var phase = try setup.privatePhase(noise: 0, rate: 1, length: 1e9)
    phase.handover = .resetsNothing
    _ = try ContinualTraining(setup.task, in: setup.context)
      .run(setup.publicPhase(), then: phase) { setup.guarded }
    let plain = try Setup()
    let publicPhase = plain.publicPhase()
    _ = try ContinualTraining(plain.task, in: plain.context).trainPublic(publicPhase)
    let source = Backpropagation(plain.task, in: plain.context)
    for step in 0..<6 {
      _ = source.computeGradient(of: plain.guarded, at: step)
      publicPhase.optimizer.step()
    }
    for (a, b) in zip(setup.task.parameters, plain.task.parameters) {
      expectClose(a.value.values, b.value.values, absolute: 2e-5, relative: 1e-4, a.name)
    }
  }

  @Test func handoversKeepWhatTheySay() throws {
    let setup = try Setup()
    let phase = setup.publicPhase()
    _ = try ContinualTraining(setup.task, in: setup.context).trainPublic(phase)
    let all = phase.optimizer.savedState()
    func names(_ handover: OptimizerHandover) -> [String] {
      handover.state(of: phase.optimizer).tensors.map(\.name)
    }
    let count = setup.task.parameters.count
    #expect(names(.resetsNothing).count == 2 * count)
    #expect(names(.resetsFirstMoment).count == count)
    #expect(names(.resetsFirstMoment).allSatisfy { $0.hasPrefix("second/") })
    #expect(names(.resetsMoments).isEmpty)
    // t stays with v: after one step without a gradient m is 0 and nothing moves.
    #expect(OptimizerHandover.resetsFirstMoment.state(of: phase.optimizer).values == all.values)
    let next = setup.optimizer()
    try next.restore(OptimizerHandover.resetsFirstMoment.state(of: phase.optimizer))
    let before = setup.bits
    for parameter in setup.task.parameters {
      parameter.updateGradient { for i in $0.indices { $0[i] = 0 } }
    }
    next.step()
    #expect(setup.bits == before)
  }

  /// Stopped in either phase, it goes on and ends with the same bits and the same account.
  @Test func aRunThatWasStoppedGoesOn() throws {
    let whole = try Setup()
    let wholePhase = try whole.privatePhase()
    let found = try ContinualTraining(whole.task, in: whole.context)
      .run(whole.publicPhase(), then: wholePhase) { whole.guarded }
    let directory = try TemporaryDirectory()
    let files = (open: directory.file("open"), guarded: directory.file("guarded"))
    // Before any private record, then with the private phase finished.
    for attempt in 0..<3 {
      let setup = try Setup()
      let phase = try setup.privatePhase()
      let training = ContinualTraining(setup.task, in: setup.context)
      if attempt == 0 {
        #expect(throws: Trap.self) {
          try training.run(setup.publicPhase(), then: phase, checkpoints: files) { throw Trap() }
        }
        continue
      }
      let again = try training.run(setup.publicPhase(), then: phase, checkpoints: files) {
        setup.guarded
      }
      #expect(again == found && setup.bits == whole.bits)
      #expect(phase.ledger.steps == 6)
      #expect(try phase.ledger.epsilon() == wholePhase.ledger.epsilon())
    }
  }

  @Test func duplicatesOfPublicRecordsAreLeftOut() {
    let (kept, duplicates) = PublicDuplicates.removed(
      ["a", "b"], from: ["c", "B", "d", "a"], by: { $0.lowercased() })
    #expect(kept == ["c", "d"] && duplicates == 2)
  }
}
