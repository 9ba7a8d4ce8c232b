import Basics

// What detectors that score one feature vector at a time have in common.
extension FeatureExtractor {
  /// The choices `feature` and `normalize` as they are listed.
  static func parameters(default kind: FeatureKind) -> [DetectorMetadata.Parameter] {
    [
      .init("feature", default: kind.rawValue, "pair, document or concatenated"),
      .init("normalize", default: "false", "true divides vectors by their norms first"),
    ]
  }

  /// What the choices `feature` and `normalize` ask for.
  ///
  /// - Parameters:
  ///   - parameters: Choices by name; others are left alone.
  ///   - kind: What is looked at without a choice.
  /// - Throws: `UsageError` for a value that cannot be.
  init(_ parameters: DetectorParameters, default kind: FeatureKind) throws {
    self.init(
      kind: try parameters.choice("feature", default: kind),
      isNormalized: try parameters.bool("normalize", default: false))
  }

  /// Puts the choices into the values of a state.
  func write(to values: inout JSONObject) {
    values["feature"] = .string(kind.rawValue)
    values["normalize"] = .bool(isNormalized)
  }

  /// The choices that `write(to:)` put there.
  init(values: JSONObject) throws {
    let text = try values.string("feature")
    guard let kind = FeatureKind(rawValue: text) else {
      throw InputError("the feature '\(TerminalText.excerpt(text))' is unknown")
    }
    self.init(kind: kind, isNormalized: try values.bool("normalize"))
  }

  /// The features of all subjects of clean lists.
  ///
  /// - Parameter lists: Clean lists of one dimension, with at least two subjects.
  /// - Returns: `[n, dimension]`, row-major, and the dimension of a feature.
  /// - Throws: `DetectorError`.
  func anchorRows(of lists: [DetectionList]) throws -> (rows: [Float], dimension: Int) {
    guard let first = lists.first(where: { !$0.subjects.isEmpty }) else {
      throw DetectorError.anchors(found: 0, needed: 2, what: "clean documents")
    }
    let vectors = first.query.vector.dimension
    for list in lists where list.query.vector.dimension != vectors {
      throw DetectorError.dimension(expected: vectors, found: list.query.vector.dimension)
    }
    let rows = try rows(of: lists)
    let dimension = dimension(ofVectors: vectors)
    guard rows.count / dimension > 1 else {
      throw DetectorError.anchors(
        found: rows.count / dimension, needed: 2, what: "clean documents")
    }
    return (rows, dimension)
  }

  /// The scores of the subjects of lists, block by block.
  ///
  /// - Parameters:
  ///   - lists: Any number.
  ///   - dimension: Of a feature.
  ///   - body: One score for each row of `[n, dimension]`, n at least 1.
  /// - Returns: One array a list.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  func scores(
    of lists: [DetectionList], dimension: Int, _ body: ([Float]) throws -> [Double]
  ) throws -> [[Double]] {
    var result: [[Double]] = []
    result.reserveCapacity(lists.count)
    var start = 0
    while start < lists.count {
      // A block keeps Float64 copies small when a whole grid is scored.
      var end = start
      var subjects = 0
      while end < lists.count, end == start || subjects + lists[end].subjects.count <= 1024 {
        let found = self.dimension(ofVectors: lists[end].query.vector.dimension)
        guard found == dimension else {
          throw DetectorError.dimension(expected: dimension, found: found)
        }
        subjects += lists[end].subjects.count
        end += 1
      }
      let scores = subjects > 0 ? try body(try rows(of: lists[start..<end])) : []
      var next = 0
      for list in lists[start..<end] {
        result.append(Array(scores[next..<next + list.subjects.count]))
        next += list.subjects.count
      }
      start = end
    }
    return result
  }
}
