import Basics
import Retrieval
import SystemPackage

/// `flags.jsonl` of a run directory: one line for each document that a detector flagged on the test
/// questions, with the file and line where it stands.
enum FlagFile {
  /// The file in the run directory.
  static let name = RunDirectory.flagsName
  /// The file of the poison beside it.
  static let poisonName = RunDirectory.poisonName

  /// Which poisoned document is meant: ids may repeat between retrievers and query sets.
  struct PoisonKey: Hashable {
    var id: UTF8Key
    var set: UTF8Key
    var retriever: UTF8Key
  }

  /// A flag, with its place where it is in the corpus.
  struct Entry: Sendable {
    var retriever: String
    var flag: JSONObject
    var source: String?
    var line: Int?
  }

  /// Looks up where flagged clean documents came from.
  ///
  /// - Parameters:
  ///   - flags: What `DetectionReport.Flag.json` gives.
  ///   - retriever: Whose ranking was judged.
  ///   - index: The corpus.
  /// - Returns: One entry a flag.
  /// - Throws: `StoreError`.
  static func entries(
    _ flags: [JSONObject], of retriever: String, in index: CorpusIndex
  ) throws -> [Entry] {
    var origins: [UTF8Key: (source: String, line: Int?)] = [:]
    return try flags.map { flag in
      let id = flag["document"]?.stringValue ?? ""
      var entry = Entry(retriever: retriever, flag: flag)
      guard flag["payload"]?.stringValue == nil else { return entry }
      if origins[UTF8Key(id)] == nil {
        origins[UTF8Key(id)] = try index.store.origin(of: id).map { ($0.origin.source, $0.line) }
      }
      let origin = origins[UTF8Key(id)]
      (entry.source, entry.line) = (origin?.source, origin?.line)
      return entry
    }
  }

  /// Writes the file.
  ///
  /// - Parameters:
  ///   - entries: The flags.
  ///   - linesOfPoison: Where poisoned documents stand.
  ///   - directory: The run directory.
  /// - Throws: `FileError`.
  static func write(
    _ entries: [Entry], linesOfPoison: [PoisonKey: Int], to directory: FilePath
  ) throws {
    let lines = try entries.map { entry in
      var object: JSONObject = ["retriever": .string(entry.retriever)]
      for (key, value) in entry.flag.members { object[key] = value }
      let isPoison = entry.flag["payload"]?.stringValue != nil
      let key = PoisonKey(
        id: UTF8Key(entry.flag["document"]?.stringValue ?? ""),
        set: UTF8Key(entry.flag["set"]?.stringValue ?? ""), retriever: UTF8Key(entry.retriever))
      object["in"] = .string(isPoison ? "run" : "corpus")
      object["file"] = (isPoison ? poisonName : entry.source).map { .string($0) } ?? .null
      object["line"] = (isPoison ? linesOfPoison[key] : entry.line).map { JSONValue($0) } ?? .null
      return try JSONValue.object(object).serialized() + "\n"
    }
    try AtomicFile.write(lines.joined(), to: directory.appending(name))
  }
}
