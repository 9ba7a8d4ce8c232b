import Basics
import Defenses
import Glibc
import Models
import Retrieval
import Statistics
import Tensors
import TestSupport
import Testing

@testable import Evaluation

@Suite struct DetectionProtocolTests {
  static let retriever = RetrieverIdentity(
    model: "tiny", modelHash: "abc", dimension: 6, similarity: "cosine", titleSeparator: " ",
    instructionSet: "avx2")

  /// Unit vectors: documents at a cosine of about 0.5 from their query, poison at about `cosine`.
  static func dataset(
    questions: Int = 120, sets: [String] = ["a"], cosine: Double = 0.95, seed: UInt64 = 1
  ) throws -> DetectionDataset {
    var generator = SeededGenerator(seed: seed)
    func unit(_ x: [Double]) -> [Double] {
      let norm = sqrt(x.reduce(0) { $0 + $1 * $1 })
      return x.map { $0 / norm }
    }
    func random() -> [Double] {
      unit((0..<6).map { _ in Double.random(in: -1...1, using: &generator) })
    }
    func near(_ query: [Double], _ cosine: Double) -> [Double] {
      let other = random()
      let along = zip(query, other).reduce(0) { $0 + $1.0 * $1.1 }
      let across = unit(zip(query, other).map { $1 - along * $0 })
      return zip(query, across).map { cosine * $0 + sqrt(1 - cosine * cosine) * $1 }
    }
    func candidate(
      _ id: String, _ vector: [Double], _ query: [Double], text: String = "passage"
    ) throws -> DetectionCandidate {
      DetectionCandidate(
        id: id, title: "", text: text,
        vector: EmbeddingRow(try VectorMatrix(vector: vector.map { Float($0) }), row: 0),
        similarity: zip(query, vector).reduce(0) { $0 + $1.0 * $1.1 })
    }
    var all: [DetectionDataset.Question] = []
    var poison: [DetectionDataset.Poison] = []
    for set in sets {
      for number in 0..<questions {
        let query = random()
        let text = "\(set)\(number) asks \(number * 7 % 101) why \(number * 13 % 97)"
        let documents = try (0..<5).map { rank in
          try candidate(
            "\(set)\(number)-\(rank)",
            near(
              query, 0.6 - 0.03 * Double(rank) + Double.random(in: -0.01...0.01, using: &generator)),
            query)
        }
        let clean = try DetectionList(
          query: DetectionQuery(
            id: "\(set)\(number)", text: text,
            vector: EmbeddingRow(try VectorMatrix(vector: query.map { Float($0) }), row: 0)),
          candidates: documents.sorted { $0.similarity > $1.similarity })
        for (kind, cosine) in [("near", cosine), ("far", 0.2)] {
          poison.append(
            try DetectionDataset.Poison(
              solo: try candidate(
                "p-\(set)\(number)-\(kind)", near(query, cosine), query, text: text + " payload"),
              question: all.count, payloadKind: kind, clean: clean))
        }
        all.append(DetectionDataset.Question(querySet: set, clean: clean))
      }
    }
    let pool = try (0..<50).map { try candidate("r\($0)", random(), random()) }
    return try DetectionDataset(
      retriever: retriever, similarity: .cosine, questions: all, poison: poison,
      randomPassages: pool)
  }

  /// Two thirds to learn from and one third to calibrate with, as `detect fit` asks for.
  @Test(arguments: [3, 40, 120]) func aSplitMayLeaveNothingToTestOn(count: Int) {
    var generator = Philox(seed: 1, stream: 1)
    let split = QuestionSplit(
      of: (0..<count).map { "question \($0) of \($0 * 7919)" },
      shares: .init(fit: 2.0 / 3, calibrate: 1 - 2.0 / 3), using: &generator)
    #expect((split.fit + split.calibrate + split.test).sorted() == Array(0..<count))
    #expect(split.test.count <= 1 && abs(split.fit.count - 2 * count / 3) <= 1)
  }

  @Test func soloPoisonKnowsItsRank() throws {
    let dataset = try Self.dataset(questions: 3)
    #expect(dataset.poison.map(\.rank) == [1, 6, 1, 6, 1, 6])
    #expect(dataset.poison[0].list.candidates.count == 5)
    #expect(dataset.poison[1].list.candidates.count == 6)
  }

