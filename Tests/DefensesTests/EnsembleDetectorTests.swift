import Basics
import Glibc
import Statistics
import TestSupport
import Testing

@testable import Defenses

@Suite struct EnsembleDetectorTests {
  /// Rules on two components that learn nothing, recomputed from the definition of the p-value.
  @Test(arguments: EnsembleDetector.Rule.allCases)
  func rulesFollowTheirDefinitions(rule: EnsembleDetector.Rule) throws {
    let anchors = try SyntheticLists.gaussian(20, dimension: 4, seed: 1)
    let lists = try SyntheticLists.gaussian(10, dimension: 4, seed: 2)
    let detector = try EnsembleDetector(
      fittedTo: anchors,
      components: [DetectorChoice("similarity"), DetectorChoice("document-norm")], rule: rule)
    let components: [any Detector] = [SimilarityDetector(), DocumentNormDetector()]
    let pValues = try components.map { component in
      let clean = try component.scores(of: anchors).flatMap(\.self)
      let upper = clean.sorted().suffix(clean.count - clean.count * 9 / 10)
      let excess = upper.map { $0 - (upper.min() ?? 0) }.reduce(0, +) / Double(upper.count)
      let largest = clean.max() ?? 0
      return try component.scores(of: lists).flatMap(\.self).map { score in
        Double(1 + clean.count { $0 >= score }) / Double(1 + clean.count)
          * exp(-max(0, score - largest) / excess)
      }
    }
    let expected = zip(pValues[0], pValues[1]).map { a, b in
      switch rule {
      case .rank: return 1 - (a + b) / 2
      case .fisher: return -log10(a * b * (1 - log(a * b)))
      case .harmonic: return -log10(2 / (1 / a + 1 / b))
      case .cauchy:
        let cap = 1 - 0.5 / 101
        let mean = (tan((0.5 - min(a, cap)) * .pi) + tan((0.5 - min(b, cap)) * .pi)) / 2
        return -log10(0.5 - atan(mean) / .pi)
      }
    }
    expectClose(
      try detector.scores(of: lists).flatMap(\.self), expected, absolute: 1e-9, relative: 1e-9)
  }

  /// Beyond all clean scores the order of a component's scores is kept: the smallest conformal
  /// p-value is no ceiling for what a high threshold can tell apart.
  @Test(arguments: [EnsembleDetector.Rule.fisher, .harmonic, .cauchy])
  func strongEvidenceIsToldFromStronger(rule: EnsembleDetector.Rule) throws {
    let detector = try EnsembleDetector(
      fittedTo: SyntheticLists.gaussian(20, dimension: 4, seed: 1),
      components: [DetectorChoice("document-norm"), DetectorChoice("query-distance")], rule: rule)
    let far = try [10.0, 20, 40, 1e6, 1e30].map { length in
      try detector.scores(
        of: SyntheticLists.list("q", query: [0, 0, 0, 0], documents: [[0, 0, 0, length]]))[0]
    }
    #expect(far.allSatisfy { $0.isFinite })
    #expect(far[0] < far[1] && far[1] < far[2] && far[2] < far[3] && far[3] <= far[4])
  }

  /// Components that learn are judged on documents that they have not seen: under H₀ the p-values are
  /// uniform, so that a component's flag rate at 5 % is about 5 %.
  @Test func pValuesOfLearntComponentsAreCrossFitted() throws {
    // Few anchors for the dimension: a model's own anchors score far lower than new documents.
    let detector = try EnsembleDetector(
      fittedTo: SyntheticLists.gaussian(40, documents: 2, dimension: 20, seed: 3),
      components: [DetectorChoice(parsing: "mahalanobis/feature=document/direction=upper")],
      rule: .rank)
    let scores = try detector.scores(
      of: SyntheticLists.gaussian(1000, documents: 2, dimension: 20, seed: 4)
    ).flatMap(\.self)
    let rate = Double(scores.count { $0 >= 0.9 }) / Double(scores.count)
    // 80 calibration scores: standard deviation .033 of the true rate.
    #expect(rate > 0.02 && rate < 0.22, "\(rate)")
  }

  /// Evidence of one component is kept by the rules that follow the smallest p-value and diluted by
  /// the others.
  @Test func dilution() throws {
    let strong = [0.001, 0.5, 0.5, 0.5, 0.5, 0.5]
    #expect(exp(PValueCombination.logCauchy(strong)) < 0.01)
    #expect(exp(PValueCombination.logHarmonic(strong)) < 0.01)
    #expect(exp(PValueCombination.logFisher(strong)) > 0.04)
  }

  @Test(arguments: [
    "components=", "components=similarity,similarity", "components=ensemble",
    "components=ensemble/rule=rank", "components=similarities", "components=similarity/k=1",
    "components=nearest-clean/k=0", "components=nearest-clean/k", "rule=sum", "rule=",
    "components=similarity,", "components=similarity similarity",
  ])
  func badChoices(text: String) throws {
    let parameters = try DetectorParameters(parsing: [text])
    #expect(throws: UsageError.self) { try EnsembleDetector.check(parameters) }
  }

  @Test func oneKindMayServeTwice() throws {
    let text = "mahalanobis/feature=pair/shrinkage=fixed:0.1,mahalanobis/feature=document"
    let detector = try EnsembleDetector.fitted(
      to: SyntheticLists.gaussian(20, dimension: 4, seed: 1),
      parameters: DetectorParameters(["components": text, "rule": "harmonic"]))
    #expect(detector.components.map(\.text).joined(separator: ",") == text)
    #expect(try EnsembleDetector(state: detector.state).components == detector.components)
  }

  @Test func choicesReadAsOneWord() throws {
    let choice = try DetectorChoice(parsing: "mahalanobis/trim=0.1/feature=document")
    #expect(choice.detector == "mahalanobis")
    #expect(choice.parameters.values == ["trim": "0.1", "feature": "document"])
    #expect(choice.text == "mahalanobis/feature=document/trim=0.1")
    for wrong in ["", "/", "mahalanobis/", "mahalanobis/trim", "mahalanobis/trim=0.1/trim=0.2"] {
      #expect(throws: UsageError.self, "\(wrong)") { try DetectorChoice(parsing: wrong) }
    }
  }
}
