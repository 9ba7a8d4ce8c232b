import Basics
public import SystemPackage

/// Recognises the format of a file by its content.
public enum SourceFormat {
  /// Lines that are looked at.
  private static let sampledLines = 5

  /// The format of a file or folder.
  ///
  /// - Parameter path: A regular file, plain or gzip, or a folder.
  /// - Returns: The format.
  /// - Throws: `FileError` if it cannot be read; `InputError` if it has no format that is known.
  public static func detect(_ path: FilePath) throws -> ReaderKind {
    if path.isDirectory { return .text }
    let sample = try sample(path)
    let name = path.lastComponent?.string.lowercased() ?? ""
    for ending in [".gz", ""] where name.hasSuffix(ending) {
      let stem = name.dropLast(ending.utf8.count)
      if stem.hasSuffix(".csv") { return .csv }
      if stem.hasSuffix(".tsv") { return .tsv }
      if stem.hasSuffix(".txt") || stem.hasSuffix(".md") { return .text }
    }
    if let kind = sample.rows.lazy.compactMap(rowKind).first { return kind }
    if sample.isJSON {
      if let kind = try documentKind(path) { return kind }
      throw unknown(path, "JSON of an unknown structure")
    }
    if let header = sample.lines.first {
      if header.contains(0x09) { return .tsv }
      if header.contains(UInt8(ascii: ",")) { return .csv }
    }
    throw unknown(path, sample.lines.isEmpty ? "an empty file" : "neither JSON nor a table")
  }

  /// Whether a file is one JSON document rather than one a line.
  static func isWholeJSON(_ path: FilePath) throws -> Bool {
    let sample = try sample(path)
    return sample.isJSON && sample.rows.lazy.compactMap(rowKind).first == nil
  }

  private struct Sample {
    var lines: [[UInt8]] = []
    /// The lines that are JSON objects by themselves.
    var rows: [JSONObject] = []
    var isJSON = false
  }

  private static func sample(_ path: FilePath) throws -> Sample {
    var reader = try LineReader(path)
    var sample = Sample()
    while sample.lines.count < sampledLines, let line = try reader.next() {
      if line.isBlank { continue }
      let first = line.bytes.first { $0 != 0x20 && $0 != 0x09 }
      if sample.lines.isEmpty { sample.isJSON = first == 0x7B || first == 0x5B }
      sample.lines.append(line.bytes)
      guard sample.isJSON else { continue }
      switch try? JSONParser.parse(line.bytes) {
      case .object(let object)?: sample.rows.append(object)
      case .array(let elements)?: sample.rows += elements.prefix(1).compactMap(\.objectValue)
      default: break
      }
    }
    return sample
  }

  /// The format of a JSON Lines file with such a row.
  private static func rowKind(_ row: JSONObject) -> ReaderKind? {
    func has(_ keys: String...) -> Bool { keys.allSatisfy { row[$0]?.stringValue != nil } }
    if has("_id", "text") { return .beir }
    if has("contents") || has("id", "content") { return .chunks }
    if has("question", "answer", "qtype") { return .medquad }
    if has("id", "type"), row["snippets"]?.arrayValue != nil { return .bioasq }
    if has("text") || has("question") || has("query") { return .jsonl }
    return nil
  }

  /// The format of a file that is one JSON value.
  private static func documentKind(_ path: FilePath) throws -> ReaderKind? {
    switch try JSONParser.parse(contentsOf: path) {
    case .array(let elements):
      return elements.prefix(sampledLines).lazy.compactMap(\.objectValue).compactMap(rowKind).first
    case .object(let object):
      if object["data"]?.arrayValue != nil { return .squad }
      if object["questions"]?.arrayValue != nil { return .bioasq }
      for case .object(let entry) in object.members.prefix(sampledLines).map(\.value) {
        if entry["QUESTION"] != nil, entry["CONTEXTS"] != nil { return .pubmedqa }
        if entry["adv_texts"] != nil { return .poisonedrag }
        for case .object(let inner) in entry.members.prefix(sampledLines).map(\.value)
        where inner["question"] != nil && inner["options"] != nil { return .mirage }
      }
      return nil
    default: return nil
    }
  }

  private static func unknown(_ path: FilePath, _ found: String) -> InputError {
    InputError(
      "the format is not recognised (\(found)); name one with --reader: "
        + ReaderKind.allCases.map(\.rawValue).joined(separator: ", "),
      at: Place(file: path.shown))
  }
}
