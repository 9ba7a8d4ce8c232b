/// Text that comes in pieces, up to the first of some stop strings, which are compared by bytes.
///
/// What could be the beginning of a stop string is held back until it is known not to be one.
struct StopStrings {
  private let stops: [[UInt8]]
  private var held: [UInt8] = []
  /// Whether a stop string has come.
  private(set) var isStopped = false

  /// Stop strings; empty ones are a mistake of the caller.
  init(_ stops: [String]) {
    self.stops = stops.map { Array($0.utf8) }
    precondition(self.stops.allSatisfy { !$0.isEmpty }, "StopStrings: an empty one")
  }

  /// Takes a piece.
  ///
  /// - Returns: the text that is sure to stand before any stop string.
  mutating func append(_ piece: String) -> String {
    guard !isStopped else { return "" }
    held += piece.utf8
    for start in held.indices {
      let rest = held[start...]
      if stops.contains(where: { rest.starts(with: $0) }) {
        isStopped = true
        return release(start)
      }
      if stops.contains(where: { $0.starts(with: rest) }) { return release(start) }
    }
    return release(held.count)
  }

  /// The text that was held back for a longer stop string, up to a shorter one in it, once nothing more
  /// comes.
  mutating func finish() -> String {
    guard !isStopped else { return "" }
    let start = held.indices.first { start in
      stops.contains { held[start...].starts(with: $0) }
    }
    isStopped = start != nil
    return release(start ?? held.count)
  }

  /// A stop string is whole scalars and so are pieces, so neither end cuts one.
  private mutating func release(_ count: Int) -> String {
    defer { held.removeFirst(count) }
    return String(decoding: held[..<count], as: UTF8.self)
  }
}
