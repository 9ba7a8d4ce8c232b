import Basics
import Glibc
import Retrieval
import TestSupport
import Testing

@testable import Defenses

/// Detectors against scikit-learn and scipy: `Tests/Fixtures/defenses/make_detectors.py`.
@Suite struct DetectorGoldenTests {
  private let golden: JSONObject
  private let anchors: [DetectionList]
  private let candidates: [DetectionList]

  init() throws {
    let bytes = try FileBytes.read(
      Checkout.fixture("defenses/detectors.json"), limit: 1 << 24)
    let golden = try JSONParser.parse(bytes).requiredObject()
    self.golden = golden
    func lists(_ name: String) throws -> [DetectionList] {
      let rows = try golden.array(name).map {
        try #require($0.arrayValue).compactMap(\.doubleValue)
      }
      return try rows.enumerated().map { number, row in
        try SyntheticLists.list(
          "\(name)\(number)", query: row.map { _ in 0 }, documents: [row])
      }
    }
    anchors = try lists("anchors")
    candidates = try lists("candidates")
  }

  private func scores(
    _ name: String, _ parameters: [String: String], of lists: [DetectionList]
  ) throws -> [Double] {
    try DetectorRegistry.fitted(
      name, to: anchors, parameters: DetectorParameters(parameters)
    ).scores(of: lists).flatMap(\.self)
  }

  /// Distances are sums of six squares in Float64 on both sides, so 1e-9 leaves room for another order
  /// of the sums and for the square roots of near-cancelled differences in scikit-learn.
  @Test func localOutlierFactorIsScikitLearns() throws {
    for entry in try golden.objects("localOutlierFactor") {
      let parameters = ["k": "\(try entry.int("k"))"]
      expectClose(
        try scores("local-outlier-factor", parameters, of: candidates),
        try entry.doubles("scores"), absolute: 1e-9, relative: 1e-7, "k \(parameters)")
      // An anchor is not its own neighbour.
      expectClose(
        try scores("local-outlier-factor", parameters, of: anchors),
        try entry.doubles("anchors"), absolute: 1e-9, relative: 1e-7, "anchors, k \(parameters)")
    }
  }

  @Test func principalResidualIsScikitLearns() throws {
    for entry in try golden.objects("principalResidual") {
      let components = try entry.string("components")
      let detector = try PrincipalResidualDetector.fitted(
        to: anchors, parameters: DetectorParameters(["keep": components]))
      expectClose(
        try detector.scores(of: candidates).flatMap(\.self), try entry.doubles("scores"),
        absolute: 1e-9, relative: 1e-9, components)
      #expect(try detector.state.values.int("components") == entry.int("kept"), "\(components)")
      expectClose(
        try detector.state.values.double("explained"), try entry.double("explained"),
        absolute: 1e-12, components)
    }
  }

  @Test(arguments: ["largest", "mean"])
  func coordinatesAreNumpys(statistic: String) throws {
    expectClose(
      try scores("coordinate-z", ["statistic": statistic], of: candidates),
      try golden.object("coordinates").doubles(statistic), absolute: 1e-10, relative: 1e-10)
  }

  @Test func aGivenForestScoresAsScikitLearns() throws {
    let entry = try golden.object("isolationForest")
    var (roots, features, left, right): ([Int], [Int], [Int], [Int]) = ([], [], [], [])
    var thresholds: [Float] = []
    var lengths: [Double] = []
    for tree in try entry.objects("trees") {
      let base = features.count
      roots.append(base)
      let (own, lower, upper) = (
        try tree.ints("features"), try tree.ints("left"), try tree.ints("right")
      )
      var depths = [Int](repeating: 0, count: own.count)
      for node in own.indices where own[node] >= 0 {
        depths[lower[node]] = depths[node] + 1
        depths[upper[node]] = depths[node] + 1
      }
      features += own
      left += lower.map { base + max(0, $0) }
      right += upper.map { base + max(0, $0) }
      // The largest Float32 not above the Float64 threshold parts Float32 values alike.
      thresholds += try tree.doubles("thresholds").map { threshold in
        let narrow = Float(threshold)
        return Double(narrow) > threshold ? narrow.nextDown : narrow
      }
      lengths += try zip(depths, tree.ints("rows")).map {
        Double($0) + IsolationForest.meanPathLength($1)
      }
    }
    let forest = try IsolationForest(
      dimension: 6, normalizer: IsolationForest.meanPathLength(entry.int("samples")), roots: roots,
      features: features, thresholds: thresholds, left: left, right: right, lengths: lengths)
    expectClose(
      candidates.map { $0.candidates[0].vector.withValues { forest.score($0) } },
      try entry.doubles("scores"), absolute: 1e-12)
  }

  /// A forest of ours against the spread of scikit-learn's own forests of the same size.
  @Test func aGrownForestAgreesWithScikitLearn() throws {
    let entry = try golden.object("isolationForest")
    let ours = try scores(
      "isolation-forest", ["trees": "400", "samples": "48", "seed": "7"], of: candidates)
    let expected = try entry.doubles("expected")
    let deviation = try entry.doubles("deviation")
    // Six standard deviations, estimated from six forests each; at least the median's.
    let typical = deviation.sorted()[deviation.count / 2]
    for (index, score) in ours.enumerated() {
      expectClose(
        score, expected[index], absolute: 6 * max(deviation[index], typical), "row \(index)")
    }
    let other = try scores(
      "isolation-forest", ["trees": "400", "samples": "48", "seed": "8"], of: candidates)
    #expect(ours != other, "the seed decides")
  }

  @Test func combinedPValuesAreScipys() throws {
    for entry in try golden.objects("combinations") {
      let p = try entry.doubles("p")
      expectClose(
        exp(PValueCombination.logFisher(p)), try entry.double("fisher"), absolute: 0,
        relative: 1e-11, "fisher \(p)")
      expectClose(
        exp(PValueCombination.logHarmonic(p)), try entry.double("harmonic"), absolute: 0,
        relative: 1e-12, "harmonic \(p)")
      if let cauchy = try entry.optionalDouble("cauchy") {
        expectClose(
          exp(PValueCombination.logCauchy(p)), cauchy, absolute: 0, relative: 1e-10, "cauchy \(p)")
      }
    }
  }

  /// Estimates against exact similarities: within five standard errors of 512 functions.
  @Test func sketchesEstimateJaccard() throws {
    let sketch = MinHash(shingle: 5, permutations: 512)
    for entry in try golden.objects("resemblance") {
      let (a, b) = (try entry.string("a"), try entry.string("b"))
      let exact = try entry.double("jaccard")
      let words = (WordTokens.hashes(of: a), WordTokens.hashes(of: b))
      let sets = (sketch.shingles(of: words.0), sketch.shingles(of: words.1))
      let union = sets.0.union(sets.1).count
      expectClose(
        union == 0 ? 0 : Double(sets.0.intersection(sets.1).count) / Double(union), exact,
        absolute: 1e-12, "'\(a.prefix(30))' and '\(b.prefix(30))'")
      let estimate = sketch.resemblance(sketch.signature(of: a), sketch.signature(of: b))
      expectClose(
        estimate, exact, absolute: 5 * sqrt(exact * (1 - exact) / 512) + 1e-12,
        "'\(a.prefix(30))' and '\(b.prefix(30))'")
    }
  }
}
