import Basics
import Foundation
import Retrieval
import Statistics
import Testing

/// The values of `Tests/Fixtures/ranking-runs/ranking-runs.json`.
struct RankingGolden: Decodable {
  struct Case: Decodable {
    var relevanceThreshold: Int
    var run: [String: [Scored]]
    var judgements: [String: [Judged]]
    var trecEval: [String: [String: Double]]
    var strict: [String: [String: Double]]
  }
  struct Scored: Decodable { var id: String, score: Double }
  struct Judged: Decodable { var id: String, grade: Int }

  var cases: [Case]

  static let shared: RankingGolden = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/ranking-runs/ranking-runs.json")
    do {
      return try JSONDecoder().decode(RankingGolden.self, from: Data(contentsOf: file))
    } catch {
      fatalError("\(file.path): \(error)")
    }
  }()
}

@Suite struct RankingMetricTests {
  /// Both tie orders against pytrec_eval; ids of one case are equal only canonically.
  @Test(arguments: TieOrder.allCases)
  func metricsEqualPytrecEval(ties: TieOrder) throws {
    var compared = 0
    for golden in RankingGolden.shared.cases {
      var judgements = Judgements()
      for (query, judged) in golden.judgements {
        for entry in judged {
          try judgements.add(
            query: UTF8Key(query), document: UTF8Key(entry.id), grade: entry.grade)
        }
      }
      let rankings = try golden.run.map { query, scored in
        try Ranking(
          query: UTF8Key(query),
          scored: scored.map { RankedDocument(id: UTF8Key($0.id), score: $0.score) }, ties: ties)
      }
      let expected = ties == .ascendingID ? golden.strict : golden.trecEval
      let names = try #require(expected.values.first).keys.sorted()
      let evaluation = try RankingEvaluation(
        rankings: rankings, judgements: judgements, metrics: try names.map(RankingMetric.init),
        relevanceThreshold: golden.relevanceThreshold)
      #expect(evaluation.perQuery.count == expected.count)
      for row in evaluation.perQuery {
        let values = try #require(expected[row.query.string])
        for (name, found) in zip(names, row.values) {
          // Both are sums of at most 100 Float64 terms.
          let difference = (found - (values[name] ?? .nan)).magnitude
          #expect(difference <= 1e-12, "\(row.query) \(name): \(found), \(values[name] ?? .nan)")
          compared += 1
        }
      }
      #expect(evaluation.queriesWithoutResults.contains("q4"))
      #expect(evaluation.queriesWithoutRelevant.contains("q0"))
      #expect(evaluation.queriesWithoutRelevant.contains("q6"))
    }
    #expect(compared == 5 * 14 * 44)
  }

  @Test(arguments: [
    ("ndcg@10", RankingMetric.ndcg(at: 10), "nDCG@10"),
    ("nDCG@1", .ndcg(at: 1), "nDCG@1"),
    ("R@100", .recall(at: 100), "Recall@100"),
    ("recall@7", .recall(at: 7), "Recall@7"),
    ("P@5", .precision(at: 5), "P@5"),
    ("success@2", .success(at: 2), "success@2"),
    ("mrr", .reciprocalRank(at: nil), "MRR"),
    ("MRR@10", .reciprocalRank(at: 10), "MRR@10"),
    ("MAP", .averagePrecision(at: nil), "MAP"),
    ("map@10000", .averagePrecision(at: 10_000), "MAP@10000"),
  ])
  func names(name: String, metric: RankingMetric, printed: String) throws {
    #expect(try RankingMetric(name) == metric)
    #expect(metric.description == printed)
    #expect(try RankingMetric(printed) == metric)
  }

  @Test(arguments: [
    "", "ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@10001", "ndcg@1@2", "ndcg@x", "foo@3",
    "success", "P@99999999999999999999",
  ])
  func otherNamesAreRefused(name: String) {
    let error = #expect(throws: UsageError.self) { try RankingMetric(name) }
    #expect(error?.exitStatus == .usage)
  }
}

/// FAULTS.md rows 29, 67, 69, and 68 as far as metrics go.
@Suite struct RankingEvaluationTests {
  private func ranking(_ query: String, _ documents: [(String, Double)]) throws -> Ranking {
    try Ranking(
      query: UTF8Key(query),
      scored: documents.map { RankedDocument(id: UTF8Key($0.0), score: $0.1) })
  }

  private func judgements(_ rows: [(String, String, Int)]) throws -> Judgements {
    var result = Judgements()
    for (query, document, grade) in rows {
      try result.add(query: UTF8Key(query), document: UTF8Key(document), grade: grade)
    }
    return result
  }

