public import Tensors
import Training

/// A language model that learns to continue texts. The loss of a record is the mean over its own
/// tokens: a mean over all tokens of a batch would tie records together by its denominator.
public final class LanguageModelTask: PerRecordTask {
  /// All parameters.
  public let parameters: [Parameter]
  private let head: LinearLayer
  private let states: (_ ids: [Int32], _ packing: Packing, _ tape: Tape) -> Variable

  /// A task.
  ///
  /// - Parameters:
  ///   - parameters: all of the model's, the head's among them.
  ///   - head: scores the vocabulary; its weight may be the word table.
  ///   - states: states after the last layer, `[tokens, dimension]`; each sees its text up to itself.
  public init(
    parameters: [Parameter], head: LinearLayer,
    states: @escaping (_ ids: [Int32], _ packing: Packing, _ tape: Tape) -> Variable
  ) {
    self.parameters = parameters
    self.head = head
    self.states = states
  }

  /// Mean cross-entropy of the second to the last token, in nats; 0 for a text of fewer than two.
  public func losses(of examples: [[Int32]], on tape: Tape) -> Variable {
    let packing = Packing(lengths: examples.map { max(0, $0.count - 1) })
    let hidden = states(examples.flatMap { $0.dropLast() }, packing, tape)
    return tape.meanPool(
      tape.vocabularyLoss(
        hidden, head: head, targets: examples.flatMap { $0.dropFirst().map(Int.init) }))
  }
}
