import Basics
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Defenses

/// What happens to flagged passages.
@Suite struct DetectionFilterTests {
  /// Capital letters are flagged.
  private static let outcomes: [(DetectionPolicy, String, Int, kept: String, removed: String)] = [
    (.annotate, "aBcD", 3, "aBc", ""), (.annotate, "", 3, "", ""), (.annotate, "AB", 3, "AB", ""),
    (.demote, "aBcDe", 3, "ace", "B"), (.demote, "aBcDe", 5, "aceBD", ""),
    (.demote, "ABC", 2, "AB", ""), (.demote, "Abcd", 2, "bc", "A"),
    (.demote, "abcD", 3, "abc", ""),
    (.quarantine, "aBcDe", 3, "ace", "BD"), (.quarantine, "aBcDe", 2, "ac", "B"),
    (.quarantine, "aBc", 3, "ac", "B"), (.quarantine, "ABC", 1, "", "ABC"),
    (.quarantine, "abC", 2, "ab", ""), (.quarantine, "abC", 3, "ab", "C"),
  ]

  @Test(arguments: outcomes.indices)
  func outcomesOfPolicies(index: Int) {
    let (policy, list, k, kept, removed) = Self.outcomes[index]
    let outcome = policy.outcome(of: Array(list), k: k) { $0.isUppercase }
    #expect(String(outcome.kept.map(\.item)) == kept)
    #expect(String(outcome.removed.map(\.item)) == removed)
    for entry in outcome.kept { #expect(Array(list)[entry.rank - 1] == entry.item) }
  }

  /// A calibrated similarity detector whose threshold is 1.8: it flags what is above.
  private func judge(_ name: String = "similarity") throws -> ListJudge {
    let calibrating = try (0..<19).map { number in
      try SyntheticLists.list(
        "c\(number)", query: [1], documents: [[0.1 * Double(number)], [0]])
    }
    return try ListJudge(
      CalibratedDetector(
        fitting: name, to: [], calibrating: calibrating, retriever: DetectorFileTests.retriever),
      falsePositiveRate: 0.05, per: .query)
  }

  private func ranking(_ similarities: [Double]) throws -> DetectionList {
    try SyntheticLists.list("q", query: [1], documents: similarities.map { [$0] })
  }

  @Test func quarantineRefillsFromLaterPassagesWithReasons() throws {
    let judge = try judge()
    expectClose(judge.conformal.threshold, 1.8, absolute: 1e-6)
    let list = try ranking([2, 1.7, 1.9, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    let filtered = try DetectionFilter(judge, policy: .quarantine)
      .filter(list.candidates, for: list.query, k: 10)
    #expect(filtered.kept.map(\.rank) == [2, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    #expect(filtered.removed.map(\.rank) == [1, 3])
    #expect(filtered.kept.allSatisfy { $0.reason == nil && $0.verdict != nil })
    for passage in filtered.removed {
      let reason = try #require(passage.reason)
      #expect(reason.hasPrefix("quarantined: similarity score "), "\(reason)")
      #expect(reason.contains("is above the threshold 1.800: at most 5.0 % of clean questions"))
    }
  }

  @Test func everyPolicyKeepsRanksAndSaysWhy() throws {
    let list = try ranking([2, 1.7, 1.9, 1])
    let judge = try judge()
    func filtered(_ policy: DetectionPolicy, k: Int) throws -> FilteredList {
      try DetectionFilter(judge, policy: policy).filter(list.candidates, for: list.query, k: k)
    }
    let annotated = try filtered(.annotate, k: 4)
    #expect(annotated.kept.map(\.rank) == [1, 2, 3, 4])
    #expect(annotated.kept.map(\.isFlagged) == [true, false, true, false])
    #expect(annotated.kept.map { $0.reason != nil } == [true, false, true, false])
    let demoted = try filtered(.demote, k: 4)
    #expect(demoted.kept.map(\.rank) == [2, 4, 1, 3])
    #expect(demoted.kept[2].reason?.hasPrefix("ranked behind the passages") == true)
    let short = try filtered(.demote, k: 2)
    #expect(short.kept.map(\.rank) == [2, 4])
    #expect(short.removed.map(\.rank) == [1])
    #expect(short.removed[0].reason?.hasPrefix("displaced by") == true)
    let quarantined = try filtered(.quarantine, k: 4)
    #expect(quarantined.kept.map(\.rank) == [2, 4], "there are no more")
    #expect(quarantined.removed.map(\.rank) == [1, 3])
  }

  /// When all of the first list is flagged, the judge goes on until the places are filled.
  @Test func refillGoesAsDeepAsItMust() throws {
    let list = try ranking((0..<35).map { $0 < 27 ? 3 - 0.01 * Double($0) : 0.5 })
    let filtered = try DetectionFilter(judge(), policy: .quarantine)
      .filter(list.candidates, for: list.query, k: 5)
    #expect(filtered.kept.map(\.rank) == [28, 29, 30, 31, 32])
    #expect(filtered.removed.count == 27)
  }

  /// A passage that no detector can read stays, and says so.
  @Test func whatCannotBeJudgedStays() throws {
    let list = try ranking([2])
    let filtered = try DetectionFilter(judge("query-relative-similarity"), policy: .quarantine)
      .filter(list.candidates, for: list.query, k: 3)
    #expect(filtered.kept.map(\.rank) == [1])
    #expect(filtered.kept[0].verdict == nil)
    #expect(filtered.kept[0].reason?.hasPrefix("not judged: query 'q'") == true)
    #expect(
      try DetectionFilter(judge(), policy: .quarantine).filter([], for: list.query, k: 3)
        .kept.isEmpty)
  }

  /// The first ten are one list, best first by similarity; each later one stands in the tenth place.
  @Test func laterPassagesAreJudgedInTheTenthPlace() throws {
    let judge = try judge("query-relative-similarity")
    let list = try ranking((0..<14).map { Double(($0 * 5) % 14) })
    let verdicts = try judge.verdicts(on: list.candidates, for: list.query).map {
      try $0.get().score
    }
    let head = list.candidates.prefix(10).sorted { $0.similarity > $1.similarity }
    let context = head.prefix(9).reduce(0) { $0 + $1.similarity } / 9
    for (position, candidate) in list.candidates.enumerated() {
      let others = list.candidates.prefix(10).filter { $0.id != candidate.id }
      let expected =
        position < 10
        ? candidate.similarity - others.reduce(0) { $0 + $1.similarity } / 9
        : candidate.similarity - context
      expectClose(verdicts[position], expected, absolute: 1e-9, "position \(position)")
    }
    let part = try judge.verdicts(on: list.candidates, for: list.query, range: 8..<12)
    #expect(try part.map { try $0.get().score } == Array(verdicts[8..<12]))
  }
}
