import Attacks
import Basics
import Corpus
import Defenses
import Evaluation
import Models
import Retrieval
import Statistics
import SystemPackage
import TestSupport
import Testing

/// A payload beyond the encoder's limit: out of sight by construction, found by looking at all windows.
@Suite struct WindowDetectionTests {
  /// Scores of a question's poison under two payloads, over a tiny model that reads 16 tokens.
  @Test(arguments: ["document-norm", "nearest-clean", "mahalanobis", "pca-residual", "similarity"])
  func firstWindowsCannotTellPayloadsApart(name: String) throws {
    let bench = try AttackBench(queries: 20) { $0.passageMaximumTokens = 16 }
    let index = try bench.index()
    let settings = try bench.settings(sets: ["one"], parameters: ["placement": "beyond-limit"])
    let experiment = AttackExperiment(
      bundle: bench.bundle, index: index, embedder: bench.embedder(), settings: settings)
    let clean = try experiment.clean("one")
    let attacked = try settings.payloadKinds.map { try experiment.poison(clean, kind: $0) }
    func scores(_ windows: WindowChoice) throws -> [[Double]] {
      let dataset = try AttackDetection(
        index: index, clean: clean, embedder: bench.embedder(), seed: 3
      ).dataset(attacked, windows: windows)
      let detector = try DetectorRegistry.fitted(name, to: dataset.questions.map(\.clean))
      return try dataset.payloadKinds.map { kind in
        try dataset.poison.filter { $0.payloadKind == kind }.map {
          try detector.scores(of: [$0.list], windows: windows)[0][0]
        }
      }
    }
    let first = try scores(.first)
    #expect(first[0].count == 20)
    #expect(first[0] == first[1], "the payload is out of sight")
    let all = try scores(.all)
    #expect(zip(all[0], first[0]).allSatisfy { $0 >= $1 })
    if name != "similarity", name != "document-norm" {
      #expect(all[0] != all[1], "the payload is seen")
    }
  }

  /// On the real encoder: the question, then its best clean passage again and again to the limit of 256
  /// tokens, the payload behind it. To the PCA residual of first windows that is about a clean passage.
  @Test func aPayloadBehindCleanPassagesIsFoundByMiniLM() throws {
    guard let directory = installedModel("all-MiniLM-L6-v2") else { return }
    let bundle = try CorpusLibrary(Locations.current()).bundle(named: "medqa")
    let embedder = Embedder(model: try EmbeddingModel(directory: directory), threads: 2)
    let temporary = try TemporaryDirectory()
    let index = try CorpusIndexBuilder(
      bundle: bundle, embedder: embedder, indexes: temporary.file("indexes")
    ).build()
    let settings = AttackSettings(
      querySets: ["exam"], payloadKinds: ["pii"],
      attack: try AttackRegistry.attack(
        named: "concatenation",
        parameters: ["placement": "beyond-limit", "padding": "clean-passage"]),
      ks: [2], modes: [.solo], limit: nil, seed: 1)
    let experiment = AttackExperiment(
      bundle: bundle, index: index, embedder: embedder, settings: settings)
    let clean = try experiment.clean("exam")
    let poisoned = try experiment.poison(clean, kind: "pii")
    let dataset = try AttackDetection(index: index, clean: clean, embedder: embedder, seed: 1)
      .dataset([poisoned])
    func rate(_ windows: WindowChoice) throws -> Double {
      let report = try DetectionProtocol(
        detectors: [DetectorChoice("pca-residual")], windows: windows, easyNegatives: 0, seed: 1
      ).evaluate(dataset)
      let cell = try #require(
        report.fits[0].cells.first { $0.positives == .reached && $0.negatives == .hard })
      #expect(cell.positiveCount > 40)
      let found = try #require(
        cell.truePositives.first { $0.nominal == 0.05 && $0.unit == .pair }?.found.value)
      return Double(found.successes) / Double(found.trials)
    }
    let (first, all) = (try rate(.first), try rate(.all))
    // Measured .125 and .79; the split and the instruction set move them by less than .1.
    #expect(first < 0.3, "first windows: \(first)")
    #expect(all > 0.6, "all windows: \(all)")
  }
}
