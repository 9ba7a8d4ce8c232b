import Basics

/// Finds what a misspelt name was meant to be.
enum NearestName {
  /// The candidate with the fewest edits, if that is few for the length of the name.
  ///
  /// An edit inserts, deletes, replaces or swaps neighbouring bytes; the case of ASCII letters and
  /// `-` against `_` count nothing. Of equally near candidates the first by bytes is taken.
  ///
  /// - Parameters:
  ///   - name: The name as it was written.
  ///   - candidates: The names there are.
  /// - Returns: A candidate within a third of the name's bytes, at least 1 and at most 6 edits, or
  ///   one that the name begins or that begins with the name; `nil` if there is none.
  static func suggestion(for name: String, in candidates: some Sequence<String>) -> String? {
    let wanted = folded(name)
    // Nothing that long is a misspelling, and the table below grows with the square.
    guard (1...128).contains(wanted.count) else { return nil }
    let limit = min(6, max(1, wanted.count / 3))
    var best: (distance: Int, name: UTF8Key)?
    for candidate in candidates {
      let other = folded(candidate)
      guard other.count <= 256 else { continue }
      var distance = editDistance(wanted, other)
      if distance > limit, min(wanted.count, other.count) >= 3,
        other.starts(with: wanted) || wanted.starts(with: other)
      {
        distance = limit
      }
      guard distance <= limit else { continue }
      let key = UTF8Key(candidate)
      if let best, (best.distance, best.name) <= (distance, key) { continue }
      best = (distance, key)
    }
    return best?.name.string
  }

  /// A phrase to end a message with: `; did you mean 'x'?`, or nothing.
  static func hint(for name: String, in candidates: some Sequence<String>) -> String {
    suggestion(for: name, in: candidates).map { "; did you mean '\(TerminalText.escaped($0))'?" }
      ?? ""
  }

  private static func folded(_ name: String) -> [UInt8] {
    name.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      case UInt8(ascii: "_"): UInt8(ascii: "-")
      default: byte
      }
    }
  }

  /// Damerau and Levenshtein's distance in the form where no part is edited twice.
  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    var current = last
    for i in a.indices {
      current[0] = i + 1
      for j in b.indices {
        let replaced = last[j] + (a[i] == b[j] ? 0 : 1)
        current[j + 1] = min(replaced, last[j + 1] + 1, current[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          current[j + 1] = min(current[j + 1], beforeLast[j - 1] + 1)
        }
      }
      (beforeLast, last, current) = (last, current, beforeLast)
    }
    return last[b.count]
  }
}
