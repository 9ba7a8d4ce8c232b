/// Where sentences begin, by rules of punctuation.
///
/// A sentence ends behind `.`, `!`, `?`, `…` or their wide forms, with closing quotes and brackets,
/// if white space follows and what comes next does not begin in lower case. It ends at a line break
/// too, unless the next line begins in lower case as lines wrapped by an editor do. A full stop
/// behind a known abbreviation or a single capital letter ends none.
enum Sentences {
  /// The offsets at which sentences begin, ascending, the first 0, in scalars.
  ///
  /// White space between two sentences belongs to the first.
  static func starts(in scalars: [Unicode.Scalar]) -> [Int] {
    var starts = [0]
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      if isLineBreak(scalar) {
        index = skipSpace(scalars, from: index)
        if index < scalars.count, !scalars[index].properties.isLowercase { starts.append(index) }
        continue
      }
      guard isTerminator(scalar) else { continue }
      var end = index
      while end < scalars.count, isTerminator(scalars[end]) { end += 1 }
      let isSingleStop = scalar == "." && end == index
      while end < scalars.count, isCloser(scalars[end]) { end += 1 }
      let next = skipSpace(scalars, from: end)
      // Wide full stops end a sentence without white space behind them.
      let isWide = scalar.value > 0x2FFF
      guard next > end || isWide, next < scalars.count else {
        index = max(index, end)
        continue
      }
      index = end
      if scalars[next].properties.isLowercase { continue }
      if isSingleStop, isAbbreviation(scalars, before: end - 1) { continue }
      starts.append(next)
      index = next
    }
    return starts
  }

  private static func isTerminator(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case ".", "!", "?", "…", "。", "！", "？", "．": true
    default: false
    }
  }

  private static func isCloser(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\"", "'", ")", "]", "}", "”", "’", "»", "」", "』", "）": true
    default: false
    }
  }

  private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  private static func skipSpace(_ scalars: [Unicode.Scalar], from index: Int) -> Int {
    var index = index
    while index < scalars.count, scalars[index].properties.isWhitespace { index += 1 }
    return index
  }

  /// Whether the word before the full stop at `stop` is shortened by it.
  private static func isAbbreviation(_ scalars: [Unicode.Scalar], before stop: Int) -> Bool {
    var end = stop
    while end > 0, isCloser(scalars[end]) { end -= 1 }
    var start = end
    while start > 0, scalars[start - 1].properties.isAlphabetic || scalars[start - 1] == "." {
      start -= 1
    }
    let word = scalars[start..<end]
    if word.count == 1, let letter = word.first { return letter.properties.isUppercase }
    var lower = String.UnicodeScalarView()
    for scalar in word {
      lower.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
    }
    return abbreviations.contains(String(lower))
  }

  private static let abbreviations: Set<String> = [
    "al", "approx", "ca", "cf", "dr", "e.g", "eg", "eq", "etc", "fig", "figs", "i.e", "ie", "inc",
    "jr", "mr", "mrs", "ms", "no", "nos", "prof", "ref", "refs", "resp", "sp", "spp", "sr", "st",
    "subsp", "tab", "u.s", "viz", "vol", "vs",
  ]
}
