import Basics
import Models
public import SystemPackage
public import Tensors

/// A file that holds everything a run needs to go on: parameters, the states of all its parts, and
/// the number of finished steps.
///
/// It is a safetensors file whose metadata hold the numbers as JSON and a checksum over everything.
/// It appears whole: a reader sees the last checkpoint or this one.
public enum Checkpoint {
  private static let format = 1

  /// Writes a checkpoint.
  ///
  /// - Parameters:
  ///   - path: the file; replaced if it is there.
  ///   - identity: what the run is, compared when it goes on.
  ///   - step: number of finished steps.
  ///   - parameters: names are different.
  ///   - states: names are different.
  /// - Throws: `FileError`.
  public static func write(
    to path: FilePath, identity: String, step: Int, parameters: [Parameter],
    states: [any CheckpointedState]
  ) throws {
    var tensors = parameters.map { (name: "parameter/" + $0.name, value: $0.value) }
    var values = JSONObject()
    for state in states {
      let record = state.savedState()
      values[state.stateName] = .object(record.values)
      tensors += record.tensors.map { ("state/\(state.stateName)/\($0.name)", $0.value) }
    }
    let head: JSONObject = [
      "format": JSONValue(format), "identity": .string(identity), "step": JSONValue(step),
      "states": .object(values),
    ]
    let text = try JSONValue.object(head).serialized()
    try SafetensorsWriter.write(
      tensors.map { ($0.name, $0.value.shape, $0.value) },
      metadata: ["checkpoint": text, "sha256": checksum(text, tensors)], to: path)
  }

  /// Reads a checkpoint into the parts of a run.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - identity: what the run is.
  ///   - parameters: as they were given to `write`.
  ///   - states: as they were given to `write`.
  /// - Returns: number of finished steps.
  /// - Throws: ``TrainingError/unfitCheckpoint(file:reason:)`` if the file is damaged, of another run
  ///   or model, or lacks the state of a part; `FileError`.
  public static func read(
    _ path: FilePath, identity: String, parameters: [Parameter],
    states: [any CheckpointedState]
  ) throws -> Int {
    func unfit(_ reason: String) -> TrainingError {
      .unfitCheckpoint(file: path.shown, reason: reason)
    }
    do {
      let file = try SafetensorsFile(path)
      guard let text = file.metadata["checkpoint"], let sum = file.metadata["sha256"] else {
        throw unfit("it is no checkpoint")
      }
      // Copies, because the file is going to be replaced.
      let tensors = try file.entries.map { entry in
        (name: entry.name, value: try file.tensor(entry, allowNonFinite: true).copied())
      }
      let order = tensors.sorted { UTF8Key($0.name) < UTF8Key($1.name) }
      guard checksum(text, order) == sum else { throw unfit("its checksum is wrong") }
      let place = Place(file: path.shown)
      let head = try JSONParser.parse(text).requiredObject(at: place)
      guard try head.int("format", at: place) == format else { throw unfit("another format") }
      let found = try head.string("identity", at: place)
      guard found == identity else {
        throw unfit("it belongs to the run '\(found)', this one is '\(identity)'")
      }
      let byName = Dictionary(uniqueKeysWithValues: tensors.map { (UTF8Key($0.name), $0.value) })
      let wanted = try parameters.map { parameter in
        guard let value = byName[UTF8Key("parameter/" + parameter.name)] else {
          throw unfit("the parameter '\(parameter.name)' is missing")
        }
        guard value.shape == parameter.shape else {
          throw unfit(
            "'\(parameter.name)' has shape \(value.shape), the model's has \(parameter.shape)")
        }
        return (parameter, value)
      }
      let values = try head.object("states", at: place)
      let records = try states.map { state in
        guard let object = values[state.stateName]?.objectValue else {
          throw unfit("the state of '\(state.stateName)' is missing")
        }
        var record = StateRecord()
        record.values = object
        let prefix = "state/\(state.stateName)/"
        record.tensors = tensors.filter { $0.name.hasPrefix(prefix) }.map {
          (String($0.name.dropFirst(prefix.count)), $0.value)
        }
        return (state, record)
      }
      for (state, record) in records { try state.restore(record) }
      for (parameter, value) in wanted { try parameter.assign(value) }
      return try head.int("step", at: place)
    } catch let error as InputError {
      throw unfit("\(error)")
    }
  }

  /// Over the text, the names and the numbers, in the order of the names.
  private static func checksum(
    _ text: String, _ tensors: [(name: String, value: Tensor)]
  ) -> String {
    var stream = Checksum.Stream()
    stream.update(text)
    for (name, value) in tensors.sorted(by: { UTF8Key($0.name) < UTF8Key($1.name) }) {
      stream.update(name)
      value.withValues { stream.update(UnsafeRawBufferPointer($0)) }
    }
    return stream.finish()
  }
}
