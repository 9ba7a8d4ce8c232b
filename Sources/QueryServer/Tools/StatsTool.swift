import Basics

/// `stats`: what the server has done, how long it took, and what the detector adds to a query.
struct StatsTool: BlockingTool {
  let pool: WorkerPool
  let shelf: RetrieverShelf
  let overlays: OverlayStore
  let statistics: ServerStatistics
  let registry: RequestRegistry
  let policy: DetectionPolicy

  var definition: ToolDefinition {
    let latency = Schema.anyObject("count, meanMs, p50Ms, p95Ms, p99Ms and maxMs.")
    return ToolDefinition(
      name: "stats", title: "Statistics of this server",
      description: "Calls, errors and latencies since the start, among them what detection adds to"
        + " a query; memory; the state of index, detector and injected documents.",
      input: Schema.object([]),
      output: Schema.object(
        [
          ("uptimeSeconds", Schema.number("Since the start.")),
          ("residentBytes", Schema.integer("Memory the process holds.")),
          ("inFlight", Schema.integer("Requests at work, this one included.")),
          ("tools", Schema.anyObject("By tool: calls, failed, latency.")),
          (
            "search",
            .object(
              Schema.object(
                ServerStatistics.Stage.allCases.map { ($0.rawValue, latency) },
                required: ServerStatistics.Stage.allCases.map(\.rawValue),
                "Parts of answering a search; detection is what the detector adds to one query."))
          ),
          ("protocolErrors", Schema.anyObject("By code.")),
          ("cancelled", Schema.integer("Cancelled requests.")),
          ("batches", Schema.anyObject("Micro-batches of searches: count, queries, largest.")),
          ("flagged", Schema.integer("Passages that the detector flagged in answers.")),
          ("removed", Schema.integer("Passages that were taken out of answers.")),
          ("policy", Schema.string("What is done with flagged passages.")),
          (
            "retrievers",
            Schema.array(
              of: Schema.anyObject(
                "name, generation, storedGeneration, reloads, and detection or noDetection."),
              "Those in memory.")
          ),
          ("overlays", Schema.anyObject("handles and documents.")),
        ],
        required: [
          "uptimeSeconds", "residentBytes", "inFlight", "tools", "search", "protocolErrors",
          "cancelled", "batches", "flagged", "removed", "policy", "retrievers", "overlays",
        ]))
  }

  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject {
    var object = statistics.json
    object["inFlight"] = JSONValue(registry.count)
    object["policy"] = .string(policy.rawValue)
    object["retrievers"] = .array(
      shelf.ready.map { retriever in
        let lag = retriever.watch.lag
        var entry: JSONObject = [
          "name": .string(retriever.name), "generation": JSONValue(lag.served),
          "storedGeneration": JSONValue(lag.stored),
          "reloads": JSONValue(retriever.watch.reloads),
        ]
        switch retriever.judge {
        case .success(let judge): entry["detection"] = .object(judge.json)
        case .failure(let why): entry["noDetection"] = .string(why.reason)
        }
        return .object(entry)
      })
    let counts = overlays.counts
    object["overlays"] = [
      "handles": JSONValue(counts.handles), "documents": JSONValue(counts.documents),
    ]
    return object
  }
}
