import Basics
import Corpus
import Evaluation
import Retrieval
import Statistics

/// `evaluate`: success@k of injected documents over a query set, before and after the policy.
struct EvaluateTool: BlockingTool {
  /// Questions that are answered together; between them the request can be cancelled.
  private static let slice = 16

  let pool: WorkerPool
  let engine: SearchEngine
  let questions: QuestionBank

  var definition: ToolDefinition {
    ToolDefinition(
      name: "evaluate", title: "Measure injected documents",
      description: "For how many questions of a query set do injected documents reach the first k"
        + " results, and for how many are they still there after the policy of this server?"
        + " success@k with Wilson 95 % intervals.",
      input: Schema.object(
        [
          ("handle", Schema.string("The handle that inject gave.")),
          (
            "querySet",
            questions.sets.isEmpty
              ? Schema.string("The query set.")
              : Schema.string(
                "The query set (default: \(questions.sets[0])).", oneOf: questions.sets)
          ),
          (
            "k",
            Schema.array(
              of: Schema.integer("A number of results.", in: 1...100),
              "Numbers of results (default: 2, 5, 10).", minimum: 1, maximum: 20)
          ),
          (
            "limit",
            Schema.integer("Ask only the first questions of the set.", in: 1...1_000_000)
          ),
        ], required: ["handle"]),
      output: Schema.object(
        [
          ("handle", Schema.string("The handle.")),
          ("querySet", Schema.string("The query set.")),
          ("questions", Schema.integer("Questions that were asked.")),
          ("policy", Schema.string("The policy of this server.")),
          (
            "success",
            Schema.array(
              of: .object(
                Schema.object(
                  [
                    ("k", Schema.integer("Results that the reader sees.")),
                    ("any", Self.proportion("Questions with any injected document among them.")),
                    (
                      "own",
                      Self.proportion("Questions with a document among them that is aimed at them.")
                    ),
                    (
                      "anyAfterPolicy",
                      Self.proportion("The first after flagged passages were dealt with.")
                    ),
                    (
                      "ownAfterPolicy",
                      Self.proportion("The second after flagged passages were dealt with.")
                    ),
                  ], required: ["k", "any", "anyAfterPolicy"])), "One entry for each k.")
          ),
        ], required: ["handle", "querySet", "questions", "policy", "success"]))
  }

  private static func proportion(_ description: String) -> JSONValue {
    .object(
      Schema.object(
        [
          ("successes", Schema.integer("Questions for which it holds.")),
          ("trials", Schema.integer("Questions.")), ("rate", Schema.number("Their share.")),
          (
            "wilson95",
            Schema.array(of: Schema.number("A bound."), "95 % interval.", minimum: 2, maximum: 2)
          ),
          ("notApplicable", Schema.string("Why there is no share.")),
        ], required: ["successes", "trials"], description))
  }

  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject {
    let set = try engine.overlays.set(arguments["handle"]?.stringValue ?? "")
    guard let name = arguments["querySet"]?.stringValue ?? questions.sets.first else {
      throw UsageError("there is no query set: serve a corpus that has one")
    }
    var queries = try questions.queries(name)
    if let limit = arguments.integer("limit") { queries = Array(queries.prefix(limit)) }
    let ks = (arguments["k"]?.arrayValue ?? [2, 5, 10]).compactMap {
      $0.doubleValue.map { Int($0) }
    }
    let targets = Dictionary(
      set.documents.compactMap { document in document.target.map { (document.id, $0) } }
    ) { first, _ in first }
    let retriever = try engine.shelf.retriever(nil)
    let depth = ks.max() ?? 1
    // Counted apart from the searches of clients.
    let before = SearchEngine(
      shelf: engine.shelf, overlays: engine.overlays, policy: .annotate,
      statistics: ServerStatistics())
    let after = SearchEngine(
      shelf: engine.shelf, overlays: engine.overlays, policy: engine.policy,
      statistics: ServerStatistics())
    var ranks: [(before: Ranks, after: Ranks)] = []
    for start in stride(from: 0, to: queries.count, by: Self.slice) {
      FaultInjection.pass("evaluate-slice") { context.isCancelled }
      try context.checkCancellation()
      let slice = queries[start..<min(start + Self.slice, queries.count)]
      let requests = slice.map { SearchRequest(query: $0.text, k: depth, overlay: set) }
      let retrieved = before.answers(requests, by: retriever)
      let shown =
        engine.policy == .annotate ? retrieved : after.answers(requests, by: retriever)
      for (query, (first, second)) in zip(slice, zip(retrieved, shown)) {
        let id = UTF8Key(query.id)
        ranks.append(
          (Ranks(try first.get(), of: id, targets), Ranks(try second.get(), of: id, targets)))
      }
      context.progress(ranks.count, of: queries.count, "questions asked")
    }
    let success = try ks.map { k -> JSONValue in
      func within(_ rank: Int?) -> Bool { rank.map { $0 <= k } ?? false }
      func share(_ rank: (Int) -> Int?) throws -> JSONValue {
        .object(try Proportion(counting: ranks.indices.map { within(rank($0)) }).json())
      }
      var entry: JSONObject = [
        "k": JSONValue(k), "any": try share { ranks[$0].before.any },
        "anyAfterPolicy": try share { ranks[$0].after.any },
      ]
      if !targets.isEmpty {
        entry["own"] = try share { ranks[$0].before.own }
        entry["ownAfterPolicy"] = try share { ranks[$0].after.own }
      }
      return .object(entry)
    }
    return [
      "handle": .string(set.handle), "querySet": .string(name),
      "questions": JSONValue(queries.count), "policy": .string(engine.policy.rawValue),
      "success": .array(success),
    ]
  }

  /// The best ranks of injected documents in one answer.
  private struct Ranks {
    var any: Int?
    var own: Int?

    init(_ answer: SearchAnswer, of query: UTF8Key, _ targets: [UTF8Key: UTF8Key]) {
      for (position, hit) in answer.hits.enumerated() {
        guard case .injected(let document, _) = hit.provenance else { continue }
        any = any ?? position + 1
        if targets[document.id] == query { own = own ?? position + 1 }
      }
    }
  }
}
