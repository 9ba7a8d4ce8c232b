/// What the tokenizers ask of a scalar, as bits; the values are those of `make_unicode_tables.py`.
struct ScalarFlags: OptionSet {
  let rawValue: UInt16
  /// Removed by `clean_text`: NUL, U+FFFD, and category C without tab, line feed, carriage return.
  static let removed = ScalarFlags(rawValue: 1)
  /// White space: a space after `clean_text`, a border between words.
  static let space = ScalarFlags(rawValue: 2)
  /// In a block of CJK ideographs.
  static let ideograph = ScalarFlags(rawValue: 4)
  /// A nonspacing mark, category Mn.
  static let mark = ScalarFlags(rawValue: 8)
  /// ASCII punctuation or category P: a word of its own.
  static let punctuation = ScalarFlags(rawValue: 16)
  /// Has a canonical decomposition in the table (Hangul syllables are computed).
  static let decomposes = ScalarFlags(rawValue: 32)
  /// Is not its own lowercase.
  static let lowercases = ScalarFlags(rawValue: 64)
  /// Has a canonical combining class other than 0.
  static let reorders = ScalarFlags(rawValue: 128)
  /// `\p{L}` of the regular expressions of byte-level tokenizers.
  static let letter = ScalarFlags(rawValue: 256)
  /// `\p{N}` of the regular expressions.
  static let number = ScalarFlags(rawValue: 512)
  /// `\s` of the regular expressions.
  static let regexSpace = ScalarFlags(rawValue: 1024)
  /// A number for the pre-tokenizer `Digits`, whose table is newer than that of `\p{N}`.
  static let numeric = ScalarFlags(rawValue: 2048)
}

/// The parts of a scalar, without an array for them.
enum Decomposition {
  /// The scalar is its own only part.
  case none(UInt32)
  /// A Hangul syllable, counted from U+AC00.
  case hangul(UInt32)
  /// Parts after an index of the table.
  case table(Int)

  /// The number of parts.
  var count: Int {
    switch self {
    case .none: 1
    case .hangul(let index): index % 28 == 0 ? 2 : 3
    case .table(let start): Int(UnicodeTables.decompositions[start] >> 24)
    }
  }

  /// A part, counted from 0.
  subscript(part: Int) -> UInt32 {
    switch self {
    case .none(let scalar): scalar
    case .hangul(let index):
      switch part {
      case 0: 0x1100 + index / 588
      case 1: 0x1161 + index % 588 / 28
      default: 0x11A7 + index % 28
      }
    case .table(let start): UnicodeTables.decompositions[start + 1 + part]
    }
  }
}

/// Lookup in ``UnicodeTables``, built once at first use.
struct ScalarTables: Sendable {
  static let shared = ScalarTables()

  /// Scalars below this have their flags in a flat table; the few ranges above are searched.
  private static let flatLimit: UInt32 = 0x3_0000
  private let flat: [UInt16]
  private let highRanges: [(first: UInt32, last: UInt32, flags: UInt16)]
  private let decompositionKeys: [UInt32]
  private let decompositionStarts: [Int]

  private init() {
    var flat = [UInt16](repeating: 0, count: Int(Self.flatLimit))
    var high: [(first: UInt32, last: UInt32, flags: UInt16)] = []
    let table = UnicodeTables.flags
    for index in stride(from: 0, to: table.count, by: 3) {
      let (first, last, flags) = (table[index], table[index + 1], UInt16(table[index + 2]))
      if last < Self.flatLimit {
        for scalar in Int(first)...Int(last) { flat[scalar] = flags }
      } else {
        high.append((first, last, flags))
      }
    }
    self.flat = flat
    highRanges = high

    var keys: [UInt32] = []
    var starts: [Int] = []
    var index = 0
    let decompositions = UnicodeTables.decompositions
    while index < decompositions.count {
      keys.append(decompositions[index] & 0xFF_FFFF)
      starts.append(index)
      index += 1 + Int(decompositions[index] >> 24)
    }
    decompositionKeys = keys
    decompositionStarts = starts
  }

  @inline(__always)
  func flags(of scalar: UInt32) -> ScalarFlags {
    if scalar < Self.flatLimit { return ScalarFlags(rawValue: flat[Int(scalar)]) }
    for range in highRanges where range.first <= scalar && scalar <= range.last {
      return ScalarFlags(rawValue: range.flags)
    }
    return []
  }

  /// The lowercase mapping, which has a second scalar for U+0130 alone.
  func lowercase(of scalar: UInt32) -> (first: UInt32, second: UInt32?) {
    if scalar == 0x130 { return (0x69, 0x307) }
    let table = UnicodeTables.lowercase
    let row = Self.lastRow(of: table, width: 4, notAbove: scalar)
    guard let row, scalar <= table[row + 1], (scalar - table[row]) % table[row + 2] == 0 else {
      return (scalar, nil)
    }
    return (table[row + 3] + (scalar - table[row]), nil)
  }

  /// The canonical combining class.
  func combiningClass(of scalar: UInt32) -> UInt8 {
    let table = UnicodeTables.combiningClasses
    guard let row = Self.lastRow(of: table, width: 3, notAbove: scalar), scalar <= table[row + 1]
    else { return 0 }
    return UInt8(table[row + 2])
  }

  /// The full canonical decomposition; the scalar itself where it has none.
  func decomposition(of scalar: UInt32, flags: ScalarFlags) -> Decomposition {
    if (0xAC00...0xD7A3).contains(scalar) { return .hangul(scalar - 0xAC00) }
    guard flags.contains(.decomposes),
      let row = Self.lastRow(of: decompositionKeys, width: 1, notAbove: scalar),
      decompositionKeys[row] == scalar
    else { return .none(scalar) }
    return .table(decompositionStarts[row])
  }

  /// Index of the last row of a sorted table whose first column is not above the scalar.
  private static func lastRow(
    of table: [UInt32], width: Int, notAbove scalar: UInt32
  ) -> Int? {
    var low = 0
    var high = table.count / width
    while low < high {
      let middle = (low + high) / 2
      if table[middle * width] <= scalar { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : (low - 1) * width
  }
}
