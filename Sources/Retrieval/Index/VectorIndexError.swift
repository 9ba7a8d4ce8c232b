public import Basics

/// Why an index cannot do what it is asked.
public enum VectorIndexError: ReportableError, Equatable {
  /// A factory string that is none of ours, or that does not fit the dimension.
  case kind(String, reason: String)
  /// Numbers of rows, values or dimensions that disagree.
  case shape(String)
  /// A vector that cannot be compared: `name` is its id or its row.
  case vector(name: String, fault: String)
  /// A number out of its range.
  case limit(name: String, value: Int, range: String)
  /// A search parameter for another kind of index.
  case parameter(name: String, kind: String)
  /// The index learns its cells or codes first.
  case notTrained(kind: String)
  /// Cells and codes are learnt once; vectors that are in would not fit new ones.
  case alreadyTrained(kind: String)
  /// Fewer training vectors than cells or codes.
  case tooFewTrainingVectors(kind: String, needed: Int, found: Int)
  /// An id that is negative, or that is in the index or the batch already.
  case id(Int64, reason: String)
  /// No vector has this id.
  case unknownID(Int64)
  /// This kind of index has no such operation.
  case unsupported(kind: String, operation: String, instead: String)
  /// An earlier failure, mostly of memory, left the index half changed.
  case halfChanged(String)
  /// FAISS or the system refused.
  case engine(operation: String, message: String)
  /// An index file or its manifest that cannot be trusted, and the command that rebuilds it.
  case file(String, reason: String, rebuild: String)

  /// 64 for a request that cannot be, 65 for data that cannot be used, 2 for a failure.
  public var exitStatus: ExitStatus {
    switch self {
    case .kind, .limit, .parameter, .unsupported: .usage
    case .engine, .halfChanged: .failure
    case .shape, .vector, .notTrained, .alreadyTrained, .tooFewTrainingVectors, .id, .unknownID,
      .file:
      .badData
    }
  }

  /// One sentence with the values.
  public var description: String {
    switch self {
    case .kind(let text, let reason): "index kind '\(TerminalText.escaped(text))': \(reason)"
    case .shape(let text): text
    case .vector(let name, let fault): "\(name): \(fault)"
    case .limit(let name, let value, let range): "\(name) is \(value), expected \(range)"
    case .parameter(let name, let kind): "\(name) means nothing to an index of kind \(kind)"
    case .notTrained(let kind): "the index of kind \(kind) has to be trained first"
    case .alreadyTrained(let kind): "the index of kind \(kind) is trained already"
    case .tooFewTrainingVectors(let kind, let needed, let found):
      "an index of kind \(kind) needs \(needed) training vectors, found \(found);"
        + " take fewer cells, or Flat, which needs none"
    case .id(let id, let reason): "id \(id): \(reason)"
    case .unknownID(let id): "id \(id) is not in the index"
    case .unsupported(let kind, let operation, let instead):
      "an index of kind \(kind) cannot \(operation); \(instead)"
    case .halfChanged(let operation):
      "the index was left half changed by a failed \(operation); load or rebuild it"
    case .engine(let operation, let message): "cannot \(operation): \(message)"
    case .file(let path, let reason, let rebuild):
      "\(path): \(reason); rebuild the index with: \(rebuild)"
    }
  }
}
