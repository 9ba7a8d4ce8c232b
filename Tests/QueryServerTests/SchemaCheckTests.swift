import Basics
import Testing

@testable import QueryServer

@Suite struct SchemaCheckTests {
  private let schema = Schema.object(
    [
      ("text", Schema.string("A text.", minimum: 1, maximum: 3)),
      ("kind", Schema.string("A kind.", oneOf: ["red", "green"])),
      ("k", Schema.integer("A number.", in: 1...5)),
      ("least", Schema.integer("A number.", in: 0...Int.max)),
      ("share", Schema.number("A number.")), ("flag", Schema.bool("A flag.")),
      (
        "list", Schema.array(of: Schema.integer("One.", in: 0...9), "Some.", minimum: 1, maximum: 2)
      ),
      (
        "inner",
        .object(Schema.object([("name", Schema.string("A name."))], required: ["name"]))
      ),
      ("any", Schema.anyObject("Anything.")),
    ], required: ["text"])

  private func faults(_ text: String) throws -> [String] {
    SchemaCheck.faults(of: try JSONParser.parse(text), against: schema, name: "")
  }

  @Test(arguments: [
    #"{"text":"a"}"#, #"{"text":"😀é€","kind":"red","k":5,"share":1}"#,
    #"{"text":"a","k":5.0,"share":0.5,"flag":false,"list":[0,9]}"#,
    #"{"text":"a","inner":{"name":""},"any":{"x":[1]},"least":12345678901}"#,
  ])
  func whatAgrees(text: String) throws { #expect(try faults(text) == []) }

  @Test(arguments: [
    (#"{}"#, "text: it is missing"),
    (#"{"text":""}"#, "text: expected at least 1 characters, found 0"),
    (#"{"text":"abcd"}"#, "text: expected at most 3 characters, found 4"),
    (#"{"text":null}"#, "text: expected a string, found null"),
    (
      #"{"text":"a","kind":"gren"}"#,
      "kind: expected one of red, green, found the string 'gren'; did you mean 'green'?"
    ),
    (#"{"text":"a","k":0}"#, "k: expected 1 to 5, found the integer 0"),
    (
      #"{"text":"a","k":9007199254740993}"#,
      "k: expected 1 to 5, found the integer 9007199254740993"
    ),
    (#"{"text":"a","k":1.5}"#, "k: expected an integer, found the number 1.5"),
    (#"{"text":"a","k":1e300}"#, "k: expected an integer, found the number 1e+300"),
    (#"{"text":"a","k":"2"}"#, "k: expected an integer, found the string '2'"),
    (#"{"text":"a","least":-1}"#, "least: expected 0 or more, found the integer -1"),
    (#"{"text":"a","flag":1}"#, "flag: expected a boolean, found the integer 1"),
    (#"{"text":"a","list":[]}"#, "list: expected at least 1 elements, found 0"),
    (#"{"text":"a","list":[1,2,3]}"#, "list: expected at most 2 elements, found 3"),
    (#"{"text":"a","list":[1,"x"]}"#, "list[1]: expected an integer, found the string 'x'"),
    (#"{"text":"a","inner":{}}"#, "inner.name: it is missing"),
    (#"{"text":"a","any":[]}"#, "any: expected an object, found an array of 0"),
  ])
  func whatDoesNot(text: String, fault: String) throws { #expect(try faults(text) == [fault]) }

  @Test func unknownMembersGetTheNearestName() throws {
    let found = try faults(#"{"text":"a","knd":"red"}"#)
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("knd: there is no such member (there are: text, kind, "))
    #expect(found[0].hasSuffix("did you mean 'kind'?"))
  }

  @Test func afterFiveFaultsNoMoreAreListed() throws {
    let many = (0..<50).map { "\"x\($0)\":1" }.joined(separator: ",")
    #expect(try faults("{\"text\":\"a\",\(many)}").count == 5)
  }
}
