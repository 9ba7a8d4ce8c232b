public import Basics
public import Training

/// What neighbouring data sets are.
public enum Adjacency: String, Sendable {
  /// One record is there or not.
  case addOrRemoveOne = "add-or-remove-one-record"
}

/// The account of one training run on private data: what was released, and the budget it must keep.
///
/// A checkpoint holds it, so ε never begins again at 0: a run that goes on with other data or another
/// plan is refused.
public final class PrivacyLedger: CheckpointedState {
  /// What a run intends to do.
  public struct Plan: Sendable, Equatable {
    /// All steps of the run.
    public let phase: SampledGaussian
    /// δ of all figures.
    public let delta: Double
    /// The largest ε; nil: none was promised.
    public let epsilon: Double?
    /// What the data are, such as their SHA-256.
    public let dataset: String

    /// A plan.
    ///
    /// - Parameters:
    ///   - phase: all steps of the run.
    ///   - delta: above 0, below 1; below 1 / n for n records.
    ///   - epsilon: the largest ε; nil: none is promised.
    ///   - dataset: what the data are.
    public init(phase: SampledGaussian, delta: Double, epsilon: Double? = nil, dataset: String) {
      (self.phase, self.delta, self.epsilon, self.dataset) = (phase, delta, epsilon, dataset)
    }
  }

  /// What is intended.
  public let plan: Plan
  /// What was spent on the same data before this run.
  public let previous: [SampledGaussian]
  /// What neighbouring data sets are.
  public let adjacency = Adjacency.addOrRemoveOne
  /// Steps that were done.
  public private(set) var steps = 0

  /// An account without steps.
  ///
  /// - Parameters:
  ///   - plan: what the run intends.
  ///   - previous: what was spent on the same data before.
  /// - Throws: ``PrivacyError`` if δ is none, or the plan would exceed its own ε.
  public init(_ plan: Plan, after previous: [SampledGaussian] = []) throws {
    try checkDelta(plan.delta)
    if let epsilon = plan.epsilon {
      try Calibration(
        budget: Calibration.Budget(epsilon: epsilon, delta: plan.delta), after: previous
      ).check(plan.phase)
    }
    self.plan = plan
    self.previous = previous
  }

  /// Refuses a δ that protects nobody: with δ ≥ 1/n publishing a whole record at random would do.
  ///
  /// - Parameters:
  ///   - delta: δ.
  ///   - records: n.
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)``.
  public static func check(delta: Double, records: Int) throws {
    try checkDelta(delta)
    guard delta * Double(records) < 1 else {
      throw PrivacyError.range(
        "delta", delta, "less than 1/n = \(1 / Double(records)) for \(records) records")
    }
  }

  /// Notes a step, also one whose batch was empty.
  ///
  /// A step beyond the plan is a mistake of the caller: the plan was checked against the budget.
  func recordStep() {
    precondition(
      steps < plan.phase.steps, "PrivacyLedger: step \(steps + 1) of \(plan.phase.steps)")
    steps += 1
  }

  /// Everything that was released.
  public var released: [SampledGaussian] {
    guard
      let phase = try? SampledGaussian(
        noiseMultiplier: plan.phase.noiseMultiplier, rate: plan.phase.rate, steps: steps)
    else { preconditionFailure("PrivacyLedger: \(steps) steps") }
    return previous + [phase]
  }

  /// ε of everything that was released.
  ///
  /// - Parameter accountant: nil: PRV, as fine as the plan was calibrated, and RDP where that cannot be
  ///   computed.
  /// - Returns: An upper bound; infinite without noise.
  /// - Throws: ``PrivacyError``.
  public func epsilon(by accountant: (any PrivacyAccountant)? = nil) throws -> Double {
    if let accountant { return try accountant.epsilon(of: released, delta: plan.delta) }
    do {
      return try PRVAccountant(for: plan.epsilon).epsilon(of: released, delta: plan.delta)
    } catch PrivacyError.notComputable {
      return try RenyiAccountant().epsilon(of: released, delta: plan.delta)
    }
  }

  /// What a report says: ε by two accountants, δ, adjacency, settings. An infinite ε is null.
  public func summary() throws -> JSONObject {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    let phases = released
    var summary: JSONObject = [
      "adjacency": .string(adjacency.rawValue), "delta": .number(plan.delta),
      "noiseMultiplier": .number(plan.phase.noiseMultiplier),
      "samplingRate": .number(plan.phase.rate), "sampling": "poisson",
      "steps": JSONValue(steps), "plannedSteps": JSONValue(plan.phase.steps),
      "epsilonRDP": number(try RenyiAccountant().epsilon(of: phases, delta: plan.delta)),
    ]
    do {
      summary["epsilonPRV"] = number(
        try PRVAccountant(for: plan.epsilon).epsilon(of: phases, delta: plan.delta))
    } catch PrivacyError.notComputable {
      summary["epsilonPRV"] = .null
    }
    if let epsilon = plan.epsilon { summary["epsilonTarget"] = .number(epsilon) }
    if !previous.isEmpty {
      summary["spentBefore"] = .array(previous.map { .object($0.json) })
    }
    return summary
  }

  /// `privacy`.
  public var stateName: String { "privacy" }

  /// The account.
  public func savedState() -> StateRecord {
    var record = StateRecord()
    record.values = [
      "steps": JSONValue(steps), "dataset": .string(plan.dataset),
      "delta": .number(plan.delta), "plan": .object(plan.phase.json),
      "previous": .array(previous.map { .object($0.json) }),
    ]
    return record
  }

  /// Takes the steps of an account of the same data and plan.
  ///
  /// - Throws: ``PrivacyError/otherAccount(reason:)`` or `InputError`.
  public func restore(_ record: StateRecord) throws {
    let values = record.values
    let dataset = try values.string("dataset")
    guard dataset == plan.dataset else {
      throw PrivacyError.otherAccount(
        reason: "it is of the data '\(dataset)', these are '\(plan.dataset)'")
    }
    let phases = try [values.object("plan")] + values.objects("previous")
    guard try phases.map(SampledGaussian.init(json:)) == [plan.phase] + previous,
      try values.double("delta") == plan.delta
    else { throw PrivacyError.otherAccount(reason: "it is of another plan") }
    let found = try values.int("steps")
    guard found >= steps, found <= plan.phase.steps else {
      throw PrivacyError.otherAccount(
        reason: "it has \(found) steps, expected \(steps) to \(plan.phase.steps)")
    }
    steps = found
  }
}
