/// Batches of groups of examples: what a plan over the groups says, with each group's examples.
///
/// - SeeAlso: ``SequencePacking``.
struct PackedBatches: BatchPlan {
  let groups: [[Int]]
  let plan: any BatchPlan

  var stepsPerEpoch: Int { plan.stepsPerEpoch }

  func batch(at step: Int) -> [Int] { plan.batch(at: step).flatMap { groups[$0] } }
}
