import Attacks
import Basics
import Corpus
import SystemPackage
import TestSupport
import Testing

/// Cases of `Tests/Fixtures/attacks/make_concatenation.py`.
private struct Golden {
  var seed: UInt64
  var parameters: JSONObject
  var documents: [JSONObject]
  static let file = Checkout.fixture("attacks/concatenation.json")

  static func root() throws -> JSONObject {
    try JSONParser.parse(contentsOf: file).requiredObject()
  }
  static func queries() throws -> [Query] {
    try root().objects("queries").map { try Query(beir: $0, at: Place()) }
  }
  static func payloads() throws -> [Payload] {
    try root().objects("payloads").map { try Payload(beir: $0, kind: "pii", at: Place()) }
  }
  static func surroundings() throws -> AttackSurroundings {
    let root = try root()
    let limit = try root.int("limit")
    let clean = Passage(id: "c1", text: try root.string("clean"))
    return AttackSurroundings(
      tokens: .words(limit: limit),
      cleanPassage: { _ in clean })
  }
  static func cases() throws -> [Golden] {
    try root().objects("cases").map {
      Golden(
        seed: try #require(UInt64(try $0.string("seed"))), parameters: try $0.object("parameters"),
        documents: try $0.objects("documents"))
    }
  }
}

@Suite struct ConcatenationAttackTests {
  let query = Query(
    id: "q", text: "Which drug treats gout?", options: [AnswerOption(label: "A", text: "Iron")])

  @Test func `documents equal those of an independent program, byte for byte`() throws {
    let cases = try Golden.cases()
    #expect(cases.count == 28)
    for golden in cases {
      let made = try AttackRegistry.attack(named: "concatenation", parameters: golden.parameters)
        .poison(
          try Golden.queries(), payloads: try Golden.payloads(), seed: golden.seed,
          surroundings: try Golden.surroundings())
      #expect(made.count == golden.documents.count)
      for (document, expected) in zip(made, golden.documents) {
        let comment = Comment(rawValue: "\(try golden.parameters.serialized()) \(document.id)")
        #expect(utf8Equal(document.id, try expected.string("_id")), comment)
        #expect(utf8Equal(document.title, try expected.string("title")), comment)
        #expect(utf8Equal(document.text, try expected.string("text")), comment)
        #expect(document.payloadID == (try expected.string("payload_id")), comment)
        #expect(document.seed == golden.seed)
        #expect(document.payloadText != nil, comment)
      }
    }
  }

  @Test func `neither the order nor the number of the other queries or payloads matters`() throws {
    let queries = (0..<40).map { Query(id: "q\($0)", text: "Question \($0)?") }
    let payloads = payloads((0..<7).map { "Payload number \($0)." })
    var variant = ConcatenationParameters()
    variant.copies = 2
    variant.paraphrasing = .rules
    let attack = try ConcatenationAttack(variant)
    let all = try attack.poison(queries, payloads)
    let reversed = try attack.poison(queries.reversed(), Array(payloads.reversed()))
    let byID = Dictionary(uniqueKeysWithValues: reversed.map { ($0.id, $0) })
    #expect(all.allSatisfy { byID[$0.id] == $0 })
    #expect(Array(all.prefix(2)) == (try attack.poison([queries[0]], payloads)))
    #expect(all == (try attack.poison(queries, payloads)))
    let other = try attack.poison(queries, payloads, seed: 2)
    #expect(all.map(\.payloadID) != other.map(\.payloadID))
    // Every payload is used: 40 draws of 7 miss a given one with probability 0.002.
    #expect(Set(all.map(\.payloadID)).count == 7)
  }

  @Test func `the query stands verbatim as often as it is repeated, and ids are distinct`() throws {
    for repetitions in [1, 2, 5] {
      for order in ConcatenationParameters.Order.allCases {
        var variant = ConcatenationParameters()
        variant.repetitions = repetitions
        variant.order = order
        variant.copies = 3
        let made = try ConcatenationAttack(variant).poison(
          [query], payloads(["First part. Second part.", "Alone", "A few words"]))
        #expect(Set(made.map(\.id)).count == 3)
        #expect(Set(made.map(\.payloadID)).count == 3)
        for document in made {
          #expect(occurrences(of: query.text, in: document.text) == repetitions)
          #expect(document.targetQueryIDs == ["q"])
        }
      }
    }
  }

