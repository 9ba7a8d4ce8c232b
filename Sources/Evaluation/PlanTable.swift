import Basics

/// Reading the tables of an experiment's TOML file, strictly.
extension JSONObject {
  /// Refuses keys that nobody reads, with the nearest one that is known.
  func requireKnownKeys(_ known: [String], at place: Place) throws {
    for key in keys where !known.contains(where: { utf8Equal($0, key) }) {
      throw InputError(
        "unknown key '\(TerminalText.excerpt(place.inside(key).key ?? key))'"
          + NearestName.hint(for: key, in: known), at: place)
    }
  }

  /// One or more different names.
  func differentNames(_ key: String, at place: Place) throws -> [String] {
    let names = try strings(key, at: place)
    guard !names.isEmpty, Set(names.map { UTF8Key($0) }).count == names.count else {
      throw place.fault(key, "expected one or more different names")
    }
    return names
  }

  /// One or more different numbers, ascending.
  func differentInts(
    _ key: String, in range: ClosedRange<Int>, at place: Place, default defaults: [Int]
  ) throws -> [Int] {
    guard self[key] != nil else { return defaults }
    let numbers = try ints(key, at: place)
    guard !numbers.isEmpty, Set(numbers).count == numbers.count,
      numbers.allSatisfy(range.contains)
    else {
      throw place.fault(
        key, "expected different integers from \(range.lowerBound) to \(range.upperBound)")
    }
    return numbers.sorted()
  }

  /// A number of things, at least one.
  func optionalSize(_ key: String, at place: Place) throws -> Int? {
    guard let size = try optionalInt(key, at: place) else { return nil }
    guard size > 0 else { throw place.fault(key, "found \(size), expected at least 1") }
    return size
  }
}

extension Place {
  /// What is wrong with the value of a key.
  func fault(_ key: String, _ message: String) -> InputError {
    InputError("'\(TerminalText.excerpt(inside(key).key ?? key))': \(message)", at: self)
  }
}
