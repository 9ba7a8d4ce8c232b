import Basics

/// What a user may have meant.
enum Spelling {
  /// `the corpus 'medqa' has no query set 'exams'; nearest: 'exam' (known: exam, research)`.
  static func unknown(
    _ what: String, _ name: String, of owner: String, among names: [String]
  ) -> String {
    let start = "\(owner) has no \(what) '\(TerminalText.excerpt(name))'"
    guard let nearest = nearest(to: name, among: names) else { return start + "; it has none" }
    return start + "; nearest: '\(nearest)' (there are: \(names.joined(separator: ", ")))"
  }

  /// The name with the fewest edits from the given one, the first of equals.
  static func nearest(to name: String, among names: [String]) -> String? {
    let wanted = Array(name.utf8.prefix(128))
    return names.min { distance(wanted, Array($0.utf8)) < distance(wanted, Array($1.utf8)) }
  }

  /// Insertions, deletions and replacements of bytes that turn one into the other.
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, byte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let replaced = diagonal + (byte == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
