import Basics
import Defenses
import Models
import Retrieval
import Statistics

/// `detect`: verdicts on texts, or on documents of the corpus, as if they were found.
struct DetectTool: BlockingTool {
  /// Texts and ids of one call.
  static let maximumSubjects = 1000

  let pool: WorkerPool
  let shelf: RetrieverShelf
  let overlays: OverlayStore
  let questions: QuestionBank

  var definition: ToolDefinition {
    ToolDefinition(
      name: "detect", title: "Judge documents",
      description: "Tells whether documents look planted: texts that are not in the corpus (before"
        + " they are added, for one), or documents by id. A document is judged among the passages"
        + " that a question finds; without a question the corpus's own question that is nearest to"
        + " the document is taken.",
      input: Schema.object([
        (
          "texts",
          Schema.array(
            of: Schema.string("A text.", minimum: 1), "Texts to judge.", minimum: 1,
            maximum: Self.maximumSubjects)
        ),
        (
          "ids",
          Schema.array(
            of: Schema.string("An id.", minimum: 1), "Documents to judge.", minimum: 1,
            maximum: Self.maximumSubjects)
        ),
        (
          "query",
          Schema.string(
            "The question they would be found by.", minimum: 1, maximum: SearchTool.maximumQuery)
        ),
        ("handle", Schema.string("A handle of inject: ids may be of its documents.")),
      ]),
      output: Schema.object(
        [
          ("detector", Schema.string("The detector.")),
          ("threshold", Schema.number("Scores above it are flagged.")),
          (
            "verdicts",
            Schema.array(
              of: .object(
                Schema.object(
                  [
                    ("id", Schema.string("The id, for documents.")),
                    ("text", Schema.integer("The position in texts, from 0.")),
                    ("query", Schema.string("The question it was judged for.")),
                    ("similarity", Schema.number("Its similarity to the question.")),
                    ("detectorScore", Schema.number("Higher is more suspicious.")),
                    ("pValue", Schema.number("Conformal p-value, from 0 to 1.")),
                    ("flagged", Schema.bool("Whether the score is above the threshold.")),
                    ("reason", Schema.string("Why it is flagged, or could not be judged.")),
                  ], required: ["flagged"])), "One verdict each: texts first, then ids.")
          ),
        ], required: ["detector", "threshold", "verdicts"]))
  }

  /// A document to be judged.
  private struct Subject {
    var name: (key: String, value: JSONValue)
    var id: String
    var title = ""
    var text: String
    var vector: EmbeddingRow?
  }

  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject {
    let texts = (arguments["texts"]?.arrayValue ?? []).compactMap(\.stringValue)
    let ids = (arguments["ids"]?.arrayValue ?? []).compactMap(\.stringValue)
    guard !texts.isEmpty || !ids.isEmpty else {
      throw UsageError("give 'texts' or 'ids', or both: there is nothing to judge")
    }
    let retriever = try shelf.retriever(nil)
    let judge: ListJudge
    switch retriever.judge {
    case .success(let ready): judge = ready
    case .failure(let why): throw UsageError("nothing can be judged: \(why.reason)")
    }
    let index = try retriever.watch.current().corpus
    let overlay = try arguments["handle"]?.stringValue.map { try overlays.set($0) }
    let subjects =
      try
      (subjects(texts, retriever, context)
      + subjects(ids: ids, index, overlay, retriever))
    let asked = arguments["query"]?.stringValue
    let question = try asked.map { text in
      guard let vector = retriever.embedder.embed(query: text) else {
        throw UsageError("query: there is nothing in it that can be embedded")
      }
      return (text, try VectorMatrix(vector: vector))
    }
    var verdicts: [JSONValue] = []
    for (position, subject) in subjects.enumerated() {
      try context.checkCancellation()
      verdicts.append(
        .object(try verdict(on: subject, question, index, retriever, judge)))
      context.progress(position + 1, of: subjects.count, "judging")
    }
    return [
      "detector": .string(judge.name), "threshold": .number(judge.conformal.threshold),
      "verdicts": .array(verdicts),
    ]
  }

