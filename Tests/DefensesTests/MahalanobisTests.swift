import Basics
import Glibc
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Defenses

/// The oracles of the specification, section 5.3.
@Suite struct MahalanobisTests {
  private func model(mean: [Double], covariance: SymmetricMatrix) throws -> MahalanobisModel {
    MahalanobisModel(
      feature: FeatureExtractor(kind: .document, isNormalized: false),
      distance: try MahalanobisDistance(mean: mean, covariance: covariance))
  }

  @Test func identityGivesSquaredDistanceAndMeanGivesZero() throws {
    let mean = [0.5, -1, 2]
    let model = try model(mean: mean, covariance: SymmetricMatrix(identity: 3))
    let list = try SyntheticLists.list(
      "q", query: [0, 0, 0], documents: [mean, [1.5, 1, 2], [0.5, -1, -2]])
    expectClose(try model.squaredDistances(of: [list])[0], [0, 5, 16], absolute: 1e-12)
  }

  @Test func fullShrinkageIsScaledDistanceAroundTheMean() throws {
    let anchors = try SyntheticLists.gaussian(40, dimension: 4, seed: 1)
    let detector = try MahalanobisDetector(
      fittedTo: anchors,
      configuration: .init(feature: .document, shrinkage: .fixed(1), direction: .upper))
    let rows = anchors.flatMap { list in
      list.candidates.map { $0.vector.withValues { $0.map(Double.init) } }
    }
    let mean = (0..<4).map { column in rows.reduce(0) { $0 + $1[column] } / Double(rows.count) }
    let squares = rows.map { row in zip(row, mean).reduce(0) { $0 + pow($1.0 - $1.1, 2) } }
    let variance = squares.reduce(0, +) / Double(rows.count - 1) / 4
    expectClose(
      try detector.scores(of: anchors).flatMap(\.self), squares.map { $0 / variance },
      absolute: 1e-9, relative: 1e-9)
    expectClose(detector.conditionNumber ?? 0, 1, absolute: 1e-9)
  }

  @Test(arguments: FeatureKind.allCases, MahalanobisDetector.Direction.allCases)
  func rotationChangesNothing(
    feature: FeatureKind, direction: MahalanobisDetector.Direction
  ) throws {
    let rotation = SyntheticLists.rotation(6, seed: 3)
    let configuration = MahalanobisDetector.Configuration(
      feature: feature, shrinkage: .ledoitWolf, direction: direction)
    let plain = try MahalanobisDetector(
      fittedTo: SyntheticLists.gaussian(60, dimension: 6, seed: 4), configuration: configuration)
    let turned = try MahalanobisDetector(
      fittedTo: SyntheticLists.gaussian(60, dimension: 6, seed: 4, rotation: rotation),
      configuration: configuration)
    #expect(plain.direction == turned.direction)
    // Vectors are Float32: rotating them rounds them.
    expectClose(
      try turned.scores(
        of: SyntheticLists.gaussian(10, dimension: 6, seed: 5, rotation: rotation)
      ).flatMap(\.self),
      try plain.scores(of: SyntheticLists.gaussian(10, dimension: 6, seed: 5)).flatMap(\.self),
      absolute: 2e-4, relative: 2e-4)
  }

  @Test func gaussianScoresFollowChiSquared() throws {
    let dimension = 8
    var elements = [Double](repeating: 0, count: dimension * dimension)
    for index in 0..<dimension {
      elements[index * dimension + index] = 1 / Double((index + 1) * (index + 1))
    }
    let model = try model(
      mean: [Double](repeating: 0, count: dimension),
      covariance: SymmetricMatrix(dimension: dimension, elements: elements))
    let scores = try model.squaredDistances(
      of: SyntheticLists.gaussian(4000, dimension: dimension, seed: 6)
    ).flatMap(\.self)
    let summary = try Summary(of: scores)
    // Mean d, variance 2d; five standard errors of 20,000 scores.
    expectClose(summary.mean, 8, absolute: 5 * sqrt(16.0 / 20_000))
    expectClose(pow(summary.standardDeviation.value ?? 0, 2), 16, absolute: 1.5)
    // The 95 % quantile of chi-squared with 8 degrees of freedom.
    let flagged = Double(scores.count { $0 > 15.507313 }) / 20_000
    expectClose(flagged, 0.05, absolute: 5 * sqrt(0.05 * 0.95 / 20_000))
  }

  @Test func conformalFlagRateIsNominal() throws {
    let detector = try MahalanobisDetector(
      fittedTo: SyntheticLists.gaussian(300, documents: 1, dimension: 5, seed: 7),
      configuration: .init(feature: .document, direction: .upper))
    let calibration = try DetectionCalibration(
      scores: detector.scores(
        of: SyntheticLists.gaussian(1999, documents: 1, dimension: 5, seed: 8)))
    let conformal = try calibration.conformal(falsePositiveRate: 0.05, per: .query)
    #expect(conformal.rank == 1900)
    let scores = try detector.scores(
      of: SyntheticLists.gaussian(4000, documents: 1, dimension: 5, seed: 9)
    ).flatMap(\.self)
    let flags = scores.count { $0 > conformal.threshold }
    #expect(try conformal.flags(among: 4000).centralInterval(level: 0.9999).contains(flags))
  }

