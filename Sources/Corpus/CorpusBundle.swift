import Basics
public import SystemPackage

/// A corpus as data, without any index: passages, named query sets, judgements, payloads.
public struct CorpusBundle: Sendable {
  /// Where a bundle comes from.
  public enum Origin: String, Sendable {
    /// It ships with ragbench.
    case bundled
    /// It was imported on this machine.
    case installed
  }

  /// The directory that holds `bundle.json`.
  public let directory: FilePath
  /// Whether it ships with ragbench or was imported.
  public let origin: Origin
  /// What `bundle.json` says.
  public let manifest: BundleManifest
  /// Payload files by kind: its own, then the shared ones.
  private let payloadFiles: [(kind: String, directory: FilePath, file: BundleFile)]
  /// Payloads of no corpus.
  let shared: [SharedPayloads]

  /// Opens a bundle: reads its manifest and compares the sizes of the files.
  ///
  /// - Parameters:
  ///   - directory: The directory that holds `bundle.json`.
  ///   - origin: Where it comes from.
  ///   - shared: Payloads of no corpus, the more specific first.
  /// - Throws: `FileError` if a file is missing, `InputError` if the manifest is damaged or a file
  ///   has another size than it states.
  public init(
    directory: FilePath, origin: Origin, shared: [SharedPayloads] = []
  ) throws {
    self.directory = directory
    self.origin = origin
    self.shared = shared
    manifest = try BundleManifest(contentsOf: directory.appending(BundleManifest.fileName))
    var payloadFiles = manifest.payloads.map { ($0.kind, directory, $0.file) }
    for payloads in shared {
      for (kind, file) in payloads.files
      where !payloadFiles.contains(where: { utf8Equal($0.0, kind) }) {
        payloadFiles.append((kind, payloads.directory, file))
      }
    }
    self.payloadFiles = payloadFiles
    for file in manifest.allFiles { try Self.checkSize(of: file, in: directory) }
  }

  /// The name of the corpus.
  public var name: String { manifest.name }
  /// What it is, in a few words.
  public var title: String { manifest.title }
  /// The licence of the texts.
  public var licence: String { manifest.licence }
  /// What stands between a passage's title and text where they are embedded as one.
  public var titleSeparator: String { manifest.titleSeparator }
  /// The number of passages.
  public var passageCount: Int { manifest.passages.count }
  /// The names of the query sets in their order.
  public var querySets: [String] { manifest.queries.map(\.set) }
  /// The payload kinds: the bundle's own, then the shared ones.
  public var payloadKinds: [String] { payloadFiles.map(\.kind) }

  /// Changes whenever a passage, a query, a judgement, a payload or the title separator does.
  public var checksum: String {
    let files =
      manifest.allFiles + payloadFiles.dropFirst(manifest.payloads.count).map(\.file)
    return Checksum.sha256(
      ([titleSeparator] + files.map { "\($0.path) \($0.sha256)" }).joined(separator: "\n"))
  }

  /// Changes whenever a passage or the title separator does: what an index depends on.
  public var passagesChecksum: String {
    Checksum.sha256(titleSeparator + "\n" + manifest.passages.sha256)
  }

  /// The number of queries of a set.
  ///
  /// - Parameter set: The name of the set.
  /// - Returns: The number.
  /// - Throws: `UsageError` for an unknown set, with the nearest name.
  public func queryCount(_ set: String) throws -> Int { try queryFile(set).count }

  /// Calls a closure with every passage, one after another, in the order of the file.
  ///
  /// - Parameter body: Takes a passage; what it throws ends the reading.
  /// - Throws: `InputError` for a damaged file, `FileError` if reading fails.
  public func forEachPassage(_ body: (Passage) throws -> Void) throws {
    try forEachRow(of: manifest.passages, in: directory) { object, place in
      try body(Passage(beir: object, at: place))
    }
  }

