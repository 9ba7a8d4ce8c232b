// Speed of the detectors on made-up vectors, as JSON on standard output.
//
//     detector-benchmark [ROUNDS]
//
// The sizes are those of the goals: a Mahalanobis fit of 10,000 documents in 768 dimensions, and a scan
// of 24,384 documents (the open textbooks) in 384. OpenBLAS runs on one thread, as in the program.

import Basics
import Defenses
import Foundation
import Retrieval
import Statistics
import Tensors

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  return (ContinuousClock.now - start).inSeconds
}

/// Lists of ten documents about a query of length 1, all of length 1.
func lists(_ documents: Int, dimension: Int, seed: UInt64) throws -> [DetectionList] {
  var generator = Philox(seed: seed)
  func unit() -> [Float] {
    // Differences of uniform numbers: a bell shape is not needed, a spread of directions is.
    let values = (0..<dimension).map { column in
      Float.random(in: -1...1, using: &generator) / Float(1 + column % 17)
    }
    let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return values.map { $0 / norm }
  }
  let count = (documents + 9) / 10
  let queries = try VectorMatrix(
    (0..<count).flatMap { _ in unit() }, rows: count, dimension: dimension)
  let passages = try VectorMatrix(
    (0..<documents).flatMap { _ in unit() }, rows: documents, dimension: dimension)
  return try (0..<count).map { number in
    let rows = number * 10..<min(documents, number * 10 + 10)
    return try DetectionList(
      query: DetectionQuery(
        id: "q\(number)", text: "question \(number)", vector: EmbeddingRow(queries, row: number)),
      candidates: rows.map { row in
        DetectionCandidate(
          id: "d\(seed)-\(row)", title: "", text: "passage \(row)",
          vector: EmbeddingRow(passages, row: row), similarity: 0.9 - 0.001 * Double(row % 10))
      })
  }
}

LinearAlgebraLibrary.useOneThread()
let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 3
let large = try lists(10_000, dimension: 768, seed: 1)
let anchors = try lists(2_000, dimension: 384, seed: 2)
let corpus = try lists(24_384, dimension: 384, seed: 3)

func median(_ body: () throws -> Void) rethrows -> JSONValue {
  let times = try (0..<max(1, rounds)).map { _ in try seconds(body) }.sorted()
  return .number(times[times.count / 2])
}

var fits = JSONObject()
for text in [
  "mahalanobis/direction=upper", "mahalanobis/feature=document/direction=upper",
  "mahalanobis/direction=two-sided", "mahalanobis", "combined", "pca-residual",
] {
  let choice = try DetectorChoice(parsing: text)
  fits[text] = try median {
    _ = try DetectorRegistry.fitted(choice.detector, to: large, parameters: choice.parameters)
  }
}
var scans = JSONObject()
for text in DetectorRegistry.names + ["mahalanobis/feature=document/direction=upper"] {
  let choice = try DetectorChoice(parsing: text)
  let detector = try DetectorRegistry.fitted(
    choice.detector, to: anchors, parameters: choice.parameters)
  scans[text] = try median { _ = try detector.scores(of: corpus) }
}
let result: JSONObject = [
  "openblas": .string(LinearAlgebraLibrary.configuration), "rounds": JSONValue(rounds),
  "fitSeconds10000x768": .object(fits), "scanSeconds24384x384": .object(scans),
]
print(try JSONValue.object(result).serialized(pretty: true))
