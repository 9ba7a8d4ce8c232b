import Basics
public import Corpus
public import Defenses
import Models
public import Retrieval
import Tensors

/// Fits and calibrates a detector on a corpus that is believed to be clean, for use elsewhere.
public struct DetectorFitting {
  private let bundle: CorpusBundle
  private let index: CorpusIndex
  private let embedder: Embedder
  private let seed: UInt64

  /// The share of the questions that is learnt from; the others calibrate.
  private static let fitShare = 2.0 / 3

  /// Prepares the fit.
  ///
  /// - Parameters:
  ///   - bundle: the corpus.
  ///   - index: the same corpus, embedded.
  ///   - embedder: the retriever.
  ///   - seed: decides the split.
  public init(bundle: CorpusBundle, index: CorpusIndex, embedder: Embedder, seed: UInt64) {
    self.bundle = bundle
    self.index = index
    self.embedder = embedder
    self.seed = seed
  }

  /// Learns from one part of the questions' clean lists and calibrates with the other.
  ///
  /// - Parameters:
  ///   - choice: the detector with its choices.
  ///   - sets: query sets of the corpus.
  ///   - windows: which parts of documents it will judge.
  /// - Returns: the detector, ready to be written.
  /// - Throws: `UsageError` for an unknown set; `DetectorError` if there are too few questions.
  public func fit(
    _ choice: DetectorChoice, on sets: [String], windows: WindowChoice = .all
  ) throws -> CalibratedDetector {
    var anchors: [DetectionList] = []
    var calibrating: [DetectionList] = []
    for set in sets {
      let clean = try CleanRetrieval(
        set: set, queries: bundle.queries(set), index: index, embedder: embedder,
        depth: AttackExperiment.listLength)
      let lists = try AttackDetection(index: index, clean: clean, embedder: embedder, seed: seed)
        .dataset([], windows: windows).questions.map(\.clean)
      var generator = Philox(seed: seed, stream: 1)
      let split = QuestionSplit(
        of: lists.map(\.query.text),
        shares: .init(fit: Self.fitShare, calibrate: 1 - Self.fitShare), using: &generator)
      anchors += split.fit.map { lists[$0] }
      // Rounding may leave questions over; nothing is tested here, so they calibrate too.
      calibrating += (split.calibrate + split.test).map { lists[$0] }
    }
    return try CalibratedDetector(
      fitting: choice.detector, parameters: choice.parameters, to: anchors,
      calibrating: calibrating, retriever: index.identity, windows: windows,
      provenance: [
        "corpus": .string(bundle.name), "corpusChecksum": .string(bundle.checksum),
        "querySets": .array(sets.map { .string($0) }), "seed": .string(String(seed)),
        "anchors": JSONValue(anchors.count), "calibration": JSONValue(calibrating.count),
      ])
  }
}
