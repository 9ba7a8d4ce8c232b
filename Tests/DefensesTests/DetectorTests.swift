import Basics
import Glibc
import Models
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Defenses

@Suite struct DetectorTests {
  @Test func unknownNamesHaveHints() {
    #expect(throws: UsageError.self) { try DetectorRegistry.kind(named: "mahalanobi") }
    do {
      _ = try DetectorRegistry.kind(named: "mahalanobi")
    } catch {
      #expect("\(error)".contains("did you mean 'mahalanobis'?"))
    }
  }

  @Test func queryRelativeSimilarityLeavesTheDocumentItselfOut() throws {
    let list = try SyntheticLists.list(
      "q", query: [1, 0], documents: [[0.9, 0], [0.5, 0], [0.4, 0]])
    expectClose(
      try QueryRelativeSimilarityDetector().scores(of: list), [0.45, -0.15, -0.3], absolute: 1e-6)
    let alone = try SyntheticLists.list("q", query: [1, 0], documents: [[0.9, 0]])
    #expect(throws: DetectorError.self) { try QueryRelativeSimilarityDetector().scores(of: alone) }
  }

  @Test(
    arguments: [
      ("What causes scurvy?", "What causes SCURVY? Buy now.", 1.0),
      ("What causes scurvy?", "Lack of vitamin C causes scurvy", 2.0 / 3),
      ("What causes scurvy?", "scurvy what", 1.0 / 3),
      ("What causes scurvy?", "", 0.0),
      ("", "text", 0.0),
      ("a b a b c", "x a b a b a b c", 1.0),
      ("a a a", "a a", 2.0 / 3),
      ("Crohn's é", "crohn S É", 1.0),
      ("naïve 12 mg", "NAÏVE—12·mg", 1.0),
    ] as [(String, String, Double)])
  func verbatimOverlap(query: String, text: String, expected: Double) throws {
    let list = try SyntheticLists.list(
      "q", query: [1], documents: [[1]], texts: [text], queryText: query)
    expectClose(VerbatimOverlapDetector().scores(of: list)[0], expected, absolute: 1e-12)
    expectClose(VerbatimOverlapDetector().score(at: 0, in: list), expected, absolute: 1e-12)
  }

  @Test func verbatimOverlapAgreesWithThePlainTable() throws {
    var generator = TestGenerator(3)
    for _ in 0..<200 {
      func words(_ count: Int) -> [String] {
        (0..<count).map { _ in ["a", "b", "c"][Int(generator.next() % 3)] }
      }
      let query = words(1 + Int(generator.next() % 8))
      let text = words(Int(generator.next() % 20))
      var longest = 0
      for i in query.indices {
        for j in text.indices {
          var length = 0
          while i + length < query.count, j + length < text.count,
            query[i + length] == text[j + length]
          {
            length += 1
          }
          longest = max(longest, length)
        }
      }
      let list = try SyntheticLists.list(
        "q", query: [1], documents: [[1]], texts: [text.joined(separator: " ")],
        queryText: query.joined(separator: " "))
      expectClose(
        VerbatimOverlapDetector().scores(of: list)[0], Double(longest) / Double(query.count),
        absolute: 1e-12)
    }
  }

  @Test func normsAndDistances() throws {
    let list = try SyntheticLists.list("q", query: [1, 1], documents: [[3, 4], [1, 1]])
    expectClose(
      try DocumentNormDetector().scores(of: list), [5, sqrt(2.0)], absolute: 1e-6)
    expectClose(try QueryDistanceDetector().scores(of: list), [sqrt(13.0), 0], absolute: 1e-6)
    expectClose(try SimilarityDetector().scores(of: list), [7, 2], absolute: 1e-6)
  }

  @Test func nearestCleanSkipsTheDocumentItself() throws {
    let anchors = [
      try SyntheticLists.list("a", query: [0, 0], documents: [[0, 0], [3, 4], [6, 8]])
    ]
    let first = try NearestCleanDetector(fittedTo: anchors)
    expectClose(try first.scores(of: anchors).flatMap(\.self), [5, 5, 5], absolute: 1e-5)
    let second = try NearestCleanDetector(fittedTo: anchors, k: 2)
    expectClose(try second.scores(of: anchors).flatMap(\.self), [10, 5, 10], absolute: 1e-5)
    let other = try SyntheticLists.list("b", query: [0, 0], documents: [[0, 0]])
    expectClose(try second.scores(of: other), [5], absolute: 1e-5)
    #expect(throws: DetectorError.self) { try NearestCleanDetector(fittedTo: anchors, k: 3) }
  }

