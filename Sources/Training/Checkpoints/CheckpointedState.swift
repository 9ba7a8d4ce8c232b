public import Basics
public import Tensors

/// What a part of a run must remember so that it can go on as if nothing had happened.
public struct StateRecord {
  /// Numbers and texts.
  public var values = JSONObject()
  /// Arrays by name.
  public var tensors: [(name: String, value: Tensor)] = []

  /// An empty record.
  public init() {}

  /// The array of a name.
  public func tensor(_ name: String) -> Tensor? { tensors.first { $0.name == name }?.value }
}

/// A part of a run whose state a checkpoint holds: an optimizer, an accountant, a filter, chains.
public protocol CheckpointedState: AnyObject {
  /// The name in the checkpoint, different from the others'.
  var stateName: String { get }
  /// The state now.
  func savedState() -> StateRecord
  /// Takes a state.
  ///
  /// - Throws: an error if it does not fit; then the part is as before.
  func restore(_ record: StateRecord) throws
}
