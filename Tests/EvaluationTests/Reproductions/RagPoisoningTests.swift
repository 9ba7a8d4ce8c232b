import Basics
import TestSupport
import Testing

@testable import Evaluation

/// Verdicts on made-up grids: what holds, what does not, what cannot be told.
@Suite struct RagPoisoningTests {
  /// A grid of one retriever, two query sets and two payload kinds, 100 questions a cell.
  private struct Grid {
    var retriever = "encoder"
    var long = 98
    var short = 70
    var paraphrased = 72
    var angle = 95.0
    var cleanAngle = 70.0
    var normGrowth = 0.7
    var normArea = 0.5
    var distanceArea = 0.97
    var flagged = 2

    private func cell(_ set: String, _ attack: String, _ payload: String, _ successes: Int)
      -> JSONValue
    {
      func moment(_ mean: Double) -> JSONValue {
        ["count": 100, "mean": .number(mean), "standardDeviation": 10.0]
      }
      return [
        "corpus": "textbooks", "retriever": .string(retriever), "set": .string(set),
        "attack": .string(attack), "seed": 1, "payload": .string(payload),
        "success": [
          [
            "mode": "solo", "k": 2,
            "own": ["successes": JSONValue(successes), "trials": 100],
          ]
        ],
        "geometry": [
          "angle": moment(angle), "shift": moment(-0.1), "cleanAngle": moment(cleanAngle),
          "normGrowth": ["count": 100, "mean": .number(normGrowth), "standardDeviation": 0.0],
        ],
      ]
    }

    private func fit(_ detector: String, _ area: Double) -> JSONValue {
      func cell(_ payload: String, _ negatives: String) -> JSONValue {
        [
          "payload": .string(payload), "positives": "reached", "negatives": .string(negatives),
          "positiveCount": 40, "auroc": ["value": .number(area)],
          "truePositives": [
            [
              "nominal": 0.05, "unit": "pair", "found": 30, "rate": 0.75,
              "evading": ["successes": 10, "trials": 40],
            ]
          ],
        ]
      }
      return [
        "detector": .string(detector),
        "falsePositives": [
          [
            "nominal": 0.05, "unit": "query", "flaggedQueries": JSONValue(flagged),
            "expectedFlaggedQueries": [0, 5],
          ],
          ["nominal": 0.05, "unit": "pair", "pairRate": ["value": 0.05]],
        ],
        "cells": .array(
          ["pii", "diag"].flatMap { [cell($0, "hard"), cell($0, "easy")] }),
      ]
    }

    var results: JSONObject {
      let sets = [("medqa", long), ("medmcqa", short)]
      let payloads = ["pii", "diag"]
      var cells: [JSONValue] = []
      for (set, successes) in sets {
        for payload in payloads {
          cells.append(cell(set, "verbatim", payload, successes))
          cells.append(cell(set, "paraphrase", payload, paraphrased))
        }
      }
      return [
        "cells": .array(cells),
        "detection": .array(
          sets.map { set, _ in
            [
              "corpus": "textbooks", "retriever": .string(retriever), "set": .string(set),
              "attack": "verbatim", "seed": 1,
              "fits": [fit("mahalanobis", distanceArea), fit("document-norm", normArea)],
            ]
          }),
      ]
    }

    func rows(isDeterministic: Bool? = true) -> [Reproduction.Row] {
      let plan = RagPoisoning.plan(
        corpora: ["textbooks"], retrievers: [retriever], querySets: ["medqa", "medmcqa"],
        payloads: ["pii", "diag"], questions: 100, seed: 1)
      return RagPoisoning(plan, results: results).reproduction(isDeterministic: isDeterministic)
        .rows
    }

    func verdict(_ id: String) throws -> Reproduction.Verdict {
      try #require(rows().first { $0.id == id }).verdict
    }
  }

  @Test func whatThePaperSaysHolds() throws {
    for id in ["R3", "R5", "R6", "R7", "R8", "R9", "R10"] {
      #expect(try Grid().verdict(id) == .holds, "\(id)")
    }
  }

  @Test func whatIsNotSoDoesNotHold() throws {
    // 20 of 100 questions apart would do with 200 trials, and must not: each question counts once.
    #expect(try Grid(short: 90).verdict("R3") == .doesNotHold)
    #expect(try Grid(angle: 111).verdict("R5") == .doesNotHold)
    #expect(try Grid(cleanAngle: 57).verdict("R6") == .doesNotHold)
    #expect(try Grid(paraphrased: 60).verdict("R7") == .doesNotHold)
    #expect(try Grid(paraphrased: 84).verdict("R7") == .doesNotHold)
    #expect(try Grid(normArea: 0.9).verdict("R8") == .doesNotHold)
    // The reverse of the norm filter is a filter too.
    #expect(try Grid(normArea: 0.1).verdict("R8") == .doesNotHold)
    #expect(try Grid(distanceArea: 0.9).verdict("R9") == .doesNotHold)
    let calibration = try #require(Grid(flagged: 9).rows().last { $0.id == "R9" })
    #expect(calibration.verdict == .doesNotHold && calibration.ours == "0 of 4 fits")
    let repetition = Grid().rows(isDeterministic: false).first { $0.id == "R10" }
    #expect(repetition?.verdict == .doesNotHold)
  }

  @Test func whatCannotBeToldIsSaidSo() throws {
    #expect(try Grid(normGrowth: 1).verdict("R8") == .notTestable)
    #expect(try Grid().verdict("R1") == .notTestable)
    #expect(Grid().rows(isDeterministic: nil).first { $0.id == "R10" }?.verdict == .notTestable)
    #expect(try Grid(retriever: "contriever-msmarco").verdict("R1") == .holds)
    #expect(try Grid(retriever: "models/contriever", long: 96).verdict("R1") == .doesNotHold)
    #expect(try Grid(retriever: "medcpt").verdict("R2") == .holds)
    // The grid has no such set.
    #expect(try Grid(retriever: "medcpt").verdict("R4") == .notTestable)
  }

  @Test func aQuestionCountsOnceHoweverManyPayloadsItMeets() {
    var share = PooledShare()
    #expect(share.shown == "n/a" && share.interval == nil)
    share.add([(90, 100), (70, 100)])
    share.add([(50, 100), (30, 100)])
    #expect(share.rate == 0.6 && share.trials == 400 && share.questions == 200)
    // Wilson for 120 of 200, not for 240 of 400.
    expectClose(share.interval?.lowerBound ?? 0, 0.5308, absolute: 1e-4)
    expectClose(share.interval?.upperBound ?? 0, 0.6653, absolute: 1e-4)
  }
}
