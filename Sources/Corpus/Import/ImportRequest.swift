import Basics
public import SystemPackage

/// What to import, and under which name.
public struct ImportRequest: Sendable {
  /// A file that records are read from.
  public struct Source: Sendable, Equatable {
    /// A regular file or, for passages, a folder of texts.
    public var path: FilePath
    /// Selects a set or member in the file.
    public var key: String?
    /// The format, `nil` to recognise it by the content.
    public var reader: ReaderKind?
    /// Put before the identifier of every record.
    public var idPrefix = ""

    /// A file that records are read from.
    public init(
      _ path: FilePath, key: String? = nil, reader: ReaderKind? = nil, idPrefix: String = ""
    ) {
      self.path = path
      self.key = key
      self.reader = reader
      self.idPrefix = idPrefix
    }

    /// Reads `FILE` or `FILE#key`; a file whose name holds the `#` is taken as it is.
    public init(argument: String, reader: ReaderKind? = nil) {
      let bytes = argument.utf8
      guard !FilePath(argument).exists, let mark = bytes.lastIndex(of: UInt8(ascii: "#")) else {
        self.init(FilePath(argument), reader: reader)
        return
      }
      self.init(
        FilePath(String(argument[..<mark])), key: String(argument[bytes.index(after: mark)...]),
        reader: reader)
    }
  }

  /// A source with a name: a query set or a payload kind.
  public struct NamedSource: Sendable, Equatable {
    /// The name.
    public var name: String
    /// Where it is read from.
    public var source: Source

    /// A source with a name.
    public init(_ name: String, _ source: Source) {
      self.name = name
      self.source = source
    }

    /// Reads `NAME=FILE[#key]`.
    ///
    /// - Parameters:
    ///   - argument: The text.
    ///   - option: The option it belongs to, for the message.
    ///   - reader: The format, `nil` to recognise it.
    /// - Throws: `UsageError` if there is no name or no file.
    public init(argument: String, option: String, reader: ReaderKind? = nil) throws {
      guard let (name, rest) = ImportRequest.split(argument), !rest.isEmpty else {
        throw UsageError(
          "\(option) '\(TerminalText.excerpt(argument))': expected NAME=FILE")
      }
      self.init(name, Source(argument: rest, reader: reader))
    }
  }

  /// A file of judgements and the query set it belongs to.
  public struct Judgements: Sendable, Equatable {
    /// The query set, `nil` for the only one.
    public var set: String?
    /// The file: BEIR's TSV or TREC's qrels.
    public var path: FilePath
    /// Put before every query identifier.
    public var queryPrefix = ""

    /// A file of judgements.
    public init(set: String? = nil, path: FilePath, queryPrefix: String = "") {
      self.set = set
      self.path = path
      self.queryPrefix = queryPrefix
    }

    /// Reads `SET=FILE` or `FILE`.
    public init(argument: String) {
      guard !FilePath(argument).exists, let (set, path) = ImportRequest.split(argument) else {
        self.init(path: FilePath(argument))
        return
      }
      self.init(set: set, path: FilePath(path))
    }
  }

  /// Which of the documents are imported.
  public enum Selection: Sendable, Equatable {
    /// All.
    case all
    /// The first so many; nothing behind them is read.
    case first(Int)
    /// So many, drawn without replacement; the same for the same seed. The files are read twice.
    case sample(Int, seed: UInt64)
  }