  @Test func `a payload of same copies is one payload in several documents`() throws {
    let attack = try ConcatenationAttack(parameters: ["copies": 4, "copy_payloads": "same"])
    let made = try attack.poison([query], payloads(["one", "two", "three"]))
    #expect(Set(made.map(\.payloadID)).count == 1)
    #expect(Set(made.map(\.text)).count == 1)
    #expect(Set(made.map(\.id)).count == 4)
    #expect(attack.documentsPerQuery == 4)
  }

  @Test(arguments: [16, 32, 64, 128, 256, 400])
  func `a payload has exactly the tokens asked for`(length: Int) throws {
    let attack = try ConcatenationAttack(parameters: ["payload_tokens": JSONValue(length)])
    let texts = ["Extraordinarily long words.", "Süßes 🩺 🧪 日本語 text", "a\u{301}b c"]
    for meter in [quarters, bytes, .words()] {
      for seed in UInt64(0)..<3 {
        let surroundings = AttackSurroundings(tokens: meter)
        let made = try attack.poison([query], payloads(texts), seed: seed, surroundings)[0]
        #expect(meter.count(try #require(made.payloadText)) == length)
        let ids = try made.parameters.strings("payload_ids")
        #expect(ids.first == made.payloadID)
        if length == 400 { #expect(Set(ids).count == 3) }
      }
    }
  }

  @Test(arguments: [" ", "\n", "", "~"], [false, true])
  func `a payload beyond the limit is invisible`(separator: String, isPadded: Bool) throws {
    for limit in [1, 3, 17, 64] {
      var variant = ConcatenationParameters()
      variant.separator = separator
      variant.placement = .beyondLimit
      if isPadded { variant.padding = .cleanPassage }
      for meter in [meter(ofPieces: 4, limit: limit), meter(ofPieces: 7, limit: limit)] {
        let surroundings = AttackSurroundings(
          tokens: meter, cleanPassage: { _ in Passage(id: "c", text: "Uric acid crystals.") })
        let made = try ConcatenationAttack(variant).poison(
          [query], payloads(["SECRET payload"]), surroundings)[0]
        #expect(!contains(meter.prefix(made.text, tokens: limit), "S"), "\(made.text)")
        #expect(made.payloadText == "SECRET payload")
        // No more filling than is needed.
        #expect(meter.count(made.text) < limit + 25)
      }
    }
  }

  @Test func `paraphrases from a file are taken in turn, and a query without one is refused`()
    throws
  {
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      "p.jsonl",
      Array(
        """
        {"query_id": "q", "paraphrase": "What helps against gout?"}
        {"query_id": "q", "paraphrase": "Gout: which medicine?"}

        """.utf8))
    let table = try ParaphraseTable(file)
    let attack = try ConcatenationAttack(
      parameters: ["paraphrase": "external", "copies": 3, "options": true])
    let surroundings = AttackSurroundings(paraphrases: table)
    let made = try attack.poison([query], payloads(["t"]), surroundings)
    #expect(
      made.map(\.text) == [
        "What helps against gout?\nA. Iron t", "Gout: which medicine?\nA. Iron t",
        "What helps against gout?\nA. Iron t",
      ])
    #expect(made[0].parameters["paraphrases_sha256"]?.stringValue == table.checksum)
    #expect(throws: InputError("there is no paraphrase of the query", at: Place(record: "r"))) {
      try attack.poison([Query(id: "r", text: "x")], payloads(["t"]), surroundings)
    }
    #expect(throws: UsageError.self) { try attack.poison([query], payloads(["t"])) }
    for bad in [#"{"query_id":"q"}"#, #"{"query_id":"q","paraphrase":" "}"#, "{", "[]"] {
      let path = try directory.write("bad.jsonl", Array(bad.utf8))
      #expect(throws: InputError.self) { try ParaphraseTable(path) }
    }
  }

  @Test func `a paraphrase by rules names its rules`() throws {
    let attack = try ConcatenationAttack(parameters: ["paraphrase": "rules"])
    let made = try attack.poison([query], payloads(["payload"]))[0]
    #expect(!contains(made.text, query.text))
    #expect(try made.parameters.strings("paraphrase_rules").contains("question-to-statement"))
  }

  @Test func `combining marks at the seam stay scalars of their own`() throws {
    let attack = try ConcatenationAttack(parameters: ["separator": ""])
    let made = try attack.poison([Query(id: "q", text: "cafe")], payloads(["\u{301} tail"]))[0]
    #expect(Array(made.text.unicodeScalars) == Array("cafe\u{301} tail".unicodeScalars))
    #expect(utf8Equal(try #require(made.payloadText), "\u{301} tail"))
    let again = try PoisonedDocument(made.passage)
    #expect(again == made)
  }

  @Test func `nothing to attack is not applicable`() throws {
    let attack = try ConcatenationAttack()
    let error = #expect(throws: NotApplicable.self) { try attack.poison([], payloads(["t"])) }
    #expect(error?.description == "not applicable: there is no target query")
    #expect(error?.exitStatus == .usage)
    #expect(throws: NotApplicable("there is no payload")) { try attack.poison([query], []) }
  }

  @Test func `texts that no document can hold are refused with their record`() throws {
    let attack = try ConcatenationAttack()
    let good = payloads(["t"])
    let queries: [Query] = [
      Query(id: "q", text: "a\0b"), Query(id: "q", text: " \n"), Query(id: "", text: "x"),
      Query(id: "a\tb", text: "x"),
      Query(id: "q", text: "x", options: [AnswerOption(label: "A", text: "\0")]),
    ]
    for bad in queries {
      #expect(throws: InputError.self) { try attack.poison([bad], good) }
    }
    for bad in [
      Payload(id: "p", kind: "pii", text: "a\0"), Payload(id: "p", kind: "pii", text: "\u{2003}"),
      Payload(id: "", kind: "pii", text: "x"), Payload(id: "p", kind: "a:b", text: "x"),
    ] {
      let error = #expect(throws: InputError.self) { try attack.poison([query], good + [bad]) }
      #expect(error?.exitStatus == .badData)
      #expect(error?.place.record == bad.id)
    }
    #expect(throws: InputError("the target query stands twice", at: Place(record: "q"))) {
      try attack.poison([query, query], good)
    }
    #expect(throws: InputError("the payload stands twice", at: Place(record: "p0"))) {
      try attack.poison([query], good + good)
    }
    // Ids that are only canonically equal are two.
    let twins = ["\u{E9}", "e\u{301}"].map { Query(id: $0, text: "x") }
    #expect(try attack.poison(twins, good).count == 2)
  }

  @Test(
    arguments: [
      ["query_tokens": 3], ["payload_tokens": 3],
      ["padding": "clean-passage", "padding_tokens": 2], ["placement": "beyond-limit"],
      ["padding": "clean-passage"],
    ] as [JSONObject])
  func `surroundings that are missing are named`(parameters: JSONObject) throws {
    let attack = try ConcatenationAttack(parameters: parameters)
    #expect(throws: UsageError.self) { try attack.poison([query], payloads(["t"])) }
  }

  @Test func `a filling without tokens and a missing clean passage are errors`() throws {
    let silent = TokenMeter(limit: 10) { _, _ in [] }
    let attack = try ConcatenationAttack(parameters: ["placement": "beyond-limit"])
    #expect(throws: InputError.self) {
      try attack.poison([query], payloads(["t"]), AttackSurroundings(tokens: silent))
    }
    let long = try ConcatenationAttack(parameters: ["payload_tokens": 9])
    #expect(throws: InputError.self) {
      try long.poison([query], payloads(["t"]), AttackSurroundings(tokens: silent))
    }
    let padded = try ConcatenationAttack(parameters: ["padding": "clean-passage"])
    for passage in [nil, Passage(id: "c", text: " "), Passage(id: "c", text: "\0")] {
      #expect(throws: InputError.self) {
        try padded.poison(
          [query], payloads(["t"]), AttackSurroundings(cleanPassage: { _ in passage }))
      }
    }
  }
}
