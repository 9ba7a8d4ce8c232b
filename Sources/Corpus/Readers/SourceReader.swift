public import Basics
public import SystemPackage

/// The formats that passages, queries and payloads are read from, by the name of `--reader`.
public enum ReaderKind: String, Sendable, CaseIterable {
  /// BEIR `corpus.jsonl` and `queries.jsonl`: `_id`, `title`, `text`, `metadata`.
  case beir
  /// Chunk files of MedRAG (`id`, `title`, `content`, `contents`) and FlashRAG (`id`, `contents`).
  case chunks
  /// Any JSON Lines or JSON array with a text: `text`, `question` or a member that is named.
  case jsonl
  /// A comma-separated table with a header.
  case csv
  /// A tab-separated table with a header.
  case tsv
  /// A text file, or a folder of `.txt` and `.md` files.
  case text
  /// MIRAGE's `benchmark.json`: several sets of questions in one file.
  case mirage
  /// PubMedQA's `ori_pqal.json`: questions, each with its abstract.
  case pubmedqa
  /// MedQuAD as JSON Lines: questions, each with its answer.
  case medquad
  /// BioASQ task B: questions with snippets of PubMed.
  case bioasq
  /// SQuAD: paragraphs with questions.
  case squad
  /// The published passages of PoisonedRAG.
  case poisonedrag

  /// The reader of this format.
  public var reader: any SourceReader {
    switch self {
    case .beir: BEIRReader()
    case .chunks: ChunkFileReader()
    case .jsonl: PlainJSONReader()
    case .csv: TableReader(delimiter: .comma)
    case .tsv: TableReader(delimiter: .tab)
    case .text: TextReader()
    case .mirage: MIRAGEReader()
    case .pubmedqa: PubMedQAReader()
    case .medquad: MedQuADReader()
    case .bioasq: BioASQReader()
    case .squad: SQuADReader()
    case .poisonedrag: PoisonedRAGReader()
    }
  }

  /// The format of a name that a user gave.
  ///
  /// - Parameter name: The name.
  /// - Throws: `UsageError` with all names.
  public init(named name: String) throws {
    guard let kind = ReaderKind(rawValue: name) else {
      let names = Self.allCases.map(\.rawValue)
      throw UsageError(
        "there is no reader '\(TerminalText.excerpt(name))'"
          + NearestName.hint(for: name, in: names) + " (there are: "
          + names.joined(separator: ", ") + ")")
    }
    self = kind
  }
}

/// Reads records of one format, one after another.
///
/// A record that is malformed goes to the reject log, also if `body` finds it so by throwing an
/// `InputError`. Files are plain or gzip. What a format does not hold throws `UsageError`.
public protocol SourceReader: Sendable {
  /// The format.
  var kind: ReaderKind { get }

  /// Calls a closure with every passage and where it stands.
  func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws

  /// Calls a closure with every query and where it stands; the key selects a set or member.
  func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws

  /// Calls a closure with every payload and where it stands; the key selects a member.
  func forEachPayload(
    in path: FilePath, key: String?, kind: String, rejects: RejectLog,
    _ body: (Payload, Place) throws -> Void
  ) throws
}

extension SourceReader {
  /// Throws `UsageError`, for formats without passages.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws { throw lacks("passages", path) }

  /// Throws `UsageError`, for formats without queries.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws { throw lacks("queries", path) }

  /// Throws `UsageError`, for formats without payloads.
  public func forEachPayload(
    in path: FilePath, key: String?, kind: String, rejects: RejectLog,
    _ body: (Payload, Place) throws -> Void
  ) throws { throw lacks("payloads", path) }

  private func lacks(_ what: String, _ path: FilePath) -> UsageError {
    UsageError("'\(path.shown)' is read as \(kind.rawValue), a format without \(what)")
  }

  /// Refuses `#key` for a format where it selects nothing.
  func refuse(key: String?, _ path: FilePath) throws {
    guard let key else { return }
    throw UsageError(
      "'#\(TerminalText.excerpt(key))' selects nothing in '\(path.shown)', which is read as "
        + kind.rawValue)
  }
}
