import Basics
import Models
import Retrieval

/// `list_indexes`: what is served.
struct ListIndexesTool: BlockingTool {
  let pool: WorkerPool
  let shelf: RetrieverShelf
  let questions: QuestionBank
  let name: String

  var definition: ToolDefinition {
    ToolDefinition(
      name: "list_indexes", title: "List what is served",
      description: "The corpus that is searched: its size, its state, the retrievers and the query"
        + " sets that come with it.",
      input: Schema.object([]),
      output: Schema.object(
        [
          (
            "indexes",
            Schema.array(
              of: .object(
                Schema.object(
                  [
                    ("name", Schema.string("The name.")),
                    ("documents", Schema.integer("Its documents.")),
                    ("chunks", Schema.integer("The parts that are searched.")),
                    ("generation", Schema.integer("Grows with every change.")),
                    ("checksum", Schema.string("Of all documents.")),
                    ("hybrid", Schema.bool("Whether BM25 postings are stored.")),
                    (
                      "retrievers",
                      Schema.array(
                        of: .object(
                          Schema.object(
                            [
                              ("name", Schema.string("The name to ask for.")),
                              ("loaded", Schema.bool("Whether it is in memory.")),
                              ("dimension", Schema.integer("Numbers in a vector.")),
                              ("similarity", Schema.string("How vectors are compared.")),
                            ], required: ["name", "loaded"])), "The default first.")
                    ),
                    (
                      "querySets",
                      Schema.array(
                        of: .object(
                          Schema.object(
                            [
                              ("name", Schema.string("The name.")),
                              ("questions", Schema.integer("How many.")),
                            ], required: ["name", "questions"])),
                        "Questions that come with the corpus.")
                    ),
                  ],
                  required: [
                    "name", "documents", "chunks", "generation", "checksum", "hybrid",
                    "retrievers", "querySets",
                  ])), "What is served.")
          )
        ], required: ["indexes"]))
  }

  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject {
    let corpus = try shelf.retriever(nil).watch.current().corpus
    let ready = shelf.ready
    return [
      "indexes": [
        .object([
          "name": .string(name), "documents": JSONValue(corpus.state.documents),
          "chunks": JSONValue(corpus.state.chunks),
          "generation": JSONValue(corpus.state.generation),
          "checksum": .string(corpus.state.checksum),
          "hybrid": .bool(try corpus.store.hasCurrentPostings()),
          "retrievers": .array(
            shelf.names.map { name in
              guard let retriever = ready.first(where: { $0.name == name }) else {
                return ["name": .string(name), "loaded": false]
              }
              return [
                "name": .string(name), "loaded": true,
                "dimension": JSONValue(retriever.embedder.model.dimension),
                "similarity": .string(retriever.embedder.model.similarity.rawValue),
              ]
            }),
          "querySets": .array(
            try questions.sets.map {
              ["name": .string($0), "questions": JSONValue(try questions.count($0))]
            }),
        ])
      ]
    ]
  }
}
