import Basics
import Retrieval

/// Which passages a search may return.
struct SearchFilter: Sendable {
  /// The id begins so.
  var idPrefix: String?
  /// Ids that are left out.
  var excluded: Set<UTF8Key> = []
  /// Members that the document's metadata must have, with these values.
  var metadata: JSONObject = [:]
  /// The least score.
  var minimumScore: Double?

  /// A filter from the argument of the same name, whose schema was checked.
  init(_ object: JSONObject) {
    idPrefix = object["idPrefix"]?.stringValue
    excluded = Set(
      (object["excludeIds"]?.arrayValue ?? []).compactMap { $0.stringValue.map { UTF8Key($0) } })
    metadata = object["metadata"]?.objectValue ?? [:]
    minimumScore = object["minScore"]?.doubleValue
  }

  /// Its schema.
  static let schema: JSONValue = .object(
    Schema.object(
      [
        ("idPrefix", Schema.string("Only passages whose id begins so.", minimum: 1)),
        (
          "excludeIds",
          Schema.array(of: Schema.string("An id."), "Passages to leave out.", maximum: 1000)
        ),
        (
          "metadata",
          Schema.anyObject(
            "Only passages whose metadata has these members with these values, such as"
              + " {\"specialty\": \"cardiology\"}.")
        ),
        ("minScore", Schema.number("Only passages with at least this score.")),
      ], "Which passages may be returned; all conditions must hold."))

  /// Whether the filter looks at nothing but id and score.
  var needsNoMetadata: Bool { metadata.isEmpty }

  /// Whether a passage passes.
  ///
  /// - Parameters:
  ///   - id: Its id.
  ///   - score: Its score.
  ///   - text: Its metadata as JSON text; `nil` for a document without any.
  /// - Returns: Whether all conditions hold.
  func accepts(id: UTF8Key, score: Double, metadata text: String?) -> Bool {
    if let minimumScore, score < minimumScore { return false }
    if let idPrefix, !id.string.utf8.starts(with: idPrefix.utf8) { return false }
    if excluded.contains(id) { return false }
    if metadata.isEmpty { return true }
    guard let text, let object = try? JSONParser.parse(text).objectValue else { return false }
    return metadata.members.allSatisfy { object[$0.key] == $0.value }
  }
}
