import Basics

/// How many copies of a document there are: in its own list, and among the clean passages.
///
/// The score is the sum of the resemblances to the list's other documents, which is a soft count of
/// copies, plus the largest resemblance to a clean passage of another id. Resemblance is the Jaccard
/// similarity of the sets of word runs, estimated by ``MinHash``; the same words in the same order
/// count 1.
///
/// It is made for attacks that write one payload many times: several copies a question, or all
/// questions' poison at once (joint), where the list fills with documents that share the payload.
/// Against poison padded with a clean passage it finds that passage. The clean score is not 0, because
/// real corpora hold duplicates and overlapping chunks; the calibration knows.
///
/// What it cannot see: a single poisoned document of its own words (solo, one copy: its score is that
/// of any clean document, and detection is as good as guessing); copies that synonyms or another order
/// of words have made different; a payload shorter than the run; a short payload behind a long
/// question of its own, since the resemblance is the payload's share of both documents.
///
/// - SeeAlso: Broder 1997; attacks-and-defences specification, section 3.1.
public struct DuplicateDetector: Detector, Equatable {
  /// What a document is compared with.
  public enum Scope: String, Sendable, CaseIterable {
    /// The other documents of its list.
    case list
    /// The clean passages.
    case anchors
    /// Both.
    case both
  }

  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "duplicates", title: "copies in the list and among clean passages, by runs of words",
    source: "Broder 1997, On the resemblance and containment of documents; attacks-and-defences "
      + "specification, section 3.1",
    needs: [.texts, .anchors],
    parameters: [
      .init("against", default: "both", "list, anchors or both"),
      .init("shingle", default: "5", "words in a run, from 1 to 20"),
      .init("permutations", default: "128", "hash functions, from 16 to 512"),
    ])

  /// What a document is compared with.
  public let scope: Scope
  private let sketch: MinHash
  private let ids: [UTF8Key]
  private let signatures: [MinHash.Signature]
  /// For each hash function the anchors by their minimum, so that only those in common are visited.
  private let order: [[Int]]

  /// Keeps sketches of the passages of clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with at least one document.
  ///   - scope: What a document is compared with.
  ///   - sketch: The size of the sketches.
  /// - Throws: `DetectorError.anchors` without documents.
  public init(
    fittedTo anchors: [DetectionList], scope: Scope = .both, sketch: MinHash = MinHash()
  ) throws {
    var seen: Set<UTF8Key> = []
    var ids: [UTF8Key] = []
    var signatures: [MinHash.Signature] = []
    for list in anchors {
      for position in list.subjects {
        let candidate = list.candidates[position]
        let id = UTF8Key(candidate.id)
        guard seen.insert(id).inserted else { continue }
        ids.append(id)
        signatures.append(Self.signature(of: candidate, by: sketch))
      }
    }
    guard !ids.isEmpty else {
      throw DetectorError.anchors(found: 0, needed: 1, what: "clean documents")
    }
    self.init(scope: scope, sketch: sketch, ids: ids, signatures: signatures)
  }

  private init(
    scope: Scope, sketch: MinHash, ids: [UTF8Key], signatures: [MinHash.Signature]
  ) {
    self.scope = scope
    self.sketch = sketch
    self.ids = ids
    self.signatures = signatures
    let filled = signatures.indices.filter { !signatures[$0].minima.isEmpty }
    order = (0..<sketch.permutations).map { function in
      filled.sorted {
        (signatures[$0].minima[function], $0) < (signatures[$1].minima[function], $1)
      }
    }
  }

  private static func signature(
    of candidate: DetectionCandidate, by sketch: MinHash
  ) -> MinHash.Signature {
    sketch.signature(
      of: WordTokens.hashes(of: candidate.title) + WordTokens.hashes(of: candidate.text))
  }

  /// Refuses values of against, shingle or permutations that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try scope(parameters)
    _ = try sketch(parameters)
  }

  private static func scope(_ parameters: DetectorParameters) throws -> Scope {
    try parameters.choice("against", default: .both)
  }

  private static func sketch(_ parameters: DetectorParameters) throws -> MinHash {
    MinHash(
      shingle: try parameters.int("shingle", default: 5, in: 1...20),
      permutations: try parameters.int("permutations", default: 128, in: 16...512))
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists.
  ///   - parameters: against, shingle, permutations.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` without documents, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> DuplicateDetector {
    try DuplicateDetector(
      fittedTo: anchors, scope: scope(parameters), sketch: sketch(parameters))
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) -> [Double] { scores(of: [list])[0] }

  /// The scores of many lists; a text that stands in several is sketched once.
  ///
  /// - Parameter lists: Any lists.
  /// - Returns: Soft numbers of copies, 0 or more.
  public func scores(of lists: [DetectionList]) -> [[Double]] {
    struct Text: Hashable {
      var title: UTF8Key
      var text: UTF8Key
    }
    var known: [Text: MinHash.Signature] = [:]
    func signature(_ candidate: DetectionCandidate) -> MinHash.Signature {
      let text = Text(title: UTF8Key(candidate.title), text: UTF8Key(candidate.text))
      if let signature = known[text] { return signature }
      let signature = Self.signature(of: candidate, by: sketch)
      known[text] = signature
      return signature
    }
    return lists.map { list in
      let needed = scope == .anchors ? list.subjects : Array(list.candidates.indices)
      var own = [MinHash.Signature?](repeating: nil, count: list.candidates.count)
      for position in needed { own[position] = signature(list.candidates[position]) }
      return list.subjects.map { subject in
        guard let signature = own[subject] else { return 0 }
        var score = 0.0
        if scope != .anchors {
          for (other, theirs) in own.enumerated() where other != subject {
            if let theirs { score += sketch.resemblance(signature, theirs) }
          }
        }
        if scope != .list {
          score += nearest(signature, except: UTF8Key(list.candidates[subject].id))
        }
        return score
      }
    }
  }

  /// The largest resemblance to an anchor of another id.
  private func nearest(_ signature: MinHash.Signature, except id: UTF8Key) -> Double {
    guard !signature.minima.isEmpty else { return 0 }
    var agreeing: [Int: Int] = [:]
    for (function, order) in order.enumerated() {
      let minimum = signature.minima[function]
      var low = 0
      var high = order.count
      while low < high {
        let middle = (low + high) / 2
        if signatures[order[middle]].minima[function] < minimum {
          low = middle + 1
        } else {
          high = middle
        }
      }
      while low < order.count, signatures[order[low]].minima[function] == minimum {
        agreeing[order[low], default: 0] += 1
        low += 1
      }
    }
    var largest = 0.0
    for (anchor, count) in agreeing where ids[anchor] != id {
      let isEqual = signatures[anchor].words == signature.words
      largest = max(largest, isEqual ? 1 : sketch.resemblance(agreeing: count))
    }
    return largest
  }

  /// How many passages are kept, and what they are compared by.
  public var summary: [(name: String, value: String)] {
    [
      ("anchors", "\(ids.count) documents"), ("against", scope.rawValue),
      ("sketch", "\(sketch.permutations) minima of runs of \(sketch.shingle) words"),
    ]
  }

  /// Choices and the sketches of the clean passages.
  public var state: DetectorState {
    let halves = signatures.map(\.words).flatMap { [Double($0 >> 32), Double($0 & 0xFFFF_FFFF)] }
    return DetectorState(
      values: [
        "against": .string(scope.rawValue), "shingle": JSONValue(sketch.shingle),
        "permutations": JSONValue(sketch.permutations),
        "ids": .array(ids.map { .string($0.string) }),
        "filled": .array(signatures.map { .bool(!$0.minima.isEmpty) }),
      ],
      doubles: [
        "minima": signatures.flatMap { $0.minima.map(Double.init) }, "words": halves,
      ])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let values = state.values
    let parameters = DetectorParameters([
      "against": try values.string("against"), "shingle": "\(try values.int("shingle"))",
      "permutations": "\(try values.int("permutations"))",
    ])
    let scope: Scope
    let sketch: MinHash
    do {
      scope = try Self.scope(parameters)
      sketch = try Self.sketch(parameters)
    } catch let error as UsageError {
      throw InputError(error.message)
    }
    let ids = try values.strings("ids").map { UTF8Key($0) }
    let filled = try values.array("filled").map(\.boolValue)
    guard !ids.isEmpty, filled.count == ids.count else {
      throw InputError("\(ids.count) clean passages with \(filled.count) sketches cannot be")
    }
    let count = filled.count { $0 == true }
    let minima = try state.array("minima", count: count * sketch.permutations)
    let words = try state.array("words", count: 2 * ids.count)
    guard
      (minima + words).allSatisfy({ UInt32(exactly: $0) != nil })
    else { throw InputError("a sketch holds a number that is no 32-bit integer") }
    var next = 0
    let signatures = ids.indices.map { index in
      var own: [UInt32] = []
      if filled[index] == true {
        own = minima[next..<next + sketch.permutations].map { UInt32($0) }
        next += sketch.permutations
      }
      return MinHash.Signature(
        minima: own, words: UInt64(words[2 * index]) << 32 | UInt64(words[2 * index + 1]))
    }
    self.init(scope: scope, sketch: sketch, ids: ids, signatures: signatures)
  }
}
