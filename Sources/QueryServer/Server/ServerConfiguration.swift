import Basics
public import Corpus
public import Defenses
public import Retrieval
public import SystemPackage

/// What is served, and how.
public struct ServerConfiguration: Sendable {
  /// Where the vectors of a retriever come from.
  public struct Source: Sendable {
    /// What clients call it.
    public var name: String
    /// The corpus, with its query sets; `nil` serves the store alone.
    public var corpus: CorpusBundle?
    /// The folder with the store.
    public var directory: FilePath
    /// Loads a retriever by its name.
    public var embedder: @Sendable (String) throws -> Embedder
    /// Makes what the folder lacks of a retriever's index; called before it is opened.
    public var prepare: @Sendable (Embedder) throws -> Void

    /// A source.
    public init(
      name: String, corpus: CorpusBundle?, directory: FilePath,
      embedder: @escaping @Sendable (String) throws -> Embedder,
      prepare: @escaping @Sendable (Embedder) throws -> Void
    ) {
      self.name = name
      self.corpus = corpus
      self.directory = directory
      self.embedder = embedder
      self.prepare = prepare
    }
  }

  /// What is served.
  public var source: Source
  /// Names of retrievers, the default first.
  public var retrievers: [String]
  /// What happens to flagged passages.
  public var policy: DetectionPolicy = .annotate
  /// Whether rankings are fused with BM25 unless a search says otherwise.
  public var isHybrid = false
  /// The kind of the index files that find candidates; `nil` compares all vectors.
  public var kind: IndexKind?
  /// A fitted detector; `nil` takes the corpus's own.
  public var detector: FilePath?
  /// The share of clean units that may be flagged, between 0 and 1.
  public var falsePositiveRate = 0.05
  /// What the share counts; `nil` takes questions where there are enough of them.
  public var unit: DetectionCalibration.Unit?
  /// Whether the corpus's own detector is fitted again.
  public var refits = false
  /// Requests at work at most; one more is answered with -32000.
  public var queueLimit = 1024
  /// The program's version, as clients are told.
  public var version: String
  /// Takes a line for the log.
  public var log: @Sendable (String) -> Void

  /// A configuration.
  public init(
    source: Source, retrievers: [String], version: String, log: @escaping @Sendable (String) -> Void
  ) {
    self.source = source
    self.retrievers = retrievers
    self.version = version
    self.log = log
  }
}
