/// A value in a computation that a ``Tape`` may have recorded.
public struct Variable {
  /// The numbers.
  public let value: Tensor
  /// How its rows divide into sequences and examples.
  public let packing: Packing
  /// Whether something that it was computed from wants a gradient.
  public let requiresGradient: Bool
  let slot: GradientSlot?

  /// The gradient after ``Tape/backward(from:gradient:)``, for an input that asked for one and for a
  /// variable that was watched; nil for others, and if nothing of the output depends on it.
  public var gradient: Tensor? { slot?.isKept == true ? slot?.gradient : nil }

  /// Sizes of the dimensions.
  public var shape: [Int] { value.shape }
}

/// Where the gradient of a variable is added up.
final class GradientSlot {
  var gradient: Tensor?
  /// Whether the gradient stays after it has been used.
  var isKept: Bool

  init(isKept: Bool) { self.isKept = isKept }

  /// Adds a gradient; in place where nobody else holds what is there.
  func add(_ more: Tensor, in context: ComputeContext) {
    guard var sum = gradient else {
      gradient = more
      return
    }
    gradient = nil
    precondition(sum.count == more.count, "gradient: \(sum.shape) and \(more.shape)")
    let target = sum.isUniquelyHeld() ? sum : context.tensor(sum.shape)
    context.add(sum, more, into: target)
    gradient = target
  }
}
