import Basics
import SystemPackage
import TestSupport

@testable import Reports

/// A finished sweep with made-up figures and names of one's choice.
struct RunFixture {
  var title = "A grid"
  var corpora = ["textbooks", "abstracts", "medquad"]
  var retrievers = ["all-MiniLM-L6-v2", "paraphrase-MiniLM-L3-v2", "wordllama"]
  var sets = ["mmlu", "medqa", "pubmedqa"]
  var payloads = ["pii", "diag", "msmarco", "nq", "hotpotqa"]
  var detectors: [(name: String, choices: JSONObject)] = [
    ("combined", [:]),
    ("mahalanobis", ["direction": "two-sided", "feature": "pair", "shrinkage": "fixed:0.1"]),
    ("verbatim-overlap", [:]),
  ]
  /// One attack for each number of payload tokens; none gives one attack.
  var lengths: [Int] = []
  var question = "Which drug is first line in an acute attack of gout?"
  var text = "Which drug is first line in an acute attack of gout?\nNo drug at all."
  /// For each payload the difference to each simple detector, with its p-value.
  var comparisons: [[(difference: Double, pValue: Double?)]] = []
  /// Added to every rate.
  var shift = 0.0

  private var attacks: [String] {
    lengths.isEmpty ? ["concatenation"] : lengths.map { "tokens-\($0)" }
  }

  private func share(_ rate: Double, of trials: Int) -> JSONValue {
    let successes = Int((Double(trials) * min(1, max(0, rate + shift))).rounded())
    let rate = Double(successes) / Double(trials)
    return [
      "successes": JSONValue(successes), "trials": JSONValue(trials), "rate": .number(rate),
      "wilson95": [.number(max(0, rate - 0.05)), .number(min(1, rate + 0.05))],
    ]
  }

  private static func summary(_ middle: Double, _ width: Double) -> JSONValue {
    [
      "q05": .number(middle - width), "median": .number(middle), "q95": .number(middle + width),
      "mean": .number(middle),
    ]
  }

  private func cell(_ place: JSONObject, _ payload: String, _ rate: Double) -> JSONValue {
    var object = place
    object["payload"] = .string(payload)
    object["questions"] = 100
    object["documents"] = 100
    object["similarity"] = "cosine"
    object["success"] = .array(
      [2, 5].map { k in
        [
          "mode": "solo", "k": JSONValue(k), "own": share(rate, of: 100),
          "any": share(rate, of: 100),
        ]
      })
    object["geometry"] = [
      "cosine": Self.summary(0.3 + rate / 2, 0.1), "cleanGap": Self.summary(0.3, 0.1),
      "angle": Self.summary(118, 6), "premise": Self.summary(88, 5),
    ]
    object["examples"] = [
      [
        "question": .string(question), "id": "x", "title": "", "text": .string(text),
        "characters": JSONValue(text.unicodeScalars.count), "rank": 1,
      ]
    ]
    return .object(object)
  }

  private func fit(_ set: String, _ number: Int) -> JSONValue {
    let (name, choices) = detectors[number]
    let rate = 0.9 - 0.2 * Double(number)
    let curve = DrawingRates.all.map { x -> JSONValue in
      [.number(x), .number(min(1, x + rate * (1 - x)))]
    }
    let bins = (0..<24).map { $0 }
    return [
      "querySet": .string(set), "detector": .string(name), "parameters": .object(choices),
      "falsePositives": [
        [
          "nominal": 0.05, "unit": "pair",
          "pairRate": ["value": 0.04, "interval": [0.02, 0.07]],
        ]
      ],
      "cells": .array(
        payloads.enumerated().map { position, payload in
          var cell: JSONObject = [
            "payload": .string(payload), "positives": "reached", "negatives": "hard",
            "positiveCount": 40, "negativeCount": 400,
            "auroc": ["value": .number(rate), "interval": [.number(rate - 0.05), .number(rate)]],
            "auprc": ["notApplicable": "none"],
            "truePositives": [
              [
                "nominal": 0.05, "unit": "pair", "found": JSONValue(Int(40 * rate)),
                "rate": .number(rate), "interval": [.number(rate - 0.1), .number(rate)],
                "evading": share(1 - rate, of: 40),
              ]
            ],
            "drawing": [
              "roc": .array(curve), "scores": [-3, 9],
              "clean": .array(bins.map { JSONValue(max(0, 12 - $0)) }),
              "poison": .array(bins.map { JSONValue(max(0, $0 - 9)) }),
            ],
          ]
          if comparisons.indices.contains(position) {
            cell["comparisons"] = .array(
              zip(["similarity", "verbatim-overlap"], comparisons[position]).map(Self.comparison))
          }
          return .object(cell)
        }),
    ]
  }

  private static func comparison(
    _ name: String, _ value: (difference: Double, pValue: Double?)
  ) -> JSONValue {
    [
      "with": .string(name),
      "auroc": [
        "difference": .number(value.difference),
        "interval": [.number(value.difference - 0.1), .number(value.difference + 0.1)],
        "p": value.pValue.map { .number($0) } ?? ["notApplicable": "none"],
      ],
    ]
  }

  private enum DrawingRates { static let all = [0, 0.001, 0.01, 0.05, 0.1, 0.3, 0.6, 1] }

  /// Writes the run directory.
  @discardableResult
  func write(_ directory: TemporaryDirectory, _ name: String = "run") throws -> FilePath {
    var cells: [JSONValue] = []
    var detection: [JSONValue] = []
    for (c, corpus) in corpora.enumerated() {
      for (r, retriever) in retrievers.enumerated() {
        for (s, set) in sets.enumerated() {
          for (a, attack) in attacks.enumerated() {
            let place: JSONObject = [
              "corpus": .string(corpus), "retriever": .string(retriever), "set": .string(set),
              "attack": .string(attack), "seed": 1,
            ]
            for (p, payload) in payloads.enumerated() {
              let rate = Double((c * 7 + r * 5 + s * 3 + p * 2 + 9 - a * 4) % 20) / 20
              cells.append(cell(place, payload, rate))
            }
            var unit = place
            unit["fits"] = .array(detectors.indices.map { fit(set, $0) })
            detection.append(.object(unit))
          }
        }
      }
    }
    var plan: JSONObject = [
      "title": .string(title), "k": [2, 5], "payloads": .array(payloads.map { .string($0) }),
    ]
    plan["attacks"] = .array(
      lengths.map { tokens in
        [
          "name": .string("tokens-\(tokens)"),
          "parameters": ["payload_tokens": JSONValue(tokens)],
        ]
      })
    let described: JSONValue = [
      "command": "sweep", "plan": .object(plan), "version": "0", "instructionSet": "portable",
    ]
    let results: JSONValue = [
      "plan": .object(plan),
      "corpora": .array(
        corpora.map {
          ["name": .string($0), "origin": "installed", "passages": 3000, "checksum": "00ff"]
        }), "cells": .array(cells), "detection": .array(detection),
    ]
    try directory.write(name + "/run.json", text: try described.serialized(pretty: true))
    try directory.write(name + "/timings.json", text: #"{"seconds":3}"#)
    try directory.write(name + "/results.json", text: try results.serialized())
    return directory.file(name)
  }

  /// Writes the run directory and reads it.
  func data(_ directory: TemporaryDirectory, _ name: String = "run") throws -> ReportData {
    try ReportData(RunRecord(write(directory, name)))
  }
}