  /// The name of the corpus.
  public var name: String
  /// What it is, in a few words; empty to take the name.
  public var title = ""
  /// The licence of the texts.
  public var licence = "not stated"
  /// What it is, in sentences.
  public var description = ""
  /// What stands between title and text where they are embedded as one; `nil` takes `". "` if all
  /// passages are chunk files of MedRAG, else a space.
  public var titleSeparator: String?
  /// Where passages are read from, one after another.
  public var passages: [Source]
  /// The query sets.
  public var queries: [NamedSource] = []
  /// The query sets of which only queries with a judgement are kept.
  public var judgedOnly: [String] = []
  /// The judgements; a set without any takes its gold passages.
  public var judgements: [Judgements] = []
  /// The payload kinds.
  public var payloads: [NamedSource] = []
  /// Cuts documents into passages, `nil` to take them whole.
  public var chunker: Chunker?
  /// Which documents are imported.
  public var selection = Selection.all
  /// How many malformed records are accepted.
  public var maximumRejects = 0
  /// Whether an installed corpus of this name is replaced.
  public var replacesExisting = false

  /// A request for passages alone.
  public init(name: String, passages: [Source]) {
    self.name = name
    self.passages = passages
  }

  private static func split(_ argument: String) -> (String, String)? {
    let bytes = argument.utf8
    guard let mark = bytes.firstIndex(of: UInt8(ascii: "=")), mark != bytes.startIndex else {
      return nil
    }
    return (String(argument[..<mark]), String(argument[bytes.index(after: mark)...]))
  }

  /// Refuses what cannot be done, before anything is read.
  func check() throws {
    try CorpusName.check(name, of: "corpus name")
    guard !utf8Equal(name, SharedPayloads.directoryName) else {
      throw UsageError("a corpus cannot be called '\(name)', the shared payloads lie there")
    }
    guard !passages.isEmpty else { throw UsageError("no file with passages is named") }
    for (what, names) in [
      ("query set", queries.map(\.name)), ("payload kind", payloads.map(\.name)),
    ] {
      var seen: Set<UTF8Key> = []
      for name in names {
        try CorpusName.check(name, of: what)
        guard seen.insert(UTF8Key(name)).inserted else {
          throw UsageError("the \(what) '\(name)' is named twice")
        }
      }
    }
    let sets = queries.map(\.name)
    var judged: Set<UTF8Key> = []
    for judgements in judgements {
      let set = try self.set(of: judgements)
      guard sets.contains(where: { utf8Equal($0, set) }) else {
        throw UsageError(
          "judgements are given for the query set '\(TerminalText.excerpt(set))', which is not "
            + "imported" + NearestName.hint(for: set, in: sets))
      }
      guard judged.insert(UTF8Key(set)).inserted else {
        throw UsageError("judgements are given twice for the query set '\(set)'")
      }
    }
    for set in judgedOnly where !judged.contains(UTF8Key(set)) {
      throw UsageError("no judgements are given for the query set '\(TerminalText.excerpt(set))'")
    }
    switch selection {
    case .all: break
    case .first(let count), .sample(let count, _):
      guard count >= 1 else {
        throw UsageError("\(count) documents are asked for, at least 1 is needed")
      }
    }
    guard maximumRejects >= 0 else {
      throw UsageError("\(maximumRejects) rejects are accepted, at least 0 is needed")
    }
  }

  /// The query set that judgements belong to.
  func set(of judgements: Judgements) throws -> String {
    if let set = judgements.set { return set }
    guard queries.count == 1 else {
      throw UsageError(
        "name the query set of the judgements '\(judgements.path.shown)' as SET=FILE "
          + "(there are \(queries.count))")
    }
    return queries[0].name
  }
}

/// What an import did.
public struct ImportReport: Sendable {
  /// The corpus as it is installed.
  public let bundle: CorpusBundle
  /// Documents taken.
  public let documents: Int
  /// Passages made of them.
  public let passages: Int
  /// Passages of nothing that can be seen; they are kept, and cannot be embedded.
  public let blankPassages: Int
  /// Malformed records that were left out.
  public let rejects: Int
  /// Where they are listed.
  public let rejectList: FilePath?
  /// Gold passages named by queries that are not in the corpus, by query set.
  public let unknownGold: [(set: String, count: Int)]
  /// Judgements of queries and of documents that are not in the corpus, by query set.
  public let unknownJudgements: [(set: String, queries: Int, documents: Int)]
}
