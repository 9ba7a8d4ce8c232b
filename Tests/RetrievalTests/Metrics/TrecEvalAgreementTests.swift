import Basics
import Foundation
import Retrieval
import Statistics
import SystemPackage
import Testing

/// Single rankings of `Tests/Fixtures/ranking` against pytrec_eval, orders included.
@Suite struct TrecEvalAgreementTests {
  private struct Golden {
    var name: String
    var scored: [RankedDocument]
    var judgements: Judgements
    var orders: [(TieOrder, order: [UTF8Key], values: JSONObject)]
  }

  private static let metrics: [(name: String, metric: RankingMetric)] = [
    ("ndcg_cut_1", .ndcg(at: 1)), ("ndcg_cut_5", .ndcg(at: 5)), ("ndcg_cut_10", .ndcg(at: 10)),
    ("ndcg_cut_100", .ndcg(at: 100)), ("recall_10", .recall(at: 10)),
    ("recall_100", .recall(at: 100)), ("recip_rank", .reciprocalRank(at: nil)),
    ("map", .averagePrecision(at: nil)), ("P_5", .precision(at: 5)),
    ("success_1", .success(at: 1)), ("success_5", .success(at: 5)),
    ("success_10", .success(at: 10)),
  ]

  private func goldens(_ file: String) throws -> [Golden] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let path = FilePath(folder.appending(path: "Fixtures/ranking/\(file).json").path)
    let root = try JSONParser.parse(contentsOf: path).requiredObject()
    return try root.objects("cases").map { row in
      var judgements = Judgements()
      for member in try row.object("qrels").members {
        try judgements.add(
          query: "q", document: UTF8Key(member.key), grade: try #require(member.value.intValue))
      }
      let scored = try row.array("run").map { entry in
        let pair = try #require(entry.arrayValue)
        return RankedDocument(
          id: UTF8Key(try #require(pair[0].stringValue)),
          score: try #require(pair[1].doubleValue))
      }
      var orders: [(TieOrder, order: [UTF8Key], values: JSONObject)] = [
        (
          .ascendingID, try row.strings("order").map { UTF8Key($0) }, try row.object("values")
        )
      ]
      // Without ties both orders are the same.
      if row["trec_order"] != nil {
        orders.append(
          (
            .trecEval, try row.strings("trec_order").map { UTF8Key($0) },
            try row.object("trec_values")
          ))
      } else {
        orders.append((.trecEval, orders[0].order, orders[0].values))
      }
      return Golden(
        name: try row.string("name"), scored: scored, judgements: judgements, orders: orders)
    }
  }

  @Test(arguments: [("tie-free", 48), ("tied", 25)])
  func ordersAndValuesAgree(file: String, count: Int) throws {
    let goldens = try goldens(file)
    #expect(goldens.count == count)
    for golden in goldens {
      for (ties, order, values) in golden.orders {
        let ranking = try Ranking(query: "q", scored: golden.scored, ties: ties)
        #expect(ranking.documents.map(\.id) == order, "\(golden.name), \(ties)")
        let evaluation = try RankingEvaluation(
          rankings: [ranking], judgements: golden.judgements,
          metrics: Self.metrics.map(\.metric))
        for (name, metric) in Self.metrics {
          let found = try #require(evaluation.mean(of: metric).value)
          let expected = try values.double(name)
          #expect(
            (found - expected).magnitude <= 1e-12, "\(golden.name), \(ties), \(metric)")
        }
      }
    }
  }
}
