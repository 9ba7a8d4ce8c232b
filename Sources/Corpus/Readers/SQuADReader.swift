public import Basics
public import SystemPackage

/// SQuAD: `{"data": [{title, paragraphs: [{context, qas: [{id, question, answers}]}]}]}`.
///
/// A passage is a paragraph with the identifier `article-paragraph`, both counted from 1; a query
/// has its paragraph as gold passage and the first answer as answer.
public struct SQuADReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .squad }

  /// Reads one passage a paragraph.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try forEachParagraph(in: path, key: key, rejects: rejects) { id, title, object, place in
      try body(Passage(id: id, title: title, text: try object.string("context", at: place)), place)
    }
  }

  /// Reads one query a question.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try forEachParagraph(in: path, key: key, rejects: rejects) { id, _, object, place in
      let questions = try object.array("qas", at: place)
      for (index, question) in questions.enumerated() {
        let here = place.inside("qas").inside(String(index))
        try rejects.attempt {
          let question = try question.requiredObject(at: here)
          let queryID = try question.identifier(at: here)
          let here = here.inRecord(queryID)
          let answers = try question.optionalArray("answers", at: here) ?? []
          var metadata = JSONObject()
          metadata["answers"] = .array(answers)
          try body(
            Query(
              id: queryID, text: try question.string("question", at: here),
              answer: answers.first?.objectValue?["text"]?.stringValue, goldPassages: [id],
              metadata: metadata), here)
        }
      }
    }
  }

  private func forEachParagraph(
    in path: FilePath, key: String?, rejects: RejectLog,
    _ body: (String, String, JSONObject, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    let (document, place) = try JSONRecords.document(path)
    for (index, article) in try document.objects("data", at: place).enumerated() {
      let inArticle = place.inside("data").inside(String(index))
      try rejects.attempt {
        let title = try article.optionalString("title", at: inArticle) ?? ""
        let paragraphs = try article.array("paragraphs", at: inArticle)
        for (number, paragraph) in paragraphs.enumerated() {
          let id = "\(index + 1)-\(number + 1)"
          let here = inArticle.inside("paragraphs").inside(String(number)).inRecord(id)
          try rejects.attempt { try body(id, title, try paragraph.requiredObject(at: here), here) }
        }
      }
    }
  }
}
