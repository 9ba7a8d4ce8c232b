/// Reverse-mode differentiation: operations are methods, and what their gradients need is recorded.
///
///     let tape = Tape(in: context)
///     let scores = tape.linear(tape.input(x), classifier)
///     let loss = tape.mean(tape.crossEntropy(scores, targets: labels))
///     tape.backward(from: loss)        // the parameters now hold their gradients
///
/// Operations are few and large: a layer of a transformer is some ten of them. Recorded values are
/// given back one by one while the gradient is computed, and their memory goes into the context's
/// pool, so a step that repeats allocates nothing. A tape is used for one forward and one backward
/// pass. All sums have a fixed order: results do not depend on the number of threads.
public final class Tape {
  /// What a tape keeps.
  public enum Mode: Sendable {
    /// What gradients need.
    case recording
    /// Nothing: values only.
    case forwardOnly
    /// Nothing but whether a gradient would be wanted: the first pass of a checkpoint.
    case probing
  }

  /// Gets the gradient of each use of a parameter in place of the parameter itself.
  public typealias Receiver = (ParameterGradient) -> Void

  private struct Step {
    let slot: GradientSlot
    let backward: (Tape, Tensor) -> Void
  }

  /// Where operations run.
  public let context: ComputeContext
  /// What is kept.
  public let mode: Mode
  private let receiver: Receiver?
  private var steps: [Step] = []

  /// A tape without a recording.
  ///
  /// - Parameters:
  ///   - context: where operations run.
  ///   - mode: what is kept.
  ///   - receiver: nil: gradients are added to their parameters. Else it gets the factors of each,
  ///     and calls ``ParameterGradient/accumulate(exampleWeights:in:)`` itself, now, later or never.
  public init(in context: ComputeContext, mode: Mode = .recording, receiver: Receiver? = nil) {
    self.context = context
    self.mode = mode
    self.receiver = receiver
  }

  /// Number of operations that wait for their gradient.
  public var recordedOperations: Int { steps.count }

  /// A value from outside.
  ///
  /// - Parameters:
  ///   - value: the numbers.
  ///   - packing: how its rows divide; nil: every row is an example.
  ///   - requiresGradient: whether ``Variable/gradient`` is wanted.
  /// - Returns: the variable.
  public func input(
    _ value: Tensor, packing: Packing? = nil, requiresGradient: Bool = false
  ) -> Variable {
    let packing = packing ?? .rows(value.rows)
    precondition(
      packing.rowCount == value.rows,
      "input: \(value.rows) rows, the packing has \(packing.rowCount)")
    let wanted = requiresGradient && mode != .forwardOnly
    return Variable(
      value: value, packing: packing, requiresGradient: wanted,
      slot: wanted && mode == .recording ? GradientSlot(isKept: true) : nil)
  }

  /// The same variable, whose gradient is wanted: with all parameters frozen, as a gradient attack
  /// has it at the embeddings, or on the way to the parameters.
  public func watched(_ x: Variable) -> Variable {
    guard let slot = x.slot else {
      return input(x.value, packing: x.packing, requiresGradient: true)
    }
    slot.isKept = true
    return x
  }

  /// Computes gradients, giving back what was recorded on the way.
  ///
  /// - Parameters:
  ///   - output: a scalar, or any variable if its gradient is given.
  ///   - gradient: the gradient at the output, of its shape; nil: 1.
  public func backward(from output: Variable, gradient: Tensor? = nil) {
    precondition(mode == .recording, "backward: the tape records nothing")
    guard let slot = output.slot else {
      steps.removeAll()
      return
    }
    precondition(
      gradient.map { $0.shape == output.shape } ?? (output.value.count == 1),
      "backward: the output has shape \(output.shape), the gradient \(gradient?.shape ?? [])")
    slot.add(gradient ?? filled(output.shape, with: 1), in: context)
    while let step = steps.popLast() {
      guard let gradient = step.slot.gradient else { continue }
      if !step.slot.isKept { step.slot.gradient = nil }
      step.backward(self, gradient)
    }
  }