  @Test func mergingKeepsTheListAsLongAsItWas() throws {
    let clean = try SyntheticLists.list(
      "q", query: [1], documents: [[0.9], [0.8], [0.7]])
    func injected(_ similarity: Double) throws -> DetectionCandidate {
      DetectionCandidate(
        id: "p", title: "", text: "", vector: try SyntheticLists.row([1]), similarity: similarity)
    }
    let top = try DetectionList.merging([injected(0.95)], into: clean, k: 3)
    #expect(top.candidates.map(\.id) == ["p", "q-0", "q-1"])
    #expect(top.subjects == [0])
    let below = try DetectionList.merging([injected(0.1)], into: clean, k: 3)
    #expect(below.candidates.map(\.id) == ["q-0", "q-1", "q-2", "p"])
    #expect(below.subjects == [3])
    // On a tie the clean document stands first.
    let tied = try DetectionList.merging(
      [injected(clean.candidates[1].similarity)], into: clean, k: 3)
    #expect(tied.subjects == [2])
  }

  @Test func listsAreChecked() throws {
    let list = try SyntheticLists.list("q", query: [1, 0], documents: [[1, 0]])
    #expect(throws: DetectorError.self) {
      try DetectionList(query: list.query, candidates: list.candidates, subjects: [1])
    }
    var wrong = list.candidates
    wrong[0].similarity = .nan
    #expect(throws: DetectorError.self) {
      try DetectionList(query: list.query, candidates: wrong)
    }
    wrong[0].similarity = 1
    wrong[0].vector = try SyntheticLists.row([1])
    #expect(throws: DetectorError.self) {
      try DetectionList(query: list.query, candidates: wrong)
    }
  }

  @Test(arguments: [
    "feature=", "feature=paired", "shrinkage=fixed:1.5", "shrinkage=fixed", "shrinkage=ridge:-1",
    "shrinkage=fixed:nan", "direction=up", "trim=0.6", "trim=x", "normalize=yes",
  ])
  func badChoicesAreRefused(text: String) throws {
    let anchors = try SyntheticLists.gaussian(10, dimension: 3, seed: 4)
    #expect(throws: UsageError.self) {
      try DetectorRegistry.fitted(
        "mahalanobis", to: anchors, parameters: DetectorParameters(parsing: [text]))
    }
  }

  @Test func choicesAreParsed() throws {
    let parameters = try DetectorParameters(parsing: ["a=1", "b=x=y"])
    #expect(parameters.values == ["a": "1", "b": "x=y"])
    for wrong in [["a"], ["=1"], ["a=1", "a=2"]] {
      #expect(throws: UsageError.self) { try DetectorParameters(parsing: wrong) }
    }
  }

  @Test(arguments: [
    "components=document", "components=document+relative", "components=projection+pair+nearest",
    "rule=maximum", "shrinkage=oas", "trim=0.05", "normalize=true",
  ])
  func combinations(text: String) throws {
    let anchors = try SyntheticLists.gaussian(40, dimension: 5, seed: 5)
    let lists = try SyntheticLists.gaussian(6, dimension: 5, seed: 6)
    let detector = try DetectorRegistry.fitted(
      "combined", to: anchors, parameters: DetectorParameters(parsing: [text]))
    let again = try CombinedDetector(state: detector.state)
    #expect(try again.scores(of: lists) == detector.scores(of: lists))
  }

  @Test(arguments: ["components=", "components=document+document", "components=documents"])
  func badCombinations(text: String) throws {
    let anchors = try SyntheticLists.gaussian(10, dimension: 3, seed: 4)
    #expect(throws: UsageError.self) {
      try DetectorRegistry.fitted(
        "combined", to: anchors, parameters: DetectorParameters(parsing: [text]))
    }
  }

  /// Standardised sums of clean scores that were not fitted lie around 0.
  @Test func combinedScoresAreCentred() throws {
    let detector = try CombinedDetector(
      fittedTo: SyntheticLists.gaussian(200, dimension: 10, seed: 7))
    let scores = try detector.scores(
      of: SyntheticLists.gaussian(400, dimension: 10, seed: 8)
    ).flatMap(\.self)
    expectClose(try Summary(of: scores).mean, 0, absolute: 0.15)
  }

  @Test func tooFewAnchorsSayHowManyAreNeeded() throws {
    let calibration = try DetectionCalibration(scores: (0..<18).map { [Double($0), 0] })
    #expect(
      throws: DetectorError.anchors(
        found: 18, needed: 19,
        what: "clean queries to calibrate a false positive rate of 0.05 with")
    ) { try calibration.conformal(falsePositiveRate: 0.05, per: .query) }
    #expect(try calibration.conformal(falsePositiveRate: 0.05, per: .pair).scores.count == 36)
    #expect(throws: UsageError.self) {
      try calibration.conformal(falsePositiveRate: 0, per: .pair)
    }
    #expect(throws: DetectorError.self) { try DetectionCalibration(scores: [[.nan]]) }
  }
}
