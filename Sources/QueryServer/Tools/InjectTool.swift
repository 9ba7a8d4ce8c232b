import Basics
import Retrieval

/// `inject`: documents that are seen under a handle only.
struct InjectTool: BlockingTool {
  let pool: WorkerPool
  let shelf: RetrieverShelf
  let overlays: OverlayStore

  var definition: ToolDefinition {
    ToolDefinition(
      name: "inject", title: "Inject documents for a test",
      description: "Puts documents beside the corpus under a handle, to see how search and detector"
        + " treat them. Only searches that name the handle see them; the corpus never changes."
        + " End with rollback.",
      input: Schema.object(
        [
          (
            "documents",
            Schema.array(
              of: .object(
                Schema.object(
                  [
                    (
                      "id",
                      Schema.string(
                        "An id that no other document has (default: made up).", minimum: 1,
                        maximum: 1024)
                    ),
                    ("title", Schema.string("Its title (default: none).")),
                    ("text", Schema.string("Its text.", minimum: 1)),
                    (
                      "target",
                      Schema.string("The id of the question it is aimed at, for evaluate.")
                    ),
                  ], required: ["text"])), "The documents.", minimum: 1,
              maximum: OverlayStore.maximumDocuments)
          ),
          ("handle", Schema.string("A handle to add to (default: a new one).")),
        ], required: ["documents"]),
      output: Schema.object(
        [
          ("handle", Schema.string("The handle that searches name.")),
          ("ids", Schema.array(of: Schema.string("An id."), "The ids, in the order given.")),
          ("documents", Schema.integer("Documents under the handle now.")),
          (
            "unembeddable",
            Schema.array(
              of: Schema.string("An id."),
              "Documents with nothing to embed, which no search can find.")
          ),
        ], required: ["handle", "ids", "documents", "unembeddable"]),
      isReadOnly: false, isIdempotent: false)
  }

  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject {
    let retriever = try shelf.retriever(nil)
    let store = try retriever.watch.current().corpus.store
    let handle = arguments["handle"]?.stringValue
    let first = try handle.map { try overlays.set($0).documents.count } ?? 0
    var documents: [InjectedDocument] = []
    var seen: Set<UTF8Key> = []
    for (position, item) in (arguments["documents"]?.arrayValue ?? []).enumerated() {
      let object = item.objectValue ?? [:]
      let id = UTF8Key(object["id"]?.stringValue ?? "injected:\(first + position + 1)")
      guard seen.insert(id).inserted else {
        throw UsageError(
          "documents[\(position)].id: '\(TerminalText.excerpt(id.string))' is given twice")
      }
      if try store.document(id.string) != nil {
        throw UsageError(
          "documents[\(position)].id: the corpus has a document '\(TerminalText.excerpt(id.string))'"
            + " already; choose another id")
      }
      documents.append(
        InjectedDocument(
          id: id, title: object["title"]?.stringValue ?? "",
          text: object["text"]?.stringValue ?? "",
          target: object["target"]?.stringValue.map { UTF8Key($0) }))
    }
    try context.checkCancellation()
    let set = try overlays.add(documents, to: handle)
    // Embedded now, so that the first search does not wait for it.
    let total = set.documents.count
    let done = ProgressCount()
    let embedded = try set.embedded(
      by: retriever.embedder, separator: retriever.titleSeparator
    ) { context.progress(done.add($0), of: total, "embedding") }
    let found = Set(embedded.documents.map(\.id))
    return [
      "handle": .string(set.handle), "ids": .array(documents.map { .string($0.id.string) }),
      "documents": JSONValue(total),
      "unembeddable": .array(
        documents.filter { !found.contains($0.id) }.map { .string($0.id.string) }),
    ]
  }
}

/// `rollback`: the end of a handle.
struct RollbackTool: BlockingTool {
  let pool: WorkerPool
  let overlays: OverlayStore

  var definition: ToolDefinition {
    ToolDefinition(
      name: "rollback", title: "Forget injected documents",
      description: "Forgets the documents under a handle and the handle itself.",
      input: Schema.object(
        [("handle", Schema.string("The handle that inject gave."))], required: ["handle"]),
      output: Schema.object(
        [
          ("handle", Schema.string("The handle, which is no longer known.")),
          ("documents", Schema.integer("How many documents were forgotten.")),
        ], required: ["handle", "documents"]), isReadOnly: false, isIdempotent: false)
  }

  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject {
    let handle = arguments["handle"]?.stringValue ?? ""
    return ["handle": .string(handle), "documents": JSONValue(try overlays.remove(handle))]
  }
}
