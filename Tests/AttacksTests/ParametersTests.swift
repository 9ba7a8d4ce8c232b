import Attacks
import Basics
import Testing

@Suite struct ParametersTests {
  @Test func `parameters come back from their own listing`() throws {
    let given: JSONObject = [
      "separator": "\u{301}", "order": "payload-first", "repetitions": 3, "query_tokens": 9,
      "copies": 2, "copy_payloads": "same", "payload_choice": "own-first", "payload_tokens": 64,
      "options": true, "padding": "clean-passage", "padding_tokens": 8, "paraphrase": "rules",
      "placement": "visible", "field": "text",
    ]
    let parameters = try ConcatenationParameters(given)
    #expect(parameters.json == given)
    #expect(try ConcatenationParameters(parameters.json) == parameters)
    #expect(try ConcatenationParameters(ConcatenationParameters().json) == .init())
    #expect(given.keys.sorted() == ConcatenationAttack.metadata.parameters.map(\.name).sorted())
  }

  @Test(
    arguments: [
      (["seperator": " "], "did you mean 'separator'?"),
      (["order": "query-frist"], "did you mean 'query-first'?"),
      (["order": 1], "order: expected one of query-first, payload-first, query-in-middle"),
      (["copies": 0], "copies: expected 1 to 1000, found the integer 0"),
      (["copies": 1001], "copies: expected 1 to 1000"),
      (["copies": 1.5], "copies: expected 1 to 1000"),
      (["repetitions": nil], "repetitions: expected 1 to 1000"),
      (["payload_tokens": 0], "payload_tokens: expected 1 to 100000"),
      (["query_tokens": "x"], "query_tokens: expected 1 to 100000"),
      (["options": "yes"], "options: expected true or false"),
      (["separator": "\0"], "separator: NUL"),
      (["padding_tokens": 5], "padding_tokens: there is no padding"),
      (["field": "title", "order": "payload-first"], "exclude each other"),
      (["placement": "beyond-limit", "order": "query-in-middle"], "exclude each other"),
    ] as [(JSONObject, String)])
  func `a wrong parameter is named, with what is right`(given: JSONObject, part: String) throws {
    let error = #expect(throws: UsageError.self) { try ConcatenationAttack(parameters: given) }
    #expect(error?.exitStatus == .usage)
    #expect(error?.message.utf8.isEmpty == false)
    #expect(contains(error?.message ?? "", part), "\(error?.message ?? "")")
  }

  @Test func `values set as properties are checked too`() {
    var variant = ConcatenationParameters()
    variant.copies = 0
    #expect(throws: UsageError.self) { try ConcatenationAttack(variant) }
  }

  @Test func `the registry lists attacks and knows the nearest name`() throws {
    #expect(AttackRegistry.names == ["concatenation", "poisonedrag"])
    #expect(Set(AttackRegistry.names).count == AttackRegistry.all.count)
    let error = #expect(throws: UsageError.self) {
      try AttackRegistry.attack(named: "concatination")
    }
    #expect(contains(error?.message ?? "", "did you mean 'concatenation'?"))
    #expect(error?.exitStatus == .usage)
    let table = AttackRegistry.table
    #expect(table.rowCount == AttackRegistry.all.count)
    for type in AttackRegistry.all {
      let metadata = type.metadata
      let help = try AttackRegistry.help(for: metadata.name)
      #expect(contains(help, metadata.arXiv))
      for parameter in metadata.parameters {
        #expect(contains(help, "\n  \(parameter.name) ("))
      }
      let attack = try type.init()
      #expect(attack.documentsPerQuery == metadata.documentsPerQuery)
      #expect(attack.parameters.keys == metadata.parameters.map(\.name))
      #expect(contains(help, "separator (any text; default \""))
    }
  }
}
