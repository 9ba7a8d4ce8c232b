public import Basics
public import SystemPackage

/// PubMedQA's `ori_pqal.json`: PMID → `{QUESTION, CONTEXTS, final_decision, LONG_ANSWER, …}`.
///
/// A passage is the contexts of an abstract joined by spaces; a query is the question, with its own
/// abstract as gold passage and `LONG_ANSWER` as rationale. Both have the PMID as identifier.
///
/// - SeeAlso: Jin et al. 2019, "PubMedQA: a dataset for biomedical research question answering".
public struct PubMedQAReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .pubmedqa }

  /// Reads one abstract an entry.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try forEachEntry(in: path, key: key, rejects: rejects) { id, object, place in
      var metadata = JSONObject()
      metadata["year"] = object["YEAR"]
      metadata["meshes"] = object["MESHES"]
      let text = try object.strings("CONTEXTS", at: place).joined(separator: " ")
      try body(Passage(id: id, text: text, metadata: metadata), place)
    }
  }

  /// Reads one question an entry.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    let options = zip(["A", "B", "C"], ["yes", "no", "maybe"]).map {
      AnswerOption(label: $0, text: $1)
    }
    try forEachEntry(in: path, key: key, rejects: rejects) { id, object, place in
      let decision = try object.string("final_decision", at: place)
      guard let answer = options.first(where: { utf8Equal($0.text, decision) }) else {
        throw InputError(
          "'final_decision': expected yes, no or maybe, found '\(TerminalText.excerpt(decision))'",
          at: place)
      }
      var metadata = JSONObject()
      metadata["rationale"] = object["LONG_ANSWER"]
      try body(
        Query(
          id: id, text: try object.string("QUESTION", at: place), options: options,
          answer: answer.label, goldPassages: [id], metadata: metadata), place)
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
