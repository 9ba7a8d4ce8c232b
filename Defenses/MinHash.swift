/// How alike two texts are, from small sketches of them.
///
/// A text is the set of its runs of `shingle` words. The share of hash functions whose smallest value
/// over the set two texts have in common estimates the Jaccard similarity of their sets, with standard
/// error √(J(1−J)/permutations).
///
/// - SeeAlso: Broder 1997, "On the resemblance and containment of documents".
public struct MinHash: Sendable, Equatable {
  /// The sketch of one text.
  public struct Signature: Sendable, Equatable {
    /// The smallest hash of the text's runs under each function; empty for a text without words.
    public let minima: [UInt32]
    /// Decided by the sequence of all words: equal for texts that differ in case, punctuation or
    /// white space only.
    public let words: UInt64
  }

  /// Words in a run.
  public let shingle: Int
  /// Hash functions.
  public let permutations: Int
  private let keys: [UInt64]

  /// Sketches of given size.
  ///
  /// - Parameters:
  ///   - shingle: Words in a run, at least 1.
  ///   - permutations: Hash functions, at least 1.
  public init(shingle: Int = 5, permutations: Int = 128) {
    precondition(
      shingle >= 1 && permutations >= 1, "MinHash: \(shingle) words, \(permutations) functions")
    self.shingle = shingle
    self.permutations = permutations
    keys = (0..<permutations).map { Self.mixed(0x9E37_79B9_7F4A_7C15 &* UInt64($0 + 1)) }
  }

  /// The finaliser of SplitMix64, a bijection whose output bits all depend on all input bits.
  private static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The runs of a text as hashes, each once; a text of fewer words than a run is one run.
  func shingles(of words: [UInt64]) -> Set<UInt64> {
    guard !words.isEmpty else { return [] }
    let length = min(shingle, words.count)
    return Set((0...words.count - length).map { Self.hash(of: words[$0..<$0 + length]) })
  }

  private static func hash(of words: ArraySlice<UInt64>) -> UInt64 {
    // The order counts: each word is mixed with all before it.
    words.reduce(UInt64(words.count)) { mixed($0 &* 31 &+ $1) }
  }

  /// The sketch of a text.
  public func signature(of text: String) -> Signature { signature(of: WordTokens.hashes(of: text)) }

  func signature(of words: [UInt64]) -> Signature {
    let shingles = shingles(of: words)
    guard !shingles.isEmpty else { return Signature(minima: [], words: 0) }
    var minima = [UInt32](repeating: .max, count: permutations)
    minima.withUnsafeMutableBufferPointer { minima in
      keys.withUnsafeBufferPointer { keys in
        for shingle in shingles {
          for index in 0..<minima.count {
            minima[index] = min(
              minima[index], UInt32(truncatingIfNeeded: Self.mixed(shingle ^ keys[index]) >> 32))
          }
        }
      }
    }
    return Signature(minima: minima, words: Self.hash(of: words[...]))
  }

  /// From 0, nothing in common, to 1, the same words in the same order.
  ///
  /// Texts with the same runs in another order, or so alike that the sketches agree, come just below
  /// 1. A text without words resembles nothing.
  public func resemblance(_ a: Signature, _ b: Signature) -> Double {
    guard !a.minima.isEmpty, !b.minima.isEmpty else { return 0 }
    if a.words == b.words { return 1 }
    var agreeing = 0
    for index in a.minima.indices where a.minima[index] == b.minima[index] { agreeing += 1 }
    return resemblance(agreeing: agreeing)
  }

  func resemblance(agreeing: Int) -> Double {
    min(Double(agreeing), Double(permutations) - 0.5) / Double(permutations)
  }
}
