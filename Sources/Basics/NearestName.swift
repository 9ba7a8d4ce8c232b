/// Suggestions for misspelt names.
public enum NearestName {
  /// The candidate that is nearest to a name, if one is near enough to be meant.
  ///
  /// Near enough is an edit distance of at most a third of the longer name's length, rounded up;
  /// case is ignored. Of equally near ones the first by bytes is taken.
  ///
  /// - Parameters:
  ///   - name: The name as given.
  ///   - candidates: The valid names.
  /// - Returns: The candidate, or `nil`.
  public static func suggestion(
    for name: String, in candidates: some Sequence<String>
  ) -> String? {
    // A name from outside may be huge, and the distance takes time by the product of lengths.
    guard name.utf8.count <= 200 else { return nil }
    let lowered = name.lowercased()
    var best: (distance: Int, name: String)?
    for candidate in candidates.sorted(by: utf8Precedes) {
      let limit = (max(name.unicodeScalars.count, candidate.unicodeScalars.count) + 2) / 3
      let distance = editDistance(lowered, candidate.lowercased())
      if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    return best?.name
  }

  /// `; did you mean 'x'?`, or nothing, to be put behind a message.
  ///
  /// - Parameters:
  ///   - name: The name as given.
  ///   - candidates: The valid names.
  /// - Returns: The addition to the message.
  public static func hint(for name: String, in candidates: some Sequence<String>) -> String {
    suggestion(for: name, in: candidates).map { "; did you mean '\($0)'?" } ?? ""
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that turn one text into another
  /// (optimal string alignment), by scalars.
  static func editDistance(_ left: String, _ right: String) -> Int {
    let a = Array(left.unicodeScalars)
    let b = Array(right.unicodeScalars)
    var beforePrevious = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in 0..<a.count {
      var current = [i + 1]
      for j in 0..<b.count {
        var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, beforePrevious[j - 1] + 1)
        }
        current.append(cost)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[b.count]
  }
}