  @Test(arguments: [Double.nan, .signalingNaN, .infinity, -.infinity])
  func nonFiniteScoresAreRefusedWithTheQuery(score: Double) {
    let error = #expect(throws: InputError.self) {
      try ranking("q7", [("a", 3), ("b", score), ("c", 1)])
    }
    #expect(error?.place.record == "q7")
    #expect(error?.message.contains("'b'") == true)
    #expect(error?.exitStatus == .badData)
  }

  @Test func duplicatesInARankingAreRefused() {
    let error = #expect(throws: InputError.self) {
      try ranking("q1", [("a", 3), ("b", 2), ("a", 1)])
    }
    #expect(error?.place.record == "q1")
  }

  @Test func theOrderIsTotalAndByBytes() throws {
    // "é" precomposed is C3 A9, decomposed 65 CC 81: equal strings, two documents.
    let documents = [("\u{E9}", 1.0), ("e\u{301}", 1), ("z", 1), ("B", 1), ("a", 2), ("-", 0.5)]
    let expected = ["a", "B", "e\u{301}", "z", "\u{E9}", "-"].map { UTF8Key($0) }
    #expect(try ranking("q", documents).documents.map(\.id) == expected)
    #expect(try ranking("q", documents.reversed()).documents.map(\.id) == expected)
    let other = try Ranking(
      query: "q", scored: documents.map { RankedDocument(id: UTF8Key($0.0), score: $0.1) },
      ties: .trecEval)
    #expect(
      other.documents.map(\.id)
        == ["a", "\u{E9}", "z", "e\u{301}", "B", "-"].map { UTF8Key($0) })
    // Zeros of both signs are equal scores.
    #expect(try ranking("q", [("b", 0.0), ("a", -0.0)]).documents.map(\.id) == ["a", "b"])
  }

  @Test func theMeanIsOverAllJudgedQueries() throws {
    let evaluation = try RankingEvaluation(
      rankings: [
        ranking("q1", [("a", 1), ("b", 0.5)]), ranking("q2", []), ranking("stray", [("a", 1)]),
      ],
      judgements: judgements([("q1", "a", 1), ("q2", "a", 1), ("q3", "b", 2), ("q4", "b", 0)]),
      metrics: [.ndcg(at: 10), .success(at: 1)])
    #expect(evaluation.mean(of: .ndcg(at: 10)) == .value(0.25))
    #expect(evaluation.values(of: .success(at: 1)) == [1, 0, 0, 0])
    #expect(evaluation.queriesWithoutResults == ["q2", "q3", "q4"])
    #expect(evaluation.queriesWithoutRelevant == ["q4"])
    #expect(evaluation.queriesWithoutJudgements == ["stray"])
    #expect(evaluation.mean(of: .recall(at: 3)).value == nil)
  }

  @Test func withoutJudgementsNothingIsApplicable() throws {
    let evaluation = try RankingEvaluation(
      rankings: [ranking("q1", [("a", 1)])], judgements: Judgements(), metrics: [.ndcg(at: 10)])
    let mean = evaluation.mean(of: .ndcg(at: 10))
    #expect(mean == .notApplicable("no judged queries"))
    // What a report gets is a status; a NaN in its place could not even be written.
    #expect(mean.value == nil)
    #expect(throws: (any Error).self) { try JSONValue.number(.nan).serialized() }
  }

  @Test func aQueryWithTwoRankingsIsRefused() throws {
    let rankings = [try ranking("q1", [("a", 1)]), try ranking("q1", [("b", 1)])]
    let judged = try judgements([("q1", "a", 1)])
    let error = #expect(throws: InputError.self) {
      try RankingEvaluation(rankings: rankings, judgements: judged, metrics: [.ndcg(at: 1)])
    }
    #expect(error?.place.record == "q1")
    #expect(throws: UsageError.self) {
      try RankingEvaluation(
        rankings: [], judgements: judged, metrics: [], relevanceThreshold: 0)
    }
  }

  @Test func unknownIDsAreCounted() throws {
    let judged = try judgements([
      ("q1", "a", 1), ("q1", "x", 1), ("q2", "x", 0), ("q2", "y", -1), ("gone", "z", 1),
    ])
    let unknown = judged.unknownIDs(
      knowsQuery: { $0 != "gone" }, knowsDocument: { $0 == "a" })
    #expect(unknown.queries == ["gone"])
    #expect(unknown.documents == ["x", "y"])
    #expect(unknown.documentJudgements == 3)
    #expect(!unknown.isEmpty)
    #expect(judged.filter { $0 != "gone" }.queries == ["q1", "q2"])
    #expect(judged.count == 5)
  }
}
