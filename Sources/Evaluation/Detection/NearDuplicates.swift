import Basics
import Defenses

/// Groups of questions that say nearly the same.
///
/// Near-duplicates on both sides of a split would let a detector be tested on what it was fitted to.
public enum NearDuplicates {
  /// The group of each text: equal numbers mark texts that are linked by near-duplicates.
  ///
  /// Two texts are near-duplicates if the sets of their words (lower case, letters and digits) have
  /// at least the given Jaccard similarity. Only pairs that share one of their rarest words are
  /// compared: sets of that similarity cannot differ in all of them.
  ///
  /// - Parameters:
  ///   - texts: The questions.
  ///   - threshold: The smallest Jaccard similarity of near-duplicates, above 0, at most 1.
  /// - Returns: For each text the position of the first text of its group.
  /// - SeeAlso: Chaudhuri, Ganti and Kaushik 2006 (prefix filter).
  public static func groups(of texts: [String], threshold: Double = 0.8) -> [Int] {
    precondition(threshold > 0 && threshold <= 1, "threshold is \(threshold)")
    let words = texts.map { Set(WordTokens.hashes(of: $0)) }
    var frequency: [UInt64: Int] = [:]
    for set in words {
      for word in set { frequency[word, default: 0] += 1 }
    }
    let ordered = words.map { set in
      set.sorted { (frequency[$0] ?? 0, $0) < (frequency[$1] ?? 0, $1) }
    }
    var groups = DisjointGroups(count: texts.count)
    var index: [UInt64: [Int]] = [:]
    var firstEmpty: Int?
    for (current, list) in ordered.enumerated() {
      guard !list.isEmpty else {
        // Texts without words are alike.
        if let firstEmpty { groups.join(firstEmpty, current) } else { firstEmpty = current }
        continue
      }
      let shared = Int((threshold * Double(list.count)).rounded(.up))
      let prefix = list.prefix(list.count - shared + 1)
      var compared: Set<Int> = []
      for word in prefix {
        for other in index[word] ?? [] where compared.insert(other).inserted {
          let common = words[current].intersection(words[other]).count
          let union = words[current].count + words[other].count - common
          if Double(common) >= threshold * Double(union) { groups.join(other, current) }
        }
        index[word, default: []].append(current)
      }
    }
    return texts.indices.map { groups.first(of: $0) }
  }
}
