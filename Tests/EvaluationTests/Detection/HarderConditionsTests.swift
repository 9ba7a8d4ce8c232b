import Defenses
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Evaluation

/// What a detector meets outside its own question set: other sets, poisoned anchors, an attacker who
/// moves second.
@Suite struct HarderConditionsTests {
  private typealias Base = DetectionProtocolTests

  private func reached(_ report: DetectionReport, _ kind: String = "near") throws
    -> DetectionReport.Cell
  {
    try #require(
      report.fits[0].cells.first {
        $0.payloadKind == kind && $0.positives == .reached && $0.negatives == .hard
      })
  }

  private func found(_ cell: DetectionReport.Cell) throws -> DetectionReport.TruePositives {
    try #require(cell.truePositives.first { $0.nominal == 0.05 && $0.unit == .pair })
  }

  @Test func fittedOnItselfIsTheOrdinaryExperiment() throws {
    let dataset = try Base.dataset()
    let settings = DetectionProtocol(detectors: [.init("similarity"), .init("combined")])
    #expect(
      try settings.evaluate(dataset, fittedOn: dataset).json == settings.evaluate(dataset).json)
  }

  /// Thresholds come from where the detector was fitted, tests from where it is carried to.
  @Test func aCarriedDetectorKeepsItsThreshold() throws {
    let home = try Base.dataset(seed: 1)
    var abroad = try Base.dataset(questions: 60, sets: ["b"], seed: 2)
    let settings = DetectionProtocol(detectors: [.init("similarity")])
    let carried = try settings.evaluate(abroad, fittedOn: home)
    let own = try settings.evaluate(home)
    #expect(carried.fits[0].querySet == "b")
    #expect(
      carried.fits[0].falsePositives.map(\.threshold.value)
        == own.fits[0].falsePositives.map(\.threshold.value))
    #expect(carried.fits[0].questions.test == 24 && carried.fits[0].questions.fit == 48)
    // Clean passages that lie closer than at home are flagged.
    for number in abroad.questions.indices {
      let clean = abroad.questions[number].clean
      abroad.questions[number].clean = try DetectionList(
        query: clean.query,
        candidates: clean.candidates.map {
          var closer = $0
          closer.similarity += 0.2
          return closer
        })
    }
    let flagged = try settings.evaluate(abroad, fittedOn: home).fits[0].falsePositives
    #expect(flagged.allSatisfy { $0.pairRate.value?.value ?? 1 > 0.9 })
    abroad.retriever.modelHash = "other"
    #expect(throws: DetectorError.self) { try settings.evaluate(abroad, fittedOn: home) }
  }

  @Test func poisonedAnchorsAreThoseOfTheShareAndRaiseTheThreshold() throws {
    let dataset = try Base.dataset()
    let none = try dataset.contaminated(share: 0, seed: 3)
    #expect(none.passages == 0 && none.dataset.poison.isEmpty)
    let settings = DetectionProtocol(detectors: [.init("similarity")])
    #expect(
      try settings.evaluate(dataset, fittedOn: none.dataset).json
        == settings.evaluate(dataset).json)
    var earlier: [String] = []
    for share in [0.1, 0.5, 1] {
      let (poisoned, passages) = try dataset.contaminated(share: share, seed: 3)
      let changed = poisoned.questions.filter { question in
        question.clean.candidates.contains { $0.id.hasPrefix("p-") }
      }
      // Of each drawn question, poison that reached the list: the near kind, about a half.
      #expect(changed.count == passages)
      #expect(abs(Double(passages) - share * 60) <= 20 * share + 4)
      #expect(changed.allSatisfy { $0.clean.candidates.count == 5 })
      #expect(changed.allSatisfy { $0.clean.subjects.count == 5 })
      let ids = changed.map(\.clean.query.id)
      #expect(earlier.allSatisfy(ids.contains), "a larger share holds the smaller one")
      earlier = ids
    }
    let all = try dataset.contaminated(share: 1, seed: 3).dataset
    let before = try found(reached(settings.evaluate(dataset)))
    let after = try found(reached(settings.evaluate(dataset, fittedOn: all)))
    #expect(before.found.value?.rate.value == 1)
    #expect(after.found.value?.rate.value ?? 1 < 0.5)
  }

  /// Three documents a question: one that shouts, one that whispers, one that is not retrieved.
  @Test func anAttackerWhoSeesTheScoresTakesTheLeastThatIsStillRead() throws {
    var dataset = try Base.dataset(cosine: 0.95)
    let quiet = try Base.dataset(cosine: 0.7)
    // The same questions; only the poison differs.
    dataset.poison = dataset.poison.filter { $0.payloadKind == "near" }
    let shouting = dataset
    dataset.poison += quiet.poison.filter { $0.payloadKind == "near" }
    dataset.poison += quiet.poison.filter { $0.payloadKind == "far" }.map {
      var unread = $0
      unread.payloadKind = "near"
      return unread
    }
    var settings = DetectionProtocol(detectors: [.init("similarity")])
    let blind = try found(reached(settings.evaluate(shouting)))
    #expect(blind.found.value?.rate.value == 1)
    settings.attacker = .adaptive
    let cell = try reached(settings.evaluate(dataset))
    let seeing = try found(cell)
    let test = try settings.evaluate(dataset).fits[0].questions.test
    #expect(cell.positiveCount == test, "one document a question, and one that is read")
    let scores = try settings.evaluate(shouting).fits[0].falsePositives
    let threshold = try #require(scores.first { $0.nominal == 0.05 && $0.unit == .pair })
    #expect(threshold.threshold.value ?? 1 < 0.7, "he is caught all the same")
    #expect(seeing.found.value?.rate.value == 1)
    // Of less score: the area under the curve falls.
    let blindArea = try reached(settings.evaluate(shouting)).areaUnderROC.value?.value ?? 0
    #expect(cell.areaUnderROC.value?.value ?? 1 <= blindArea)
    let drawing = try #require(cell.drawing)
    #expect(drawing.range.upperBound < 0.8, "nobody shouts")
    // Without one that is read, the best ranked stands and has not reached.
    dataset.poison = quiet.poison.filter { $0.payloadKind == "far" }
    let unread = try settings.evaluate(dataset).fits[0].cells.first {
      $0.positives == .reached && $0.negatives == .hard
    }
    #expect(unread?.positiveCount == 0)
  }
}
