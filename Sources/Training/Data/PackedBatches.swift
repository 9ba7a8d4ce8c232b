/// Batches of groups of examples: what a plan over the groups says, with each group's examples.
///
/// - SeeAlso: ``SequencePacking``.
public struct PackedBatches: BatchPlan {
  private let groups: [[Int]]
  private let plan: any BatchPlan

  /// Batches.
  ///
  /// - Parameters:
  ///   - groups: numbers of examples.
  ///   - plan: takes numbers of groups.
  public init(groups: [[Int]], plan: any BatchPlan) {
    (self.groups, self.plan) = (groups, plan)
  }

  /// Those of the plan.
  public var stepsPerEpoch: Int { plan.stepsPerEpoch }

  /// The examples of the groups of a step.
  public func batch(at step: Int) -> [Int] { plan.batch(at: step).flatMap { groups[$0] } }
}
