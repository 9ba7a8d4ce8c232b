import Basics
import Defenses
import Evaluation
import Models
import Retrieval
import SystemPackage

extension ServerConfiguration {
  /// Loads a retriever with its index and its detector.
  func load(_ name: String) throws -> Retriever {
    let embedder = try source.embedder(name)
    try source.prepare(embedder)
    let store = try DocumentStore.open(in: source.directory)
    let identity = try identity(of: embedder, in: store)
    let (directory, threads) = (source.directory, embedder.threads)
    var derive: IndexWatch.Derive?
    if let kind {
      derive = { (index: CorpusIndex) throws -> DerivedIndex in
        try DerivedIndex.load(
          of: index.store, identity: identity, kind: kind, in: directory, threads: threads,
          rebuild: "ragbench index build --kind \(kind)")
      }
    }
    let watch = try IndexWatch(
      store: store, identity: identity, similarity: embedder.model.similarity, threads: threads,
      derive: derive)
    let judge: Result<Judge, Retriever.Unavailable>
    do {
      let detector = try fittedDetector(embedder, try watch.current().corpus)
      judge = .success(try self.judge(detector))
    } catch let error as any ReportableError where detector == nil {
      // Without a detector of the user's own choice the server is still of use.
      log("no verdicts through \(name): \(error.description)")
      judge = .failure(Retriever.Unavailable(reason: error.description))
    }
    return Retriever(
      name: name, embedder: embedder, watch: watch, judge: judge,
      titleSeparator: identity.titleSeparator)
  }

  private func identity(
    of embedder: Embedder, in store: DocumentStore
  ) throws -> RetrieverIdentity {
    if let corpus = source.corpus {
      return CorpusIndexBuilder(
        bundle: corpus, embedder: embedder, indexes: source.directory.removingLastComponent()
      ).identity
    }
    let model = embedder.model
    let own = try store.retrievers().map(\.identity).filter {
      UTF8Key($0.modelHash) == UTF8Key(model.identity)
    }
    guard let identity = own.last else {
      throw UsageError(
        "the index '\(source.directory.shown)' has no vectors of '\(model.name)'; run:"
          + " ragbench index build")
    }
    return identity
  }

  private func judge(_ detector: CalibratedDetector) throws -> Judge {
    if let unit {
      return try Judge(detector, falsePositiveRate: falsePositiveRate, per: unit)
    }
    do {
      return try Judge(detector, falsePositiveRate: falsePositiveRate, per: .query)
    } catch is DetectorError {
      return try Judge(detector, falsePositiveRate: falsePositiveRate, per: .pair)
    }
  }

  private func fittedDetector(
    _ embedder: Embedder, _ index: CorpusIndex
  ) throws -> CalibratedDetector {
    if let detector { return try DetectorFile.read(detector, for: index.identity) }
    guard let corpus = source.corpus else {
      throw UsageError(
        "an index that is served by its folder has no questions to fit a detector on; give"
          + " --detector")
    }
    let store = DefaultDetector(
      corpus: corpus, index: index, embedder: embedder, directory: source.directory, log: log)
    return try refits ? store.refitted() : store.loaded()
  }
}
