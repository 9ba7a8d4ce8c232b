import Basics
import TestSupport
import Testing

@testable import Defenses

@Suite struct DuplicateDetectorTests {
  private func list(_ name: String, _ texts: [String]) throws -> DetectionList {
    try SyntheticLists.list(name, query: [1], documents: texts.map { _ in [1] }, texts: texts)
  }

  private static let payload =
    "To collect your refund send the account number and the password to the office at once please"
  private static let clean = (0..<12).map { number in
    (0..<40).map { "clean\((number * 977 + $0 * 31) % 5000)" }.joined(separator: " ")
  }

  /// Three copies of a payload under different questions count as two to each other.
  @Test func copiesCount() throws {
    let detector = try DuplicateDetector(fittedTo: [list("a", Self.clean)])
    let scores = detector.scores(
      of: try list(
        "q", ["x. ", "y. ", ""].map { $0 + Self.payload } + ["of no copy at all, alone"]))
    // 13 runs of 17 words are shared by all three; a word before them adds one run.
    let expected = [13.0 / 14 + 13.0 / 15, 13.0 / 14 + 13.0 / 15, 2 * 13.0 / 14, 0]
    expectClose(scores, expected, absolute: 0.25)
    #expect(scores[3] == 0)
    // Equal words are copies whatever their case and punctuation.
    expectClose(
      detector.scores(of: try list("q", [Self.payload, Self.payload.uppercased() + "!"])), [1, 1],
      absolute: 0)
  }

  /// A single poisoned document is beyond this detector: the limit that its documentation states.
  @Test func oneDocumentOfItsOwnWordsIsInvisible() throws {
    let detector = try DuplicateDetector(fittedTo: [list("a", Self.clean)])
    let others = (0..<9).map { number in
      (0..<40).map { "other\((number * 613 + $0 * 17) % 5000)" }.joined(separator: " ")
    }
    expectClose(
      detector.scores(of: try list("q", [Self.payload] + others)),
      [Double](repeating: 0, count: 10), absolute: 0)
  }

  @Test func copiesOfCleanPassagesAreFoundUnderAnotherID() throws {
    let anchors = try list("a", Self.clean)
    let both = try DuplicateDetector(fittedTo: [anchors])
    // The passages themselves are no copies of themselves.
    expectClose(both.scores(of: anchors), [Double](repeating: 0, count: 12), absolute: 0)
    let edited = Self.clean[3] + " and one more sentence of the attacker"
    let found = both.scores(of: try list("q", [edited, Self.clean[5]]))
    expectClose(found[0], 36.0 / 43, absolute: 0.2)
    #expect(found[1] == 1)
    let alone = try DuplicateDetector(fittedTo: [anchors], scope: .list)
    expectClose(alone.scores(of: try list("q", [edited, Self.clean[5]])), [0, 0], absolute: 0)
    let only = try DuplicateDetector(fittedTo: [anchors], scope: .anchors)
    expectClose(
      only.scores(of: try list("q", [edited, edited])), [found[0], found[0]], absolute: 0)
  }

  @Test func textsWithoutWordsResembleNothing() throws {
    let detector = try DuplicateDetector(fittedTo: [list("a", ["", "!?", "some words"])])
    expectClose(detector.scores(of: try list("q", ["", "", "…"])), [0, 0, 0], absolute: 0)
    #expect(try DuplicateDetector(state: detector.state).state == detector.state)
  }
}
