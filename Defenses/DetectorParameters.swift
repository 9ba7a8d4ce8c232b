public import Basics

/// Choices of a detector as they are written on the command line: names and values.
public struct DetectorParameters: Sendable, Equatable {
  /// The values that are set, by name.
  public private(set) var values: [String: String]

  /// Choices from names and values.
  public init(_ values: [String: String] = [:]) { self.values = values }

  /// Choices from texts of the form `name=value`.
  ///
  /// - Parameter assignments: One text a choice, no name twice.
  /// - Throws: `UsageError` naming the text at fault.
  public init(parsing assignments: [String]) throws {
    values = [:]
    for text in assignments {
      let shown = TerminalText.excerpt(text)
      guard let sign = text.utf8.firstIndex(of: UInt8(ascii: "=")), sign != text.startIndex else {
        throw UsageError("detector parameter '\(shown)': expected name=value")
      }
      let name = String(text[..<sign])
      guard values[name] == nil else {
        throw UsageError("detector parameter '\(TerminalText.excerpt(name))' is set twice")
      }
      values[name] = String(text[text.utf8.index(after: sign)...])
    }
  }

  /// Refuses names that the detector does not have.
  ///
  /// - Parameter metadata: The detector's description.
  /// - Throws: `UsageError` with the nearest name.
  public func check(against metadata: DetectorMetadata) throws {
    let known = metadata.parameters.map(\.name)
    for name in values.keys.sorted() where !known.contains(name) {
      let all = known.isEmpty ? "it has none" : "it has " + known.joined(separator: ", ")
      throw UsageError(
        "detector '\(metadata.name)' has no parameter '\(TerminalText.excerpt(name))', \(all)"
          + NearestName.hint(for: name, in: known))
    }
  }

  /// The choices whose names begin with `prefix` and a full stop, without it.
  public func nested(_ prefix: String) -> DetectorParameters {
    var result: [String: String] = [:]
    for (name, value) in values where name.hasPrefix(prefix + ".") {
      result[String(name.dropFirst(prefix.count + 1))] = value
    }
    return DetectorParameters(result)
  }

  /// One of the cases of an enumeration, by its raw value.
  public func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, default defaultValue: Choice
  ) throws -> Choice {
    guard let text = values[name] else { return defaultValue }
    guard let choice = Choice(rawValue: text) else {
      let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw invalid(name, text, "one of \(all)")
    }
    return choice
  }

  /// A number within a range.
  public func double(
    _ name: String, default defaultValue: Double, in range: ClosedRange<Double>
  ) throws -> Double {
    guard let text = values[name] else { return defaultValue }
    guard let value = Double(text), range.contains(value) else {
      throw invalid(name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// An integer within a range.
  public func int(
    _ name: String, default defaultValue: Int, in range: ClosedRange<Int>
  ) throws -> Int {
    guard let text = values[name] else { return defaultValue }
    guard let value = Int(text), range.contains(value) else {
      throw invalid(name, text, "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// `true` or `false`.
  public func bool(_ name: String, default defaultValue: Bool) throws -> Bool {
    guard let text = values[name] else { return defaultValue }
    guard let value = Bool(text) else { throw invalid(name, text, "true or false") }
    return value
  }

  /// The error for a value that cannot be.
  public func invalid(_ name: String, _ text: String, _ expected: String) -> UsageError {
    UsageError(
      "detector parameter \(name) is '\(TerminalText.excerpt(text))', expected \(expected)")
  }
}