  /// The queries of a set.
  ///
  /// - Parameter set: The name of the set.
  /// - Returns: The queries in the order of the file.
  /// - Throws: `UsageError` for an unknown set, `InputError` for a damaged file.
  public func queries(_ set: String) throws -> [Query] {
    var queries: [Query] = []
    try forEachQuery(set) { queries.append($0) }
    return queries
  }

  /// Calls a closure with every query of a set, one after another, in the order of the file.
  ///
  /// - Parameters:
  ///   - set: The name of the set.
  ///   - body: Takes a query; what it throws ends the reading.
  /// - Throws: `UsageError` for an unknown set, `InputError` for a damaged file.
  public func forEachQuery(_ set: String, _ body: (Query) throws -> Void) throws {
    try forEachRow(of: queryFile(set), in: directory) { object, place in
      try body(Query(beir: object, at: place))
    }
  }

  /// The payloads of a kind.
  ///
  /// - Parameter kind: The kind.
  /// - Returns: The payloads in the order of the file.
  /// - Throws: `UsageError` for an unknown kind, `InputError` for a damaged file.
  public func payloads(_ kind: String) throws -> [Payload] {
    guard let found = payloadFiles.first(where: { utf8Equal($0.kind, kind) }) else {
      throw unknown("payload kind", kind, among: payloadKinds)
    }
    try Self.checkSize(of: found.file, in: found.directory)
    var payloads: [Payload] = []
    try forEachRow(of: found.file, in: found.directory) { object, place in
      payloads.append(try Payload(beir: object, kind: kind, at: place))
    }
    return payloads
  }

  /// The judgements of a query set as a BEIR TSV file, `nil` if there are none.
  public func qrelsPath(_ set: String) -> FilePath? {
    manifest.qrels.first { utf8Equal($0.set, set) }.map { directory.appending($0.file.path) }
  }

  /// Compares every file, shared payloads included, with the checksum that its manifest states.
  ///
  /// - Throws: `InputError` that names the first file that differs.
  public func verify() throws {
    let own = manifest.allFiles.map { (directory, $0) }
    let shared = payloadFiles.dropFirst(manifest.payloads.count).map { ($0.directory, $0.file) }
    for (directory, file) in own + shared {
      let path = directory.appending(file.path)
      let found = try Checksum.sha256(of: path)
      guard found == file.sha256 else {
        throw InputError(
          "the SHA-256 is \(found), the manifest states \(file.sha256)",
          at: Place(file: path.shown))
      }
    }
  }

  private func queryFile(_ set: String) throws -> BundleFile {
    guard let found = manifest.queries.first(where: { utf8Equal($0.set, set) }) else {
      throw unknown("query set", set, among: querySets)
    }
    return found.file
  }

  private func unknown(_ what: String, _ given: String, among names: [String]) -> UsageError {
    UsageError(
      "the corpus '\(name)' has no \(what) '\(TerminalText.excerpt(given))'"
        + NearestName.hint(for: given, in: names)
        + (names.isEmpty ? "; it has none" : " (there are: \(names.joined(separator: ", ")))"))
  }

  private static func checkSize(of file: BundleFile, in directory: FilePath) throws {
    let path = directory.appending(file.path)
    let size = try BundleFile.size(of: path)
    guard size == file.bytes else {
      throw InputError(
        "the file has \(size) bytes, the manifest states \(file.bytes); import the corpus again",
        at: Place(file: path.shown))
    }
  }

  private func forEachRow(
    of file: BundleFile, in directory: FilePath, _ body: (JSONObject, Place) throws -> Void
  ) throws {
    let path = directory.appending(file.path)
    var lines = try LineReader(path)
    var count = 0
    while let line = try lines.next() {
      if line.isBlank { continue }
      let place = Place(file: lines.name, line: line.number)
      try body(try JSONParser.parse(line, file: lines.name).requiredObject(at: place), place)
      count += 1
    }
    guard count == file.count else {
      throw InputError(
        "the file has \(count) records, the manifest states \(file.count)",
        at: Place(file: path.shown))
    }
  }
}