  @Test func easyPoisonIsFoundAndUnreachedPoisonIsLeftOut() throws {
    let dataset = try Self.dataset()
    let report = try DetectionProtocol(
      detectors: [.init("similarity"), .init("verbatim-overlap"), .init("combined")]
    ).evaluate(dataset)
    #expect(report.fits.map(\.detector) == ["similarity", "verbatim-overlap", "combined"])
    for fit in report.fits where fit.detector != "verbatim-overlap" {
      let cell = try #require(
        fit.cells.first {
          $0.payloadKind == "near" && $0.positives == .reached && $0.negatives == .hard
        })
      #expect(cell.positiveCount == fit.questions.test)
      #expect(cell.negativeCount == 5 * fit.questions.test)
      expectClose(cell.areaUnderROC.value?.value ?? 0, 1, absolute: 0.001, fit.detector)
      expectClose(cell.averagePrecision.value?.value ?? 0, 1, absolute: 0.01, fit.detector)
      let found = try #require(
        cell.truePositives.first { $0.nominal == 0.05 && $0.unit == .pair })
      expectClose(found.found.value?.rate.value ?? 0, 1, absolute: 0.001)
      #expect(found.interval.value?.upper == 1)
    }
    let unreached = try #require(
      report.fits[0].cells.first { $0.payloadKind == "far" && $0.positives == .reached })
    #expect(unreached.positiveCount == 0)
    #expect(unreached.areaUnderROC.value == nil)
    #expect(unreached.truePositives.allSatisfy { $0.found.value == nil })
    let all = try #require(
      report.fits[0].cells.first {
        $0.payloadKind == "far" && $0.positives == .all && $0.negatives == .hard
      })
    expectClose(all.areaUnderROC.value?.value ?? 1, 0, absolute: 0.001)
  }

  @Test func cleanRatesAreNearNominal() throws {
    let dataset = try Self.dataset(questions: 600)
    let report = try DetectionProtocol(detectors: [.init("query-distance")]).evaluate(dataset)
    for entry in report.fits[0].falsePositives where entry.nominal == 0.05 {
      switch entry.unit {
      case .pair:
        let rate = try #require(entry.pairRate.value)
        #expect(rate.interval.lower <= rate.value && rate.value <= rate.interval.upper)
        expectClose(rate.value, 0.05, absolute: 0.03)
      case .query:
        #expect(try #require(entry.expectedQueries).contains(entry.queries.successes))
        #expect(entry.queries.trials == report.fits[0].questions.test)
      }
    }
  }

  @Test func thresholdsThatCannotBeAreNotApplicable() throws {
    let dataset = try Self.dataset(questions: 60)
    let report = try DetectionProtocol(detectors: [.init("similarity")]).evaluate(dataset)
    // 12 calibration queries allow no rate of 1 % a query.
    let entry = try #require(
      report.fits[0].falsePositives.first { $0.nominal == 0.01 && $0.unit == .query })
    #expect(entry.threshold.reason?.contains("needed at least 99") == true)
    let json = try report.json.serialized()
    #expect(json.contains("notApplicable"))
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let settings = DetectionProtocol(detectors: [.init("combined")], seed: 3)
    let first = try settings.evaluate(Self.dataset()).json.serialized()
    #expect(try settings.evaluate(Self.dataset()).json.serialized() == first)
    var other = settings
    other.seed = 4
    #expect(try other.evaluate(Self.dataset()).json.serialized() != first)
  }

  @Test func setsAreFittedApartOrTogether() throws {
    let dataset = try Self.dataset(questions: 60, sets: ["a", "b"])
    let detector = [DetectionProtocol.Choice("mahalanobis")]
    let apart = try DetectionProtocol(detectors: detector).evaluate(dataset)
    let together = try DetectionProtocol(detectors: detector, grouping: .global)
      .evaluate(dataset)
    #expect(apart.fits.map(\.querySet) == ["a", "b"])
    func anchors(_ report: DetectionReport) -> [String] {
      report.fits.map { fit in fit.summary.first { $0.name == "anchors" }?.value ?? "" }
    }
    #expect(anchors(apart) == ["120 documents, 0 trimmed", "120 documents, 0 trimmed"])
    #expect(anchors(together) == ["240 documents, 0 trimmed", "240 documents, 0 trimmed"])
    #expect(apart.table().rowCount == 4)
  }

  @Test func weightedAreasAgreeWithStatistics() throws {
    var generator = SeededGenerator(seed: 9)
    let negatives = (0..<40).map { _ in
      (0..<3).map { _ in Double(Int.random(in: 0..<20, using: &generator)) }
    }
    let positives = (0..<40).map { _ in [Double(Int.random(in: 5..<25, using: &generator))] }
    let scores = try ClusteredScores(negatives: negatives, positives: positives)
    var first = SeededGenerator(seed: 1)
    let areas = try scores.areas(over: Resamples(1000, of: 40, using: &first))
    let area = try #require(areas.underROC.value)
    expectClose(area.value, scores.scores.areaUnderROC.value ?? -1, absolute: 1e-12)
    let precision = try #require(areas.averagePrecision.value)
    expectClose(precision.value, scores.scores.averagePrecision.value ?? -1, absolute: 1e-12)
    // The resamples are those of the plain statistic on drawn clusters.
    var third = SeededGenerator(seed: 1)
    let plain = try #require(
      try Bootstrap.clustered(
        Array(zip(negatives, positives)), resamples: 1000, using: &third
      ) { drawn in
        try BinaryScores(
          negatives: drawn.flatMap(\.0), positives: drawn.flatMap(\.1)
        ).areaUnderROC.value
      }.value)
    expectClose(area.interval.lower, plain.interval.lower, absolute: 1e-12)
    expectClose(area.interval.upper, plain.interval.upper, absolute: 1e-12)
  }
}
