import Basics
import Retrieval
import TestSupport
import Testing

@testable import Defenses

/// Scores of whole documents: the largest over windows.
@Suite struct WindowTests {
  /// Lists in which every second document goes on behind the encoder's limit.
  private static func lists(_ count: Int, seed: UInt64) throws -> [DetectionList] {
    let plain = try SyntheticLists.gaussian(count, dimension: 5, seed: seed)
    let further = try SyntheticLists.gaussian(count, dimension: 5, seed: seed + 100)
    return try zip(plain, further).map { list, other in
      let candidates = list.candidates.enumerated().map { position, candidate in
        var candidate = candidate
        candidate.text = "text \(candidate.id)"
        guard position % 2 == 0 else { return candidate }
        candidate.furtherWindows = other.candidates.prefix(1 + position / 2).map {
          .init(vector: $0.vector, similarity: $0.similarity / 2)
        }
        return candidate
      }
      return try DetectionList(query: list.query, candidates: candidates)
    }
  }

  /// For every detector: all windows give the largest score over lists in which the window stands for
  /// the document, first windows the plain score.
  @Test(arguments: DetectorRegistry.standardNames)
  func theLargestCounts(name: String) throws {
    let detector = try DetectorRegistry.fitted(
      name, to: SyntheticLists.gaussian(40, dimension: 5, seed: 1))
    let lists = try Self.lists(8, seed: 2)
    let first = try detector.scores(of: lists)
    #expect(try detector.scores(of: lists, windows: .first) == first)
    var expected = first
    for (number, list) in lists.enumerated() {
      for (subject, position) in list.subjects.enumerated() {
        for window in list.candidates[position].furtherWindows {
          var candidates = list.candidates
          candidates[position].vector = window.vector
          candidates[position].similarity = window.similarity
          let replaced = try DetectionList(
            query: list.query, candidates: candidates, subjects: [position])
          expected[number][subject] = max(
            expected[number][subject], try detector.scores(of: replaced)[0])
        }
      }
    }
    let all = try detector.scores(of: lists, windows: .all)
    expectClose(all.flatMap(\.self), expected.flatMap(\.self), absolute: 1e-9, relative: 1e-9)
    let needs = Set(try DetectorRegistry.kind(named: name).metadata.needs)
    #expect((all != first) == !needs.isDisjoint(with: [.vectors, .similarities]))
    // Without further windows nothing changes, to the bit.
    let plain = try SyntheticLists.gaussian(8, dimension: 5, seed: 2)
    #expect(
      try detector.scores(of: plain, windows: .all) == detector.scores(of: plain, windows: .first))
  }

  /// Calibration and verdicts are of the same windows.
  @Test(arguments: WindowChoice.allCases)
  func calibrationLooksAtTheSameWindows(windows: WindowChoice) throws {
    let calibrating = try Self.lists(19, seed: 3)
    let calibrated = try CalibratedDetector(
      fitting: "document-norm", to: [], calibrating: calibrating,
      retriever: DetectorFileTests.retriever, windows: windows)
    let expected = try DocumentNormDetector().scores(of: calibrating, windows: windows)
    #expect(calibrated.calibration.pairScores == expected.flatMap(\.self).sorted())
    let tested = try Self.lists(5, seed: 4)
    #expect(
      try calibrated.verdicts(on: tested, falsePositiveRate: 0.05, per: .query)
        .map { $0.map(\.score) } == DocumentNormDetector().scores(of: tested, windows: windows))
    let again = try DetectorFile.parse(DetectorFile.bytes(of: calibrated))
    #expect(again.windows == windows)
    #expect(try again.scores(of: tested) == calibrated.scores(of: tested))
  }

  @Test func windowsAreChecked() throws {
    let list = try SyntheticLists.list("q", query: [1, 0], documents: [[1, 0]])
    var candidate = list.candidates[0]
    candidate.furtherWindows = [.init(vector: try SyntheticLists.row([1]), similarity: 0)]
    #expect(throws: DetectorError.self) {
      try DetectionList(query: list.query, candidates: [candidate])
    }
    candidate.furtherWindows = [.init(vector: try SyntheticLists.row([1, 0]), similarity: .nan)]
    #expect(throws: DetectorError.self) {
      try DetectionList(query: list.query, candidates: [candidate])
    }
  }
}
