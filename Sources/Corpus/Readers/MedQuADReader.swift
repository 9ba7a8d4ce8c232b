public import Basics
public import SystemPackage

/// MedQuAD as JSON Lines: `{id, question, answer, focus, qtype, source, …}`.
///
/// A passage is an answer with its focus as title; a query is the question with `q-` before the
/// identifier and its own answer as gold passage.
///
/// - SeeAlso: Ben Abacha and Demner-Fushman 2019, "A question-entailment approach to question
///   answering".
public struct MedQuADReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .medquad }

  /// Reads one answer an object.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      let id = try object.identifier(at: place)
      let here = place.inRecord(id)
      var metadata = JSONObject()
      for name in ["source", "url", "qtype"] { metadata[name] = object[name] }
      try body(
        Passage(
          id: id, title: try object.optionalString("focus", at: here) ?? "",
          text: try object.string("answer", at: here), metadata: metadata), place)
    }
  }

  /// Reads one question an object.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      let id = try object.identifier(at: place)
      let here = place.inRecord(id)
      var metadata = JSONObject()
      for name in ["focus", "qtype"] { metadata[name] = object[name] }
      // Evaluation drops a document with the query's own id, as BEIR's does, so they differ.
      try body(
        Query(
          id: "q-" + id, text: try object.string("question", at: here), goldPassages: [id],
          metadata: metadata), place)
    }
  }
}
