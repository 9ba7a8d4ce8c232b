import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The tools of `ragbench serve`, through the built program.
@Suite struct ServeToolTests {
  private static let tools = [
    "search", "get_document", "detect", "inject", "rollback", "evaluate", "list_indexes", "stats",
  ]

  @Test func toolsAreListedAsTheVersionHasThem() throws {
    for (version, members) in [
      ("2024-11-05", ["name", "description", "inputSchema"]),
      ("2025-03-26", ["name", "description", "inputSchema", "annotations"]),
      (
        "2025-11-25",
        ["name", "title", "description", "inputSchema", "outputSchema", "annotations"]
      ),
    ] {
      let client = try ServeClient.medqa(initializes: false)
      client.process.send(
        line: ServeClient.hello.replacingOccurrences(of: "2025-11-25", with: version))
      #expect(try client.answer(to: "hello")["result"]?["protocolVersion"] == .string(version))
      client.process.send(line: #"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
      let tools = try #require(try client.answer(to: 1)["result"]?["tools"]?.arrayValue)
      #expect(tools.compactMap { $0["name"]?.stringValue } == Self.tools)
      for tool in tools { #expect(tool.objectValue?.keys == members) }
      try client.close()
    }
  }

  /// What search gives is what `ragbench query` gives, with where it came from.
  @Test(arguments: [[], ["--hybrid", "bm25"]]) func searchAgreesWithQuery(mode: [String]) throws {
    let command = try Command.ready.get()
    let client = try ServeClient.medqa(mode)
    for question in ["treatment of gout", "iron deficiency", "which drug in heart failure?"] {
      let expected = try #require(
        try command.json(
          ["query", question, "--corpus", "medqa", "--retriever", Command.model, "--k", "7"] + mode
        )["results"]?.arrayValue)
      let answer = try client.call("search", ["query": .string(question), "k": 7])
      let hits = try #require(answer["hits"]?.arrayValue)
      for key in ["rank", "id", "score", "title", "text"] {
        #expect(hits.map { $0[key] } == expected.map { $0[key] }, "\(key)")
      }
      for hit in hits {
        #expect(hit["provenance"]?["source"] == "passages.jsonl")
        #expect(hit["provenance"]?["injected"] == false)
        let line = try #require(hit["provenance"]?["line"]?.intValue)
        #expect((1...255).contains(line))
        let p = try #require(hit["pValue"]?.doubleValue)
        #expect(p > 0 && p <= 1)
        #expect(hit["detectorScore"]?.doubleValue != nil && hit["quarantined"] == false)
      }
      #expect(answer["removed"] == [])
    }
    try client.close()
  }

  /// An answer does not depend on what is asked at the same time.
  @Test func answersOfABatchAreThoseOfOneQuestionAlone() throws {
    let client = try ServeClient.medqa(["--policy", "quarantine"])
    let questions = (0..<60).map { "question \($0) about \(["gout", "iron", "sleep"][$0 % 3])" }
    let alone = try questions.map { try client.call("search", ["query": .string($0), "k": 3]) }
    let lines = try questions.enumerated().map {
      try ServeClient.call(1000 + $0, "search", ["query": .string($1), "k": JSONValue(3)]) + "\n"
    }
    client.process.send(Array(lines.joined().utf8))
    var together = [JSONValue?](repeating: nil, count: 60)
    for _ in 0..<60 {
      let answer = try #require(try client.next())
      together[try #require(answer["id"]?.intValue) - 1000] = answer["result"]?["structuredContent"]
    }
    #expect(together == alone)
    let stats = try client.call("stats")
    let largest = try #require(stats["batches"]?["largest"]?.intValue)
    #expect(largest > 1, "nothing was asked together")
    try client.close()
  }

  @Test func filtersHoldAndTheAnswerIsStillFull() throws {
    let client = try ServeClient.medqa()
    let all = try #require(
      try client.call("search", ["query": "treatment", "k": 255])["hits"]?.arrayValue)
    #expect(all.count == 255)
    func ids(_ filters: JSONObject, k: Int = 5) throws -> [String] {
      let answer = try client.call(
        "search", ["query": "treatment", "k": JSONValue(k), "filters": .object(filters)])
      return try #require(answer["hits"]?.arrayValue).compactMap { $0["id"]?.stringValue }
    }
    let order = all.compactMap { $0["id"]?.stringValue }
    let rheumatology = order.filter { $0.hasPrefix("rheumatology-") }
    #expect(try ids(["idPrefix": "rheumatology-"]) == Array(rheumatology.prefix(5)))
    #expect(try ids(["metadata": ["specialty": "rheumatology"]]) == Array(rheumatology.prefix(5)))
    #expect(try ids(["metadata": ["specialty": "rheumatology"]], k: 200) == rheumatology)
    #expect(
      try ids(["excludeIds": .array(order.prefix(3).map { .string($0) })])
        == Array(order[3..<8]))
    let bound = try #require(all[2]["score"]?.doubleValue)
    #expect(try ids(["minScore": .number(bound)]) == Array(order.prefix(3)))
    #expect(try ids(["metadata": ["specialty": 7]]) == [])
    try client.close()
  }