  /// Runs a part of the computation without keeping its values; they are computed again when the
  /// gradient comes.
  ///
  /// - Parameters:
  ///   - inputs: all variables that the part reads, besides parameters.
  ///   - body: the part: a function of the tape and the inputs. Called once or twice.
  /// - Returns: what the part returns. Values and gradients have the same bits as without.
  /// - SeeAlso: Chen et al. 2016, "Training deep nets with sublinear memory cost".
  public func checkpointed(
    _ inputs: [Variable], _ body: @escaping (Tape, [Variable]) -> Variable
  ) -> Variable {
    guard mode == .recording else { return body(self, inputs) }
    let probe = Tape(in: context, mode: .probing)
    func entered(_ tape: Tape) -> [Variable] {
      inputs.map {
        tape.input($0.value, packing: $0.packing, requiresGradient: $0.requiresGradient)
      }
    }
    let result = body(probe, entered(probe))
    guard result.requiresGradient else { return result }
    let (context, receiver) = (context, receiver)
    return recorded(result.value, packing: result.packing) { _, gradient in
      let inner = Tape(in: context, receiver: receiver)
      let leaves = entered(inner)
      inner.backward(from: body(inner, leaves), gradient: gradient)
      for (input, leaf) in zip(inputs, leaves) {
        if let gradient = leaf.gradient { input.slot?.add(gradient, in: context) }
      }
    }
  }
}

/// What operations are written with.
extension Tape {
  /// Whether an operation has to keep what its gradient needs.
  func records(_ inputs: [Variable], _ parameters: [Parameter] = []) -> Bool {
    mode == .recording && wants(inputs, parameters)
  }

  /// The result of an operation.
  ///
  /// - Parameters:
  ///   - value: its value.
  ///   - packing: its rows.
  ///   - inputs: the variables it was computed from.
  ///   - parameters: the parameters it was computed from.
  ///   - backward: gets the tape and the gradient at the result; hands on gradients by
  ///     ``add(_:to:)`` and ``emit(_:packing:_:)``. Kept only if something wants a gradient. It
  ///     captures the slots of the inputs, and their values only if it reads them.
  /// - Returns: the variable, with what its gradient needs if somebody wants one.
  func result(
    _ value: Tensor, packing: Packing, from inputs: [Variable], _ parameters: [Parameter] = [],
    backward: @escaping (Tape, Tensor) -> Void
  ) -> Variable {
    guard wants(inputs, parameters) else {
      return Variable(value: value, packing: packing, requiresGradient: false, slot: nil)
    }
    guard mode == .recording else {
      return Variable(value: value, packing: packing, requiresGradient: true, slot: nil)
    }
    return recorded(value, packing: packing, backward: backward)
  }

  /// Hands a gradient on to a variable, if it wants one.
  func add(_ gradient: @autoclosure () -> Tensor, to slot: GradientSlot?) {
    slot?.add(gradient(), in: context)
  }

  /// Hands a gradient on to a parameter, if it wants one.
  func emit(
    _ parameter: Parameter?, packing: Packing, _ form: @autoclosure () -> ParameterGradient.Form
  ) {
    guard let parameter, parameter.isTrainable else { return }
    let gradient = ParameterGradient(parameter: parameter, form: form(), packing: packing)
    if let receiver { receiver(gradient) } else { gradient.accumulate(in: context) }
  }

  /// Whether gradients of parameters are handed to somebody else.
  var hasReceiver: Bool { receiver != nil }

  /// A tensor of one number.
  func filled(_ shape: [Int], with number: Float) -> Tensor {
    let tensor = context.tensor(shape)
    tensor.storage.pointer.update(repeating: number, count: tensor.count)
    return tensor
  }

  private func wants(_ inputs: [Variable], _ parameters: [Parameter]) -> Bool {
    mode != .forwardOnly
      && (inputs.contains(where: \.requiresGradient) || parameters.contains(where: \.isTrainable))
  }

  private func recorded(
    _ value: Tensor, packing: Packing, backward: @escaping (Tape, Tensor) -> Void
  ) -> Variable {
    let slot = GradientSlot(isKept: false)
    steps.append(Step(slot: slot, backward: backward))
    return Variable(value: value, packing: packing, requiresGradient: true, slot: slot)
  }
}
