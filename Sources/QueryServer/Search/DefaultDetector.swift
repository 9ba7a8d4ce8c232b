import Basics
import Corpus
import Defenses
import Evaluation
import Models
import Retrieval
import SystemPackage

/// The detector of a corpus that nobody chose: `combined`, fitted once on the corpus's questions and
/// kept beside its index.
///
/// It is fitted again when the retriever or the corpus is another one, or on request, and *not* when
/// documents are added to the index: they are what it is there to judge, and an attacker who can add
/// some could otherwise teach it that they are usual.
struct DefaultDetector {
  static let name = "combined"

  let corpus: CorpusBundle
  let index: CorpusIndex
  let embedder: Embedder
  let directory: FilePath
  let log: @Sendable (String) -> Void

  private var path: FilePath {
    directory.appending("\(embedder.model.name)-\(Self.name).detector")
  }

  /// The detector that is there, or a new one.
  func loaded() throws -> CalibratedDetector {
    guard path.exists else { return try refitted() }
    do {
      let detector = try DetectorFile.read(path, for: index.identity)
      guard detector.provenance["corpusChecksum"] == .string(corpus.checksum) else {
        log("the corpus has changed: its detector is fitted again")
        return try refitted()
      }
      if let fitted = detector.provenance["generation"]?.intValue,
        fitted != index.state.generation
      {
        log(
          "the detector was fitted at generation \(fitted) of the index, which is at"
            + " \(index.state.generation); --refit fits it on the present content")
      }
      return detector
    } catch let error as any ReportableError where error.exitStatus == .badData {
      log("the detector '\(path.shown)' is fitted again: \(error.description)")
      return try refitted()
    }
  }

  /// A new detector, kept if the folder can be written to.
  func refitted() throws -> CalibratedDetector {
    var detector = try DetectorFitting(
      bundle: corpus, index: index, embedder: embedder, seed: 1
    ).fit(DetectionProtocol.Choice(Self.name), on: corpus.querySets)
    detector.provenance["generation"] = JSONValue(index.state.generation)
    do {
      try DetectorFile.write(detector, to: path)
    } catch let error as FileError {
      log("the fitted detector could not be kept: \(error.description)")
    }
    return detector
  }
}
