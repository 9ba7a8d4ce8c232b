public import Basics
public import SystemPackage

/// The published target questions of PoisonedRAG: id → `{id, question, "correct answer",
/// "incorrect answer", adv_texts}`.
///
/// A payload is one adversarial text, with the identifier `question-number`; a query is a target
/// question with its right answer.
///
/// - SeeAlso: Zou et al. 2024, "PoisonedRAG: knowledge corruption attacks to retrieval-augmented
///   generation of large language models", `results/adv_targeted_results`.
public struct PoisonedRAGReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .poisonedrag }

  /// Reads one query an entry.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try forEachEntry(in: path, key: key, rejects: rejects) { id, object, place in
      var metadata = JSONObject()
      metadata["incorrect_answer"] = object["incorrect answer"]
      try body(
        Query(
          id: id, text: try object.string("question", at: place),
          answer: try object.optionalString("correct answer", at: place), metadata: metadata),
        place)
    }
  }

  /// Reads one payload an adversarial text.
  public func forEachPayload(
    in path: FilePath, key: String?, kind: String, rejects: RejectLog,
    _ body: (Payload, Place) throws -> Void
  ) throws {
    try forEachEntry(in: path, key: key, rejects: rejects) { id, object, place in
      for (index, text) in try object.strings("adv_texts", at: place).enumerated() {
        try rejects.attempt {
          try body(Payload(id: "\(id)-\(index + 1)", kind: kind, text: text), place)
        }
      }
    }
  }

  private func forEachEntry(
    in path: FilePath, key: String?, rejects: RejectLog,
    _ body: (String, JSONObject, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    let (entries, place) = try JSONRecords.document(path)
    for (id, value) in entries.members {
      let here = place.inside(id).inRecord(id)
      try rejects.attempt { try body(id, try value.requiredObject(at: here), here) }
    }
  }
}
