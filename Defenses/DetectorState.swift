public import Basics

/// What a detector has learnt and chosen, in a form that a file can hold exactly.
public struct DetectorState: Sendable, Equatable {
  /// Small values: choices, names, single numbers.
  public var values: JSONObject
  /// Float64 arrays by name.
  public var doubles: [String: [Double]]
  /// Float32 arrays by name.
  public var floats: [String: [Float]]

  /// A state, empty unless told otherwise.
  public init(
    values: JSONObject = JSONObject(), doubles: [String: [Double]] = [:],
    floats: [String: [Float]] = [:]
  ) {
    self.values = values
    self.doubles = doubles
    self.floats = floats
  }

  /// A Float64 array that must be there.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - count: How many values it must have; nil takes any number.
  /// - Returns: The values, all finite.
  /// - Throws: `InputError` if it is missing, of another length, or not finite.
  public func array(_ name: String, count: Int? = nil) throws -> [Double] {
    guard let array = doubles[name] else { throw InputError("the array '\(name)' is missing") }
    if let count, array.count != count {
      throw InputError("the array '\(name)' has \(array.count) values, expected \(count)")
    }
    if let index = array.firstIndex(where: { !$0.isFinite }) {
      throw InputError("value \(index) of the array '\(name)' is \(array[index])")
    }
    return array
  }

  /// A Float32 array that must be there.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - count: How many values it must have; nil takes any number.
  /// - Returns: The values, all finite.
  /// - Throws: `InputError` if it is missing, of another length, or not finite.
  public func floatArray(_ name: String, count: Int? = nil) throws -> [Float] {
    guard let array = floats[name] else { throw InputError("the array '\(name)' is missing") }
    if let count, array.count != count {
      throw InputError("the array '\(name)' has \(array.count) values, expected \(count)")
    }
    if let index = array.firstIndex(where: { !$0.isFinite }) {
      throw InputError("value \(index) of the array '\(name)' is \(array[index])")
    }
    return array
  }

  /// Puts the state of a part under a name.
  public mutating func embed(_ part: DetectorState, as name: String) {
    values[name] = .object(part.values)
    for (key, array) in part.doubles { doubles[name + "." + key] = array }
    for (key, array) in part.floats { floats[name + "." + key] = array }
  }

  /// The state of a part that `embed` put under a name.
  ///
  /// - Parameter name: The name.
  /// - Returns: The part's state.
  /// - Throws: `InputError` if there is none.
  public func part(_ name: String) throws -> DetectorState {
    let prefix = name + "."
    func own<Value>(_ arrays: [String: Value]) -> [String: Value] {
      var result: [String: Value] = [:]
      for (key, array) in arrays where key.hasPrefix(prefix) {
        result[String(key.dropFirst(prefix.count))] = array
      }
      return result
    }
    return DetectorState(
      values: try values.object(name), doubles: own(doubles), floats: own(floats))
  }
}