  @Test func shrinkageMovesMonotonicallyTowardsTheScaledDistance() throws {
    let anchors = try SyntheticLists.gaussian(60, dimension: 6, seed: 10)
    let conditions = try [0.01, 0.1, 0.5, 0.9, 1].map { beta in
      try #require(
        try MahalanobisDetector(
          fittedTo: anchors, configuration: .init(feature: .pair, shrinkage: .fixed(beta))
        ).conditionNumber)
    }
    #expect(zip(conditions, conditions.dropFirst()).allSatisfy { $0 > $1 })
    expectClose(conditions[4], 1, absolute: 1e-9)
  }

  /// A document that is nearer to its query than clean ones is missed by the upper tail of the pair
  /// feature and found by the other directions.
  @Test func directionsOfThePairFeature() throws {
    func lists(_ count: Int, _ seed: UInt64, distance: Double) throws -> [DetectionList] {
      var generator = TestGenerator(seed)
      return try (0..<count).map { number in
        let query = (0..<8).map { _ in generator.normal() }
        let documents = (0..<3).map { _ in query.map { $0 + distance * generator.normal() } }
        return try SyntheticLists.list("q\(number)", query: query, documents: documents)
      }
    }
    let anchors = try lists(200, 11, distance: 1)
    let clean = try lists(100, 12, distance: 1)
    let poison = try lists(100, 13, distance: 0.05)
    func area(_ direction: MahalanobisDetector.Direction) throws -> Double {
      let detector = try MahalanobisDetector(
        fittedTo: anchors, configuration: .init(feature: .pair, direction: direction))
      return try #require(
        try BinaryScores(
          negatives: detector.scores(of: clean).flatMap(\.self),
          positives: detector.scores(of: poison).flatMap(\.self)
        ).areaUnderROC.value)
    }
    #expect(try area(.upper) < 0.01)
    #expect(try area(.lower) > 0.99)
    #expect(try area(.twoSided) > 0.95)
    #expect(try area(.automatic) > 0.95)
    let automatic = try MahalanobisDetector(fittedTo: anchors)
    #expect(automatic.direction == .lower)
  }

  /// The matched filter against its formula.
  @Test func projectionIsTheMatchedFilter() throws {
    let model = try model(
      mean: [1, 0], covariance: SymmetricMatrix(dimension: 2, elements: [4, 0, 0, 1]))
    let list = try SyntheticLists.list(
      "q", query: [3, 1], documents: [[5, 2], [1, 0], [-1, -1]])
    // W(x−μ) = (2, 2), 0, (−1, −1); W(t−μ) = (1, 1).
    expectClose(
      try model.projections(of: [list])[0], [4 / sqrt(2.0), 0, -sqrt(2.0)], absolute: 1e-12)
  }

  @Test func trimmingDropsPoisonedAnchors() throws {
    var anchors = try SyntheticLists.gaussian(100, documents: 2, dimension: 4, seed: 14)
    for number in 0..<8 {
      anchors[number] = try SyntheticLists.list(
        "bad\(number)", query: [0, 0, 0, 0], documents: [[0, 0, 0, 30]])
    }
    let plain = try MahalanobisDetector(
      fittedTo: anchors, configuration: .init(feature: .document, direction: .upper))
    let trimmed = try MahalanobisDetector(
      fittedTo: anchors, configuration: .init(feature: .document, direction: .upper, trim: 0.05))
    let poison = try SyntheticLists.list("p", query: [0, 0, 0, 0], documents: [[0, 0, 0, 30]])
    #expect(try trimmed.scores(of: poison)[0] > 100 * plain.scores(of: poison)[0])
    #expect(trimmed.anchorCount == 192 - 9)
  }

  @Test func badAnchorsAreRefused() throws {
    #expect(throws: DetectorError.self) { try MahalanobisDetector(fittedTo: []) }
    let one = try SyntheticLists.gaussian(1, dimension: 3, seed: 15)
    #expect(throws: DetectorError.self) { try MahalanobisDetector(fittedTo: one) }
    let mixed =
      try SyntheticLists.gaussian(5, dimension: 3, seed: 16)
      + SyntheticLists.gaussian(
        5, dimension: 4, seed: 17)
    #expect(throws: DetectorError.self) { try MahalanobisDetector(fittedTo: mixed) }
    // The same vector everywhere has no covariance.
    let constant = try (0..<10).map {
      try SyntheticLists.list("q\($0)", query: [0, 0], documents: [[1, 1], [1, 1]])
    }
    #expect(throws: DetectorError.self) { try MahalanobisDetector(fittedTo: constant) }
    let detector = try MahalanobisDetector(
      fittedTo: SyntheticLists.gaussian(20, dimension: 3, seed: 18))
    #expect(throws: DetectorError.self) {
      try detector.scores(of: SyntheticLists.gaussian(1, dimension: 4, seed: 19))
    }
    #expect(
      throws: DetectorError.vector(record: "bad-0", fault: "its vector is not finite")
    ) {
      try detector.scores(
        of: SyntheticLists.list("bad", query: [0, 0, 0], documents: [[0, 0, 0]]).with(.nan))
    }
  }
}

extension DetectionList {
  /// The same list with a value in every document vector replaced.
  fileprivate func with(_ value: Float) throws -> DetectionList {
    try DetectionList(
      query: query,
      candidates: candidates.map { candidate in
        var changed = candidate
        var values = candidate.vector.withValues { Array($0) }
        values[0] = value
        changed.vector = EmbeddingRow(try VectorMatrix(vector: values), row: 0)
        return changed
      })
  }
}
