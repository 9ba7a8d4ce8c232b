import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Models

private let digest = String(repeating: "0123456789abcdef", count: 4)

private let full = ModelCard(
  name: "medcpt", title: "MedCPT", licence: "public domain", source: "https://example.org",
  kind: .transformer, similarity: .innerProduct, passageForm: .pair, queryDirectory: "query",
  queryMaximumTokens: 64, passageMaximumTokens: 512, queryPrompt: "query: ", passagePrompt: "",
  files: [
    .init(path: "config.json", bytes: 12, sha256: digest),
    .init(path: "query/model.safetensors", bytes: 1 << 40, sha256: digest),
  ])

@Suite struct ModelCardTests {
  @Test(arguments: [
    full, ModelCard(name: "a"), ModelCard(name: "b", kind: .static, similarity: .l2),
    ModelCard(name: "Z.9_-", title: "\"é\" \u{202E}", queryPrompt: "\n"),
  ])
  func roundTrip(_ card: ModelCard) throws {
    let directory = try TemporaryDirectory()
    try card.write(to: directory.path)
    #expect(try ModelCard.read(directory.path) == card)
    #expect(try directory.names() == ["ragbench.json"])
  }

  @Test func writesTheKeysOfTheFormat() throws {
    let keys = full.json.keys
    #expect(
      keys == [
        "format", "name", "title", "licence", "source", "kind", "similarity", "passageForm",
        "queryDirectory", "queryMaximumTokens", "passageMaximumTokens", "queryPrompt",
        "passagePrompt", "files",
      ])
    // Settings that are left to the model's files are absent, not null.
    #expect(
      ModelCard(name: "a").json.keys == [
        "format", "name", "title", "licence", "source", "kind", "passageForm", "files",
      ])
  }

  @Test(arguments: [
    (#"{"format": 2, "newKey": 1}"#, "format 2, this ragbench reads format 1"),
    (#"{"name": "a"}"#, "'format' is missing"),
    ("[]", "expected an object"),
    ("{", "ragbench.json"),
  ])
  func refusesWhole(_ text: String, _ fragment: String) throws {
    try expectRefused(text, fragment)
  }

  /// Each row replaces one member of a valid card.
  @Test(arguments: [
    ("similarty", #""cosine""#, "unknown key 'similarty'; did you mean 'similarity'?"),
    ("passage_form", #""pair""#, "did you mean 'passageForm'?"),
    ("zzz", "1", "unknown key 'zzz'; known are format, name"),
    ("name", "7", "'name': expected a string, found the integer 7"),
    ("name", #""../x""#, "'name': the name '../x' does not begin"),
    ("name", #""a/b""#, "more than ASCII letters"),
    ("name", #""""#, "has 0 bytes"),
    ("title", "null", "'title': expected a string"),
    (
      "kind", #""Static""#, "'kind': expected one of transformer, static, generator, found 'Static'"
    ),
    ("similarity", #""dot""#, "expected one of inner-product, cosine, l2, found 'dot'"),
    ("similarity", "1", "'similarity': expected a string"),
    ("passageForm", #""both""#, "expected one of joined, pair, separated"),
    ("queryDirectory", #""..""#, "'queryDirectory'"),
    ("queryDirectory", #""a/b""#, "name of a sub-folder"),
    ("queryMaximumTokens", "0", "'queryMaximumTokens' is 0, expected 3 to 131072"),
    ("queryMaximumTokens", "-1", "'queryMaximumTokens' is -1"),
    ("passageMaximumTokens", "5.5", "'passageMaximumTokens': expected an integer"),
    ("files", "{}", "'files': expected an array"),
    ("files", "[1]", "'files.0': expected an object"),
    ("files", #"[{"path": "a", "bytes": 1}]"#, "'files.0.sha256' is missing"),
    ("files", #"[{"path": "a", "bytes": 1, "sha265": ""}]"#, "did you mean 'sha256'?"),
    ("files", #"[{"path": "a", "bytes": 1, "sha256": "AB"}]"#, "64 lower-case hexadecimal"),
    ("files", record("../a"), "a part '.' or '..'"),
    ("files", record("/etc/passwd"), "absolute"),
    ("files", record("a//b"), "empty part"),
    ("files", record("a\\u0000b"), "control character"),
    ("files", record("a", bytes: -1), "'files.0.bytes' is -1"),
    ("files", "[\(entry("a")), \(entry("a"))]", "'a' is listed twice"),
  ])
  func refuses(_ key: String, _ value: String, _ fragment: String) throws {
    var members = ["\"\(key)\": \(value)"]
    for (name, text) in [
      ("format", "1"), ("name", #""a""#), ("title", #""A""#), ("licence", #""MIT""#),
      ("source", #""x""#), ("kind", #""static""#), ("passageForm", #""joined""#), ("files", "[]"),
    ] where name != key {
      members.append("\"\(name)\": \(text)")
    }
    try expectRefused("{\(members.joined(separator: ", "))}", fragment)
  }

  /// Names that are equal only canonically are two files.
  @Test func filesAreComparedByBytes() throws {
    var card = ModelCard(name: "a")
    card.files = ["\u{E9}", "e\u{301}"].map { .init(path: $0, bytes: 0, sha256: digest) }
    let directory = try TemporaryDirectory()
    try card.write(to: directory.path)
    #expect(try ModelCard.read(directory.path).files.count == 2)
  }

  @Test func doesNotWriteWhatItWouldNotRead() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: InputError.self) { try ModelCard(name: "a/b").write(to: directory.path) }
    #expect(try directory.names() == [])
  }

  @Test func missingCard() throws {
    let directory = try TemporaryDirectory()
    #expect { try ModelCard.read(directory.path) } throws: {
      ($0 as? FileError)?.exitStatus == .noInput
    }
  }

  private static func entry(_ path: String, bytes: Int = 1) -> String {
    #"{"path": "\#(path)", "bytes": \#(bytes), "sha256": "\#(digest)"}"#
  }
  private static func record(_ path: String, bytes: Int = 1) -> String {
    "[\(entry(path, bytes: bytes))]"
  }

  private func expectRefused(_ text: String, _ fragment: String) throws {
    let directory = try TemporaryDirectory()
    try directory.write("ragbench.json", text: text)
    do {
      let card = try ModelCard.read(directory.path)
      Issue.record("accepted as \(card)")
    } catch let error as InputError {
      #expect(error.description.contains(fragment), "\(error)")
      #expect(error.description.contains("ragbench.json"), "\(error)")
      #expect(error.exitStatus == .badData)
    }
  }
}
