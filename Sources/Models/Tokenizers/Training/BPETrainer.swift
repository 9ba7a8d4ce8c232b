import Basics

/// Learns a byte-level vocabulary from texts: special tokens, the 256 bytes, then the merges of the
/// most frequent pairs.
///
/// Texts are cut as SmolLM2 cuts them: each digit for itself, then GPT-2's expression. Only the counts
/// of words are kept, so a corpus is read once and need not fit in memory. Merges and ids equal those
/// of `BpeTrainer` in `tokenizers` with `initial_alphabet = ByteLevel.alphabet()`.
///
/// - SeeAlso: Sennrich et al. 2016, algorithm 1; `tokenizers/src/models/bpe/trainer.rs` of
///   huggingface/tokenizers.
public struct BPETrainer {
  /// Sizes of a vocabulary beyond its special tokens and bytes are bounded by this many tokens.
  public static let maximumSize = 1 << 20

  private let size: Int
  private let specialTokens: [String]
  private var words = WordCounts()
  static let splitting = [WordSplitter.digits(individually: true), .gpt2]

  /// A trainer that has seen nothing.
  ///
  /// - Parameters:
  ///   - vocabularySize: Tokens of the vocabulary: at least the special ones and 256.
  ///   - specialTokens: Their ids are 0 onwards. The first ends a text.
  /// - Throws: `UsageError` for a size out of range, or a special token that is empty, listed twice
  ///   or the name of a byte.
  public init(
    vocabularySize: Int,
    specialTokens: [String] = ["<|endoftext|>", ChatTemplate.startToken, ChatTemplate.endToken]
  ) throws {
    let least = specialTokens.count + 256
    guard (least...Self.maximumSize).contains(vocabularySize) else {
      throw UsageError(
        "a vocabulary of \(vocabularySize) tokens: expected \(least) (\(specialTokens.count) special"
          + " ones and 256 bytes) to \(Self.maximumSize)")
    }
    var seen = Set(ByteAlphabet.utf8.map { UTF8Key(String(decoding: $0, as: UTF8.self)) })
    for token in specialTokens where token.isEmpty || !seen.insert(UTF8Key(token)).inserted {
      throw UsageError(
        "the special token '\(TerminalText.excerpt(token))' is empty, listed twice or a byte's name"
      )
    }
    size = vocabularySize
    self.specialTokens = specialTokens
  }

  /// Counts the words of a text.
  public mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      PreTokenizer.splits(Self.splitting).forEachWord(in: bytes) {
        words.add(UnsafeBufferPointer(rebasing: bytes[$0]))
      }
    }
  }

  /// Learns the merges from the words counted so far.
  ///
  /// - Returns: The vocabulary; smaller than asked for where no pair is left.
  public func train() -> TrainedVocabulary {
    var tokens = specialTokens.map { Array($0.utf8) } + ByteAlphabet.utf8.sorted(by: precedes)
    var ids = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
    var corpus = SymbolWords(words, byteIDs: ByteAlphabet.utf8.map { ids[$0] ?? 0 })
    var pairs = PairCounts()
    corpus.count(into: &pairs)
    var merges: [(left: Int32, right: Int32)] = []
    var lastMerge: [UInt64: Int] = [:]
    while tokens.count < size, let entry = pairs.popMostFrequent() {
      let (left, right) = (Int32(entry.pair >> 32), Int32(entry.pair & 0xFFFF_FFFF))
      let token = tokens[Int(left)] + tokens[Int(right)]
      // Two merges can give the same token, as `ab` + `c` and `a` + `bc`.
      let id = ids[token] ?? Int32(tokens.count)
      if ids.updateValue(id, forKey: token) == nil { tokens.append(token) }
      lastMerge[entry.pair] = merges.count
      merges.append((left, right))
      for word in pairs.takeWords(of: entry) {
        corpus.merge(left, right, into: id, word: word, &pairs)
      }
      pairs.enqueueNew()
    }
    // A pair that came about again is merged again, and its last place counts.
    let kept = merges.enumerated().filter { lastMerge[PairCounts.pair($1.left, $1.right)] == $0 }
    return TrainedVocabulary(
      tokens: tokens.map { String(decoding: $0, as: UTF8.self) },
      merges: kept.map(\.element), specialTokens: specialTokens)
  }

  /// The order of scalars, which is that of UTF-8.
  private func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.lexicographicallyPrecedes(right)
  }
}

/// The different words of a corpus as token ids, merged in place.
private struct SymbolWords {
  private var symbols: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int]
  private let counts: [Int]

  init(_ words: WordCounts, byteIDs: [Int32]) {
    counts = words.counts
    lengths = []
    for number in 0..<words.count {
      starts.append(symbols.count)
      for byte in words[number] { symbols.append(byteIDs[Int(byte)]) }
      lengths.append(symbols.count - starts[number])
    }
  }

  /// Counts all pairs.
  func count(into pairs: inout PairCounts) {
    for number in counts.indices {
      let start = starts[number]
      for place in start..<max(start, start + lengths[number] - 1) {
        pairs.add(
          PairCounts.pair(symbols[place], symbols[place + 1]), counts[number], in: Int32(number))
      }
    }
    pairs.enqueueNew()
  }

  /// Merges a pair wherever it stands in a word, from the left, and counts what that changes.
  mutating func merge(
    _ left: Int32, _ right: Int32, into id: Int32, word: Int32, _ pairs: inout PairCounts
  ) {
    let (start, count) = (starts[Int(word)], counts[Int(word)])
    let end = start + lengths[Int(word)]
    symbols.withUnsafeMutableBufferPointer { symbols in
      var (read, write) = (start, start)
      while read < end {
        guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
          symbols[write] = symbols[read]
          read += 1
          write += 1
          continue
        }
        if write > start {
          let before = symbols[write - 1]
          pairs.add(PairCounts.pair(before, left), -count, in: nil)
          pairs.add(PairCounts.pair(before, id), count, in: word)
        }
        read += 2
        if read < end {
          pairs.add(PairCounts.pair(right, symbols[read]), -count, in: nil)
          pairs.add(PairCounts.pair(id, symbols[read]), count, in: word)
        }
        symbols[write] = id
        write += 1
      }
      lengths[Int(word)] = write - start
    }
  }
}
