/// A document as scalars with the places where it may be cut, best first.
struct ChunkedDocument {
  private let scalars: [Unicode.Scalar]
  private let unit: Chunker.Unit
  /// Where sentences, words and graphemes begin; the end of the document is the last of each.
  private let sentences: [Int]
  private let words: [Int]
  private let graphemes: [Int]

  init(_ text: String, unit: Chunker.Unit) {
    scalars = Array(text.unicodeScalars)
    self.unit = unit
    sentences = Sentences.starts(in: scalars) + [scalars.count]
    var words: [Int] = []
    for index in scalars.indices where !scalars[index].properties.isWhitespace {
      if index == 0 || scalars[index - 1].properties.isWhitespace { words.append(index) }
    }
    self.words = words + [scalars.count]
    var graphemes: [Int] = []
    var position = 0
    for character in text {
      graphemes.append(position)
      position += character.unicodeScalars.count
    }
    self.graphemes = graphemes + [scalars.count]
  }

  /// The first scalar at or behind an offset that is not white space.
  func firstVisible(from index: Int) -> Int? {
    scalars[index...].firstIndex { !$0.properties.isWhitespace }
  }

  /// The piece between two offsets, which are not at white space inside.
  func chunk(_ start: Int, _ end: Int) -> Chunk {
    Chunk(text: text(start, end), offset: start, length: end - start)
  }

  /// The end of the longest piece that begins at `start`, fits, and ends behind `covered`.
  ///
  /// - Returns: The end, white space before it left out; `nil` if nothing beyond `covered` fits and
  ///   the piece begins before it.
  func end(from start: Int, beyond covered: Int, limit: Int) -> Int? {
    for cuts in [sentences, words, graphemes] {
      if let end = lastFitting(cuts, from: start, beyond: covered, limit: limit) { return end }
    }
    let all = 0...scalars.count
    if let end = lastFitting(all, from: start, beyond: covered, limit: limit) { return end }
    // One scalar that has too many tokens stands alone.
    return start == covered ? start + 1 : nil
  }

  /// Where a piece begins that repeats at most `limit` units of the one between `start` and `end`.
  func overlapStart(after start: Int, end: Int, limit: Int) -> Int? {
    for cuts in [sentences, words] {
      let first = cuts.partitioningIndex { $0 > start }
      let last = cuts.partitioningIndex { $0 >= end }
      let candidates = cuts[first..<max(first, last)]
      // The longest repetition that fits; the count of tokens need not be monotone, so it is asked.
      var index = candidates.partitioningIndex { length($0, end) <= limit }
      while index < candidates.endIndex, length(candidates[index], end) > limit { index += 1 }
      if index < candidates.endIndex { return candidates[index] }
    }
    return nil
  }

  private func lastFitting(
    _ cuts: some RandomAccessCollection<Int>, from start: Int, beyond covered: Int, limit: Int
  ) -> Int? {
    let candidates = cuts[cuts.partitioningIndex { $0 > covered }...]
    // Doubling steps first, so that counting tokens never takes in the rest of a long document.
    var step = 1
    while step < candidates.count, fits(start, candidates.element(step), limit) { step *= 2 }
    let near = candidates.prefix(step + 1)
    var rest = near.prefix(
      near.distance(
        from: near.startIndex,
        to: near.partitioningIndex { !fits(start, $0, limit) }))
    while let cut = rest.popLast() {
      let end = trimmed(cut, start)
      if end > covered, length(start, end) <= limit { return end }
    }
    return nil
  }

  private func fits(_ start: Int, _ cut: Int, _ limit: Int) -> Bool {
    length(start, trimmed(cut, start)) <= limit
  }

  /// The offset behind the last scalar before `index` that is not white space.
  private func trimmed(_ index: Int, _ start: Int) -> Int {
    var index = index
    while index > start, scalars[index - 1].properties.isWhitespace { index -= 1 }
    return index
  }

  private func text(_ start: Int, _ end: Int) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[start..<end])
    return String(view)
  }

  private func length(_ start: Int, _ end: Int) -> Int {
    switch unit {
    case .characters: end - start
    case .tokens(let count): count(text(start, end))
    }
  }
}

extension RandomAccessCollection {
  /// The element so many places behind the first.
  func element(_ offset: Int) -> Element { self[index(startIndex, offsetBy: offset)] }

  /// The first index whose element satisfies a condition that holds for all behind it, too.
  func partitioningIndex(where condition: (Element) -> Bool) -> Index {
    var low = startIndex
    var count = self.count
    while count > 0 {
      let half = count / 2
      let middle = index(low, offsetBy: half)
      if condition(self[middle]) {
        count = half
      } else {
        low = index(after: middle)
        count -= half + 1
      }
    }
    return low
  }
}
