public import Basics
public import SystemPackage

/// BioASQ task B, golden sets: `{"questions": [{id, body, type, documents, snippets, …}]}`, or the
/// same questions as JSON Lines with `question`, `pmids` and snippets of `{pmid, section, text}`.
///
/// A passage is what the snippets show of one article: those of its title, and the others joined
/// by spaces in the order of the file. They are gathered in memory. A query has its documents as
/// gold passages; of type `yesno` it has the options yes and no.
///
/// - SeeAlso: Tsatsaronis et al. 2015, "An overview of the BioASQ large-scale biomedical semantic
///   indexing and question answering competition".
public struct BioASQReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .bioasq }

  private struct Article {
    var title: [String] = []
    var text: [String] = []
    var place: Place
  }

  /// Reads one article for all snippets of the same PMID.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    var articles: [UTF8Key: Article] = [:]
    var order: [UTF8Key] = []
    try forEachQuestion(in: path, key: key, rejects: rejects) { object, place in
      let snippets = try object.optionalArray("snippets", at: place) ?? []
      for (index, snippet) in snippets.enumerated() {
        let here = place.inside("snippets").inside(String(index))
        let snippet = try snippet.requiredObject(at: here)
        let member = snippet["pmid"] == nil ? "document" : "pmid"
        let id = UTF8Key(Self.pmid(try snippet.string(member, at: here)))
        let section =
          try snippet.optionalString("section", at: here)
          ?? snippet.optionalString("beginSection", at: here) ?? "abstract"
        let text = try snippet.string("text", at: here)
        var article = articles[id] ?? Article(place: place)
        if articles[id] == nil { order.append(id) }
        let isTitle = utf8Equal(section, "title")
        let known = isTitle ? article.title : article.text
        if !known.contains(where: { utf8Equal($0, text) }) {
          if isTitle { article.title.append(text) } else { article.text.append(text) }
        }
        articles[id] = article
      }
    }
    for id in order {
      guard let article = articles[id] else { continue }
      try rejects.attempt {
        try body(
          Passage(
            id: id.string, title: article.title.joined(separator: " "),
            text: article.text.joined(separator: " ")), article.place)
      }
    }
  }

  /// Reads one question an entry.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try forEachQuestion(in: path, key: key, rejects: rejects) { object, place in
      let member = object["question"] == nil ? "body" : "question"
      let documents = object["pmids"] == nil ? "documents" : "pmids"
      let gold =
        object[documents] == nil ? [] : try object.strings(documents, at: place).map(Self.pmid)
      var metadata = JSONObject()
      for name in ["type", "batch", "exact_answer", "ideal_answer"] {
        metadata[name] = object[name]
      }
      var query = Query(
        id: try object.identifier(at: place), text: try object.string(member, at: place),
        goldPassages: gold, metadata: metadata)
      if try utf8Equal(object.string("type", at: place), "yesno") {
        query.options = [
          AnswerOption(label: "A", text: "yes"), AnswerOption(label: "B", text: "no"),
        ]
        let answer = try object.string("exact_answer", at: place).lowercased()
        guard let option = query.options.first(where: { utf8Equal($0.text, answer) }) else {
          throw InputError(
            "'exact_answer': expected yes or no, found '\(TerminalText.excerpt(answer))'",
            at: place)
        }
        query.answer = option.label
      }
      try body(query, place)
    }
  }

  private func forEachQuestion(
    in path: FilePath, key: String?, rejects: RejectLog,
    _ body: (JSONObject, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    guard try SourceFormat.isWholeJSON(path) else {
      return try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
        try body(object, place.inRecord(try object.identifier(at: place)))
      }
    }
    let (document, place) = try JSONRecords.document(path)
    for (index, question) in try document.objects("questions", at: place).enumerated() {
      try rejects.attempt {
        let here = place.inside("questions").inside(String(index))
        try body(question, here.inRecord(try question.identifier(at: here)))
      }
    }
  }

  /// The number at the end of `http://www.ncbi.nlm.nih.gov/pubmed/22853635`, or the text itself.
  static func pmid(_ text: String) -> String {
    let bytes = text.utf8
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return text }
    return String(text[bytes.index(after: slash)...])
  }
}