  private func subjects(
    _ texts: [String], _ retriever: Retriever, _ context: RequestContext
  ) throws -> [Subject] {
    guard !texts.isEmpty else { return [] }
    let embeddings = try retriever.embedder.embed(
      texts.map { .passage(title: "", text: $0, separator: retriever.titleSeparator) })
    try context.checkCancellation()
    let empty = Set(embeddings.unembeddable)
    return texts.enumerated().map { position, text in
      Subject(
        name: ("text", JSONValue(position)), id: "text \(position)", text: text,
        vector: empty.contains(position) ? nil : EmbeddingRow(embeddings.matrix, row: position))
    }
  }

  private func subjects(
    ids: [String], _ index: CorpusIndex, _ overlay: InjectedSet?, _ retriever: Retriever
  ) throws -> [Subject] {
    let embedded = try overlay?.embedded(
      by: retriever.embedder, separator: retriever.titleSeparator)
    return try ids.enumerated().map { position, id in
      let name = (key: "id", value: JSONValue.string(id))
      if let embedded, let row = embedded.documents.firstIndex(where: { $0.id == UTF8Key(id) }) {
        let document = embedded.documents[row]
        return Subject(
          name: name, id: id, title: document.title, text: document.text,
          vector: EmbeddingRow(embedded.vectors, row: row))
      }
      guard let chunk = try index.store.chunks(ofDocument: id).first else {
        throw UsageError("ids[\(position)]: there is no document '\(TerminalText.excerpt(id))'")
      }
      return Subject(
        name: name, id: id, title: chunk.title, text: chunk.text,
        vector: index.row(ofChunk: chunk.key).map { EmbeddingRow(index.vectors, row: $0) })
    }
  }

  private func verdict(
    on subject: Subject, _ asked: (text: String, vector: VectorMatrix)?, _ index: CorpusIndex,
    _ retriever: Retriever, _ judge: ListJudge
  ) throws -> JSONObject {
    var object: JSONObject = [subject.name.key: subject.name.value]
    guard let vector = subject.vector else {
      object["flagged"] = false
      object["reason"] = "not judged: there is nothing in it that can be embedded"
      return object
    }
    let (text, query) = try asked ?? questions.nearest(to: vector, by: retriever)
    let own = try ExactScan(
      try VectorMatrix(vector: vector.withValues { Array($0) }),
      similarity: retriever.embedder.model.similarity, threads: 1)
    let similarity = Double(try own.scores(of: query, against: [0])[0])
    // The list it would stand in, without itself.
    let hits = try index.rank(query, limit: ListJudge.listLength + 1)[0]
      .filter { $0.id != UTF8Key(subject.id) }.prefix(ListJudge.listLength)
    let passages = try index.store.passages(hits.map { index.chunks[$0.row] })
    let clean = zip(hits, passages).compactMap { hit, passage in
      passage.map {
        DetectionCandidate(
          id: hit.id.string, title: $0.chunk.title, text: $0.chunk.text,
          vector: EmbeddingRow(index.vectors, row: hit.row), similarity: hit.score)
      }
    }
    let windows = try retriever.furtherWindows(
      of: [(subject.title, subject.text)], for: EmbeddingRow(query, row: 0), by: judge)
    let list = try DetectionList.merging(
      [
        DetectionCandidate(
          id: subject.id, title: subject.title, text: subject.text, vector: vector,
          similarity: similarity, furtherWindows: windows[0])
      ],
      into: DetectionList(
        query: DetectionQuery(id: "query", text: text, vector: EmbeddingRow(query, row: 0)),
        candidates: clean), k: ListJudge.listLength)
    object["query"] = .string(text)
    object["similarity"] = .number(similarity)
    switch try judge.verdicts(on: [list])[0] {
    case .success(let verdicts):
      object["detectorScore"] = .number(verdicts[0].score)
      object["pValue"] = .number(verdicts[0].pValue)
      object["flagged"] = .bool(verdicts[0].isFlagged)
      if verdicts[0].isFlagged { object["reason"] = .string(judge.reason(verdicts[0])) }
    case .failure(let error):
      object["flagged"] = false
      object["reason"] = .string("not judged: \(error.description)")
    }
    return object
  }
}
