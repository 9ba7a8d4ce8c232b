import Basics
public import SystemPackage

/// The folder of one corpus's index: a store and the index files derived from it.
public struct IndexFolder: Sendable {
  /// An index file beside the store.
  public struct Derived: Sendable {
    /// Its folder.
    public let path: FilePath
    /// What its manifest says, `nil` if that cannot be read.
    public let manifest: IndexManifest?
    /// Whether it is of the store's present content.
    public let isCurrent: Bool
    /// Bytes of its files.
    public let bytes: Int
  }

  /// Something that is not as it should be.
  public struct Finding: Sendable, Equatable {
    /// The file.
    public let path: FilePath
    /// What is wrong, in one clause.
    public let problem: String
    /// Whether data is damaged; else work is waiting to be done.
    public let isDamage: Bool
  }

  /// The folder.
  public let path: FilePath

  /// A folder of the indexes.
  public init(_ path: FilePath) { self.path = path }

  /// The folders of all indexes that hold a store, by name.
  ///
  /// - Parameter indexes: The folder of all indexes; it need not exist.
  /// - Returns: The folders.
  /// - Throws: `FileError` if the folder cannot be listed.
  public static func all(in indexes: FilePath) throws -> [IndexFolder] {
    guard indexes.isDirectory else { return [] }
    return try DirectoryListing.names(in: indexes).map { IndexFolder(indexes.appending($0)) }
      .filter { DocumentStore.exists(in: $0.path) }
  }

  /// Bytes of the store's files.
  public var storeBytes: Int {
    ["", "-wal", "-shm"].reduce(0) {
      $0 + (path.appending(DocumentStore.fileName + $1).fileSize ?? 0)
    }
  }

  /// The index files, by name.
  ///
  /// - Parameter state: The store's present content.
  /// - Returns: Those that can be read and those that cannot.
  /// - Throws: `FileError` if the folder cannot be listed.
  public func derived(at state: StoreState) throws -> [Derived] {
    try DirectoryListing.names(in: path).compactMap { name in
      let folder = path.appending(name)
      guard
        folder.appending(IndexManifest.fileName).exists
          || folder.appending(IndexFile.fileName).exists
      else { return nil }
      let manifest = try? IndexManifest.read(from: folder, rebuild: Self.rebuild)
      let isCurrent = manifest.map {
        $0.source.corpusGeneration == state.generation
          && UTF8Key($0.source.corpusChecksum) == UTF8Key(state.checksum)
      }
      let bytes = [IndexManifest.fileName, IndexFile.fileName].reduce(0) {
        $0 + (folder.appending($1).fileSize ?? 0)
      }
      return Derived(path: folder, manifest: manifest, isCurrent: isCurrent ?? false, bytes: bytes)
    }
  }

  /// Reads the store and every index file whole and compares them with what they should be.
  ///
  /// - Parameter limit: The most findings about the store.
  /// - Returns: What was found, none if all is sound and complete.
  /// - Throws: `StoreError` that is no damage, for one because another process keeps the store busy;
  ///   `FileError`.
  public func verify(limit: Int = 100) throws -> [Finding] {
    let storePath = path.appending(DocumentStore.fileName)
    func damage(_ path: FilePath, _ problem: String) -> Finding {
      Finding(path: path, problem: problem, isDamage: true)
    }
    let store: DocumentStore
    do {
      store = try DocumentStore.open(in: path)
    } catch let error as StoreError where error.exitStatus == .badData {
      return [damage(storePath, error.description)]
    }
    defer { try? store.close() }
    var findings = try store.verify(limit: limit).map { damage(storePath, $0) }
    guard findings.isEmpty else { return findings }
    if !CorpusIndexBuilder.isImported(path) {
      findings.append(
        Finding(
          path: storePath, problem: "the import of its passages was interrupted", isDamage: false))
    }
    let retrievers = try store.retrievers()
    for retriever in retrievers where retriever.pending > 0 {
      findings.append(
        Finding(
          path: storePath,
          problem: "\(Format.count(retriever.pending)) passages wait to be embedded by"
            + " \(TerminalText.escaped(retriever.identity.model))", isDamage: false))
    }
    for entry in try derived(at: store.state()) {
      findings += try verify(entry, retrievers: retrievers.map(\.identity), state: store.state())
    }
    for name in try DirectoryListing.names(in: path) where name.hasSuffix(VectorFile.suffix) {
      do {
        _ = try VectorFile.read(path.appending(name))
      } catch let error as any ReportableError where error.exitStatus == .badData {
        findings.append(damage(path.appending(name), "\(error)"))
      }
    }
    return findings
  }

  private static let rebuild = "ragbench index build"

  private func verify(
    _ entry: Derived, retrievers: [RetrieverIdentity], state: StoreState
  ) throws -> [Finding] {
    func finding(_ problem: String, isDamage: Bool) -> [Finding] {
      [Finding(path: entry.path, problem: problem, isDamage: isDamage)]
    }
    do {
      let manifest = try IndexManifest.read(from: entry.path, rebuild: Self.rebuild)
      if manifest.source.corpusGeneration > state.generation {
        // The store has lost what it had when the index was made: its log was deleted, for one.
        return finding(
          "it is of generation \(manifest.source.corpusGeneration), the store is at"
            + " \(state.generation)", isDamage: true)
      }
      guard entry.isCurrent else {
        return finding(
          "it is of generation \(manifest.source.corpusGeneration), the store is at"
            + " \(state.generation): it is refused until it is built again", isDamage: false)
      }
      let identity = try retrievers.first {
        UTF8Key(try $0.canonicalText) == UTF8Key(manifest.source.model)
      }
      guard let identity else {
        return finding("the store has no vectors of its retriever", isDamage: true)
      }
      _ = try FaissIndex.load(
        from: entry.path,
        expecting: DerivedIndex.expectation(identity, state, rebuild: Self.rebuild))
      return []
    } catch let error as any ReportableError where error.exitStatus == .badData {
      return finding(error.description, isDamage: true)
    }
  }
}
