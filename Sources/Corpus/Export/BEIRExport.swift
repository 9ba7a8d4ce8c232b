import Basics
public import SystemPackage

/// A corpus written as BEIR exchanges them: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`.
///
/// The folder appears whole or not at all. Passages and queries are streamed; their rows are those
/// of the bundle, so that importing what was exported gives the same checksums.
public struct BEIRExport: Sendable {
  /// What was written.
  public struct Report: Sendable, Equatable {
    /// Rows of `corpus.jsonl`.
    public var passages = 0
    /// Rows of `queries.jsonl`, `nil` if the file was not written.
    public var queries: Int?
    /// Rows of `qrels/test.tsv` without its header, `nil` if the set has no judgements.
    public var judgements: Int?
  }

  /// The names of the three files, relative to the folder.
  public static let fileNames = ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"]

  /// The corpus.
  public let bundle: CorpusBundle
  /// The query set, `nil` for the passages alone.
  public let set: String?

  /// An export of a corpus.
  ///
  /// - Parameters:
  ///   - bundle: The corpus.
  ///   - set: The query set, `nil` for the passages alone.
  public init(_ bundle: CorpusBundle, set: String?) {
    self.bundle = bundle
    self.set = set
  }

  /// Writes the folder.
  ///
  /// - Parameters:
  ///   - target: The folder; it must be absent or empty unless `force` is given.
  ///   - force: Whether an earlier export in `target` is replaced; nothing else ever is.
  ///   - advance: Told the number of passages written since it was last told.
  /// - Returns: What was written.
  /// - Throws: `UsageError` (64) if something is there already or the set is unknown; `FileError`: 73
  ///   if the folder cannot be created, 74 if writing fails; `InputError` (65) for a damaged corpus.
  public func write(
    to target: FilePath, force: Bool = false, advance: (Int) -> Void = { _ in }
  ) throws -> Report {
    if let set { _ = try bundle.queryCount(set) }
    let folder = try NewDirectory(target)
    try Self.checkReplaceable(target, force: force)
    var report = Report()

    let passages = try folder.file(Self.fileNames[0])
    try bundle.forEachPassage { passage in
      try passages.write(passage.beirObject.serialized() + "\n")
      report.passages += 1
      if report.passages.isMultiple(of: 256) { advance(256) }
    }
    advance(report.passages % 256)
    try passages.commit()

    if let set {
      let queries = try folder.file(Self.fileNames[1])
      var count = 0
      var gold: [Judgement] = []
      let judgements = bundle.qrelsPath(set)
      try bundle.forEachQuery(set) { query in
        try queries.write(query.beirObject.serialized() + "\n")
        count += 1
        if judgements == nil {
          gold += query.goldPassages.map { Judgement(query: query.id, document: $0, grade: 1) }
        }
      }
      try queries.commit()
      report.queries = count
      if judgements != nil || !gold.isEmpty {
        report.judgements = try writeJudgements(judgements, gold, to: folder)
      }
    }
    try folder.publish()
    return report
  }

  private func writeJudgements(
    _ path: FilePath?, _ gold: [Judgement], to folder: NewDirectory
  ) throws -> Int {
    let file = try folder.file(Self.fileNames[2])
    try file.write("query-id\tcorpus-id\tscore\n")
    var count = 0
    func write(_ row: Judgement) throws {
      try file.write("\(row.query)\t\(row.document)\t\(row.grade)\n")
      count += 1
    }
    if let path {
      let rejects = RejectLog()
      try JudgementReader.forEach(in: path, rejects: rejects) { row, _ in try write(row) }
      try rejects.finish()
    } else {
      for row in gold { try write(row) }
    }
    try file.commit()
    return count
  }

  /// Lets an export take the place of nothing, of an empty folder, or, if asked, of an export.
  private static func checkReplaceable(_ target: FilePath, force: Bool) throws {
    // Whatever else lies there is refused with 73 where the folder is made.
    guard target.isDirectory, !target.isSymbolicLink else { return }
    let names = try DirectoryListing.names(in: target)
    if names.isEmpty { return }
    func isOurs(_ name: String) throws -> Bool {
      if utf8Equal(name, "qrels") {
        return try target.appending(name).isDirectory
          && DirectoryListing.names(in: target.appending(name)).allSatisfy {
            utf8Equal($0, "test.tsv")
          }
      }
      return fileNames.contains { utf8Equal($0, name) }
    }
    if let other = try names.first(where: { try !isOurs($0) }) {
      throw UsageError(
        "'\(target.shown)' holds '\(TerminalText.excerpt(other))', which no export of ours wrote;"
          + " give --output an empty or a new folder")
    }
    guard force else {
      throw UsageError("'\(target.shown)' holds an export already; --force replaces it")
    }
  }
}
