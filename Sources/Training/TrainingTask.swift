public import Tensors

/// What is learnt: parameters, and the losses of examples as a function of them.
///
/// The same task serves every way of making a gradient: by backpropagation, with a norm for each
/// example, or from values only.
public protocol TrainingTask<Example>: AnyObject {
  /// What one example is, tokens rather than text.
  associatedtype Example
  /// All parameters; frozen ones may be among them.
  var parameters: [Parameter] { get }
  /// Losses of a batch.
  ///
  /// - Parameters:
  ///   - examples: one or more. Contrastive losses compare them with each other.
  ///   - tape: where it runs.
  /// - Returns: `[examples, 1]`, not averaged; example i of each packing is example i of the batch.
  func losses(of examples: [Example], on tape: Tape) -> Variable
  /// What an example counts in the mean of its batch, above 0.
  func weight(of example: Example) -> Double
}

extension TrainingTask {
  /// 1: all examples count the same.
  public func weight(of example: Example) -> Double { 1 }
}

/// What puts the gradient of one step into the parameters.
///
/// Optimizers take the gradient as it is, so whatever clips, adds noise, filters or estimates can
/// stand before any of them.
public protocol GradientSource<Example>: AnyObject {
  /// What one example is.
  associatedtype Example
  /// Computes a gradient.
  ///
  /// - Parameters:
  ///   - examples: the batch; may be empty where batches are sampled.
  ///   - step: number of the step from 0, for random choices that can be repeated.
  /// - Returns: the mean of the examples' losses before the step, nil without examples.
  func computeGradient(of examples: [Example], at step: Int) -> Double?
}

/// The gradient of the weighted mean loss, by backpropagation.
public final class Backpropagation<Task: TrainingTask>: GradientSource {
  private let task: Task
  private let context: ComputeContext
  private let examplesAtOnce: Int

  /// A source.
  ///
  /// - Parameters:
  ///   - task: what is learnt.
  ///   - context: where it runs.
  ///   - examplesAtOnce: examples of one pass; the gradients of a batch's passes are added up. Less
  ///     memory, the same mean; a contrastive loss then compares fewer examples with each other.
  public init(_ task: Task, in context: ComputeContext, examplesAtOnce: Int = .max) {
    precondition(examplesAtOnce > 0, "Backpropagation: \(examplesAtOnce) examples at once")
    self.task = task
    self.context = context
    self.examplesAtOnce = examplesAtOnce
  }

  /// Computes the gradient of the mean loss.
  public func computeGradient(of examples: [Task.Example], at step: Int) -> Double? {
    for parameter in task.parameters { parameter.clearGradient() }
    guard !examples.isEmpty else { return nil }
    let weights = examples.map { task.weight(of: $0) }
    let sum = weights.reduce(0, +)
    let shares = weights.map { Float($0 / sum) }
    var total = 0.0
    var start = 0
    while start < examples.count {
      let end = examples.count - start > examplesAtOnce ? start + examplesAtOnce : examples.count
      let tape = Tape(in: context)
      let losses = task.losses(of: Array(examples[start..<end]), on: tape)
      precondition(
        losses.value.count == end - start,
        "Backpropagation: \(losses.value.count) losses of \(end - start) examples")
      total += zip(losses.value.values, weights[start..<end]).reduce(0) {
        $0 + Double($1.0) * $1.1
      }
      tape.backward(from: tape.sum(losses, weights: Array(shares[start..<end])))
      start = end
    }
    return total / sum
  }
}
