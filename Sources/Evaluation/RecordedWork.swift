import Basics

extension RunDirectory {
  /// The result of a piece of work: from the log of an interrupted run, else measured and logged.
  ///
  /// - Parameters:
  ///   - event: The kind of work.
  ///   - identity: Which piece; equal pieces are done once.
  ///   - measure: Does the work.
  /// - Returns: What was measured, now or earlier.
  /// - Throws: What `measure` throws; `FileError` if the log cannot be written.
  func recorded(
    _ event: String, _ identity: JSONObject, _ measure: () throws -> JSONObject
  ) throws -> JSONObject {
    if let value = completed(event, identity) { return value }
    let value = try measure()
    try append([["event": .string(event), "of": .object(identity), "value": .object(value)]])
    return value
  }

  /// The result of a piece of work that an interrupted run finished, else nil.
  func completed(_ event: String, _ identity: JSONObject) -> JSONObject? {
    completedEvents.first { entry in
      entry["event"]?.stringValue == event && entry["of"] == .object(identity)
    }?["value"]?.objectValue
  }
}
