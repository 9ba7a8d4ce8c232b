/// The longest run of words that the document copies from the query, over the query's length.
///
/// It catches an attack that contains the query word by word with certainty, and fails as soon as the
/// attacker paraphrases: the bar that a learned detector has to beat.
public struct VerbatimOverlapDetector: StatelessDetector {
  /// Name and origin.
  public static let metadata = DetectorMetadata(
    name: "verbatim-overlap",
    title: "longest run of words shared with the query, over the query's words",
    source: "rag-poisoning specification, section 5.4", needs: [.texts])

  /// The detector.
  public init() {}

  /// The share of the query's words in the longest common run with title and text.
  public func score(at position: Int, in list: DetectionList) -> Double {
    let query = QueryWords(list.query.text)
    return query.longestSharedRun(with: list.candidates[position])
  }

  /// The scores of the subjects; the query is read once.
  public func scores(of list: DetectionList) -> [Double] {
    let query = QueryWords(list.query.text)
    return list.subjects.map { query.longestSharedRun(with: list.candidates[$0]) }
  }
}

/// The words of a query with their positions.
private struct QueryWords {
  private let count: Int
  private var positions: [UInt64: [Int]] = [:]

  init(_ text: String) {
    let words = WordTokens.hashes(of: text)
    count = words.count
    for (position, word) in words.enumerated() { positions[word, default: []].append(position) }
  }

  /// From 0 to 1; 0 for a query without words.
  func longestSharedRun(with candidate: DetectionCandidate) -> Double {
    guard count > 0 else { return 0 }
    // `runs[p]` is the length of the common run that ends at the query's word p and at the
    // document's word before this one. Only words of the query have an entry to visit.
    var runs = [Int](repeating: 0, count: count)
    var previous: [Int] = []
    var longest = 0
    let words = WordTokens.hashes(of: candidate.title) + WordTokens.hashes(of: candidate.text)
    for word in words {
      let found = positions[word] ?? []
      let lengths = found.map { $0 > 0 ? runs[$0 - 1] + 1 : 1 }
      for position in previous { runs[position] = 0 }
      for (position, length) in zip(found, lengths) {
        runs[position] = length
        longest = max(longest, length)
      }
      previous = found
    }
    return Double(longest) / Double(count)
  }
}