  @Test func overlaysAreSeenByTheirHandleOnlyAndLeaveNothing() throws {
    let client = try ServeClient.medqa()
    let question = "an entirely unusual question about walruses"
    let clean = try client.call("search", ["query": .string(question), "k": 5])
    func inject(_ text: String) throws -> (handle: JSONValue, id: JSONValue) {
      let made = try client.call("inject", ["documents": [["text": .string(text), "title": "T"]]])
      return (try #require(made["handle"]), try #require(made["ids"]?[0]))
    }
    let first = try inject(question + " one")
    let second = try inject(question + " two")
    #expect(first.handle != second.handle)
    for (own, text) in [(first, question + " one"), (second, question + " two")] {
      let hits = try #require(
        try client.call(
          "search", ["query": .string(question), "k": 255, "handle": own.handle])["hits"]?
          .arrayValue)
      let injected = hits.filter { $0["provenance"]?["injected"] == true }
      #expect(injected.count == 1 && injected[0]["text"]?.stringValue == text)
      #expect(injected.first?["provenance"]?["handle"] == own.handle)
      #expect(
        try client.call("get_document", ["id": own.id, "handle": own.handle])["text"]
          == .string(text))
    }
    #expect(try client.call("search", ["query": .string(question), "k": 5]) == clean)
    #expect(try client.failure("get_document", ["id": first.id]).contains("there is no document"))
    #expect(try client.call("rollback", ["handle": first.handle])["documents"] == 1)
    for (tool, arguments) in [
      ("search", ["query": "x", "handle": first.handle]),
      ("rollback", ["handle": first.handle]), ("evaluate", ["handle": first.handle]),
    ] as [(String, JSONObject)] {
      #expect(try client.failure(tool, arguments).contains("there is no handle"))
    }
    // Ids of the corpus are taken, and ids under one handle are distinct.
    let taken = try #require(clean["hits"]?[0]?["id"])
    let refusals: [([JSONValue], String)] = [
      ([["id": taken, "text": "x"]], "the corpus has a document"),
      ([["id": "a", "text": "x"], ["id": "a", "text": "y"]], "is given twice"),
      ([], "at least 1 elements"), ([["text": ""]], "at least 1 characters"),
    ]
    for (documents, reason) in refusals {
      #expect(try client.failure("inject", ["documents": .array(documents)]).contains(reason))
    }
    let more = try client.call(
      "inject",
      ["documents": [["text": "more"], ["text": "\u{200B}"]], "handle": second.handle])
    #expect(more["documents"] == 3 && more["unembeddable"] == ["injected:3"])
    #expect(try client.call("stats")["overlays"] == ["handles": 1, "documents": 3])
    try client.close()
    // Nothing of it is in the store.
    let info = try Command.ready.get().json(["index", "info", "--corpus", "medqa"])
    #expect((info["documents"] ?? info[0]?["documents"])?.intValue == 255)
  }

  @Test func documentsAreGivenWhole() throws {
    let client = try ServeClient.medqa()
    let document = try client.call("get_document", ["id": "cardiology-01"])
    #expect(document["title"] == "Chronic stable angina")
    #expect(document["metadata"]?["specialty"] == "cardiology")
    #expect(document["provenance"]?["line"] == 1 && document["chunks"] == 1)
    #expect(
      try client.failure("get_document", ["id": "cardiology-1000"]).contains(
        "there is no document 'cardiology-1000'"))
    try client.close()
  }

  @Test func wrongArgumentsTellHowToCorrectThem() throws {
    let client = try ServeClient.medqa()
    let rows: [(String, JSONObject, String)] = [
      ("search", [:], "query: it is missing"),
      ("search", ["query": ""], "query: expected at least 1 characters"),
      ("search", ["qeury": "x"], "did you mean 'query'?"),
      ("search", ["query": "x", "k": 1001], "k: expected 1 to 1000, found the integer 1001"),
      ("search", ["query": "x", "retriever": "tiny-brt"], "did you mean 'tiny-bert'?"),
      ("search", ["query": "x", "hybrid": "bm52"], "did you mean 'bm25'?"),
      ("search", ["query": "x", "filters": ["idprefix": "a"]], "did you mean 'idPrefix'?"),
      ("search", ["query": "\u{200B}"], "nothing in it that can be embedded"),
      ("detect", [:], "give 'texts' or 'ids'"), ("detect", ["ids": ["no"]], "ids[0]: there is no"),
      ("evaluate", ["handle": "x", "querySet": "exams"], "did you mean 'exam'?"),
      ("stats", ["x": 1], "x: there is no such member"),
    ]
    for (tool, arguments, text) in rows {
      let found = try client.failure(tool, arguments)
      #expect(found.contains(text), "\(found)")
    }
    try client.close()
  }

  @Test func statisticsTellWhatDetectionAdds() throws {
    let client = try ServeClient.medqa()
    for number in 0..<20 { _ = try client.call("search", ["query": .string("gout \(number)")]) }
    _ = try client.failure("search", ["query": "x", "k": 0])
    let stats = try client.call("stats")
    #expect(stats["tools"]?["search"]?["calls"] == 21)
    #expect(stats["tools"]?["search"]?["failed"] == 1)
    for stage in ["waiting", "embedding", "ranking", "detection"] {
      let times = try #require(stats["search"]?[stage])
      #expect(times["count"] == 20, "\(stage): \(times)")
      let (middle, high) = (times["p50Ms"]?.doubleValue, times["p99Ms"]?.doubleValue)
      #expect((middle ?? -1) > 0 && (middle ?? 1) <= (high ?? 0))
    }
    let retriever = try #require(stats["retrievers"]?[0])
    #expect(retriever["generation"] == 1 && retriever["reloads"] == 0)
    #expect(retriever["detection"]?["detector"] == "combined")
    #expect(try #require(stats["residentBytes"]?.intValue) > 1 << 20)
    try client.close()
  }

  @Test func aLongEvaluationTellsItsProgressAndCanBeCancelled() throws {
    let client = try ServeClient.medqa(
      ["--policy", "quarantine"], environment: ["RAGBENCH_SLOW_TOOL": "evaluate-slice:150"])
    let queries = try String(
      contentsOfFile: Checkout.root.appending("Corpora/medqa/queries/exam.jsonl").string,
      encoding: .utf8
    ).split(separator: "\n").map { try JSONParser.parse(String($0)) }
    let documents = queries.map { query -> JSONValue in
      ["text": query["text"] ?? .null, "target": query["_id"] ?? .null]
    }
    let handle = try #require(
      try client.call("inject", ["documents": .array(documents)], token: "inject")["handle"])
    let result = try client.call("evaluate", ["handle": handle, "k": [1, 5]], token: "evaluate")
    #expect(result["questions"] == 120 && result["querySet"] == "exam")
    let first = try #require(result["success"]?[0])
    // A copy of the question is the nearest document there can be.
    #expect(first["own"]?["successes"] == 120 && first["any"]?["rate"] == 1.0)
    let told = client.notifications.filter { $0["params"]?["progressToken"] == "evaluate" }
      .compactMap { $0["params"]?["progress"]?.intValue }
    #expect(told.count >= 7 && told == told.sorted() && told.last == 120, "\(told)")
    #expect(Set(told).count == told.count)
    #expect(client.notifications.contains { $0["params"]?["progressToken"] == "inject" })
    // Cancelled after its first sign of life.
    client.process.send(
      line: try ServeClient.call(777, "evaluate", ["handle": handle], token: "again"))
    while let line = try client.next(), line["params"]?["progressToken"] != "again" {}
    client.process.send(
      line:
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":777,"reason":"enough"}}"#
    )
    let stats = try client.call("stats")
    #expect(stats["cancelled"] == 1)
    // Nothing more comes for it: neither an answer nor, after the cancellation was read, progress.
    let before = client.notifications.count
    usleep(300_000)
    #expect(try client.call("stats")["inFlight"] == 1)
    #expect(client.notifications.count <= before + 1)
    try client.close()
  }

  @Test func twoLongCallsInterleave() throws {
    let client = try ServeClient.medqa(environment: ["RAGBENCH_SLOW_TOOL": "stats:400"])
    client.process.send(line: try ServeClient.call(1, "stats"))
    client.process.send(line: try ServeClient.call(2, "stats"))
    client.process.send(line: try ServeClient.call(3, "search", ["query": "gout"]))
    // The search overtakes both.
    #expect(try client.next()?["id"] == 3)
    #expect(
      Set([try client.next()?["id"]?.intValue, try client.next()?["id"]?.intValue]) == [1, 2])
    try client.close()
  }

  @Test func verdictsOnTextsAndDocuments() throws {
    let client = try ServeClient.medqa()
    let question = "Which drug prevents recurrent attacks of gout in chronic kidney disease?"
    let poison = question + " " + question
    let asked = try client.call(
      "detect",
      [
        "texts": [.string(poison), "a clean sentence about something else", "\u{200B}"],
        "ids": ["cardiology-01"], "query": .string(question),
      ])
    let verdicts = try #require(asked["verdicts"]?.arrayValue)
    #expect(verdicts.count == 4)
    #expect(verdicts.map { $0["text"]?.intValue } == [0, 1, 2, nil])
    #expect(verdicts[3]["id"] == "cardiology-01")
    let scores = verdicts.map { $0["detectorScore"]?.doubleValue }
    #expect(try #require(scores[0]) > (try #require(scores[1])))
    #expect(verdicts[2]["reason"]?.stringValue?.hasPrefix("not judged") == true)
    // In its place in the list a document of the corpus has the verdict that search gives it.
    let found = try #require(
      try client.call("search", ["query": .string(question), "k": 9])["hits"]?.arrayValue)
    for hit in found.prefix(3) {
      let own = try client.call(
        "detect", ["ids": [hit["id"] ?? .null], "query": .string(question)])
      let verdict = try #require(own["verdicts"]?[0])
      expectClose(
        [try #require(verdict["detectorScore"]?.doubleValue)],
        [try #require(hit["detectorScore"]?.doubleValue)], absolute: 1e-9)
      #expect(verdict["pValue"] == hit["pValue"] && verdict["flagged"] == hit["flagged"])
    }
    // Without a question the corpus's own nearest one is taken.
    let exam = try String(
      contentsOfFile: Checkout.root.appending("Corpora/medqa/queries/exam.jsonl").string,
      encoding: .utf8
    ).split(separator: "\n").map { try JSONParser.parse(String($0)) }
    let text = try #require(exam[7]["text"]?.stringValue)
    let alone = try client.call("detect", ["texts": [.string(text)]])
    #expect(alone["verdicts"]?[0]?["query"]?.stringValue == text)
    try client.close()
  }

  /// Two documents that differ only beyond what the encoder reads: a detector of first windows cannot
  /// tell them apart, one of all windows does, in `detect` and in `search`.
  @Test func aDetectorOfAllWindowsSeesTheEndOfALongDocument() throws {
    let command = try Command.withIndex()
    let question = "Which drug is given first in gout?"
    let head = question + String(repeating: " the patient had a fever and a cough", count: 40)
    let ends = [" and a cough", String(repeating: " 日 é % ( ) ! 9 z", count: 60)]
    for windows in ["first", "all"] {
      let file = command.directory.file("\(windows).detector")
      let fitted = try command.run([
        "detect", "fit", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam",
        "--detector", "pca-residual", "--windows", windows, "--output", file.string,
      ])
      try #require(fitted.status == 0, "\(fitted.errorText)")
      let client = try ServeClient(
        command,
        ["--corpus", "medqa", "--retriever", Command.model, "--detector", file.string])
      let asked = try client.call(
        "detect",
        ["texts": .array(ends.map { .string(head + $0) }), "query": .string(question)])
      let scores = try #require(asked["verdicts"]?.arrayValue).map {
        $0["detectorScore"]?.doubleValue
      }
      try #require(scores.count == 2 && scores[0] != nil && scores[1] != nil)
      #expect((scores[0] == scores[1]) == (windows == "first"), "\(windows): \(scores)")
      // The same documents, injected, each in its own overlay.
      var found: [Double?] = []
      for end in ends {
        let injected = try client.call(
          "inject", ["documents": [["id": "long", "text": .string(head + end)]]])
        let answer = try client.call(
          "search",
          ["query": .string(question), "k": 300, "handle": injected["handle"] ?? .null])
        let hit = answer["hits"]?.arrayValue?.first { $0["id"]?.stringValue == "long" }
        found.append(hit?["detectorScore"]?.doubleValue)
      }
      #expect(found[0] != nil && found[1] != nil)
      #expect((found[0] == found[1]) == (windows == "first"), "\(windows): \(found)")
      try client.close()
    }
  }
}
