import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// A request that cannot be met ends with 64 and says what would be valid (FAULTS.md, row 82).
@Suite struct RefusalTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var arguments: [String]
    var hint: String
    var testDescription: String { arguments.joined(separator: " ") }

    init(_ line: String, _ hint: String) {
      arguments = line.split(separator: " ").map(String.init)
      self.hint = hint
    }
  }

  static let cases = [
    Case("qurey text", "did you mean 'query'"),
    Case("index bild --corpus medqa", "did you mean 'build'"),
    Case("query text --corpsu medqa", "--corpus"),
    Case("query text --corpus medqq --retriever tiny-bert", "did you mean 'medqa'"),
    Case("query text --corpus medqa --retriever tiny-brt", "did you mean 'tiny-bert'"),
    Case("query text --corpus medqa --retriever tiny-bert --k 0", "1 to 10000"),
    Case("query text --corpus medqa --retriever tiny-bert --k -1", "1 to 10000"),
    Case("query text --corpus medqa --retriever tiny-bert --k 1e9", "1e9"),
    Case("query text --corpus medqa --retriever tiny-bert --k 10001", "1 to 10000"),
    Case("query text --corpus medqa --retriever tiny-bert --k 2147483648", "1 to 10000"),
    Case("query text --corpus medqa --retriever tiny-bert --threads 0", "1 to 1024"),
    Case("query text --corpus medqa --retriever tiny-bert --kind HSNW32", "HNSW"),
    Case("index build --corpus medqa --retriever tiny-bert --kind IVF0,Flat", "number"),
    Case("index build --corpus medqa --retriever tiny-bert --wait -1", "0 to 86400"),
    Case("eval --corpus medqa --queries exma --bm25", "did you mean 'exam'"),
    Case("eval --corpus medqa --bm25 --metrics nGCD@10", "nDCG@k"),
    Case("eval --corpus medqa --bm25 --run x", "exclude"),
    Case("eval --corpus medqa --bm25 --depth 0", "1 to 10000"),
    Case("attack --corpus medqa --seed -1", "seed"),
    Case("attack --corpus medqa --k 0", "1 to 10000"),
    Case("corpus info nothing-like-it", "there are: medqa"),
    Case("model info nothing-like-it", "nothing-like-it"),
    Case("env --format xml", "human"),
  ]

  @Test(arguments: cases) func aBadRequestEndsWith64AndAHint(_ test: Case) throws {
    let command = try Command.ready.get()
    let result = try command.run(test.arguments)
    #expect(result.status == 64, "\(result.errorText)")
    #expect(result.errorText.contains(test.hint), "\(result.errorText)")
    #expect(result.output.isEmpty)
  }

  @Test func anIndexThatIsNotThereIsNamed() throws {
    let command = try Command()
    let result = try command.run(["index", "verify", "--corpus", "medqa"])
    #expect(result.status == 66)
    #expect(result.errorText.contains("ragbench index build"))
  }

  @Test func anUnwritableHomeEndsWith73BeforeTheWork() throws {
    let command = try Command()
    // A file where a folder has to be; permissions do not hold a test that runs as root.
    try command.directory.write("home/indexes", text: "in the way")
    try command.installModel()
    let result = try command.run([
      "index", "build", "--corpus", "medqa", "--retriever", Command.model,
    ])
    #expect(result.status == 73, "\(result.errorText)")
  }

  @Test func aSecondWriterIsRefusedWithTheOwner() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 40)
    let folder = try #require(
      command.json(["index", "build", "--corpus", "tiny", "--retriever", Command.model])["folder"]?
        .stringValue)
    let more = try command.directory.write(
      "more.jsonl", text: #"{"_id": "new", "text": "gout"}"# + "\n")
    let arguments = [
      "index", "add", more.string, "--corpus", "tiny", "--retriever", Command.model,
    ]
    let line = """
      exec 9>>"\(folder)/store.lock"; flock -n 9 || exit 99
      "$RAGBENCH" \(arguments.joined(separator: " "))
      """
    let refused = try command.shell(line)
    #expect(refused.status == 75, "\(refused.errorText)")
    #expect(refused.errorText.contains("is locked by"))
    let waited = try command.shell(
      """
      (exec 9>>"\(folder)/store.lock"; flock 9; sleep 0.5) &
      sleep 0.1
      "$RAGBENCH" \(arguments.joined(separator: " ")) --wait 60
      """)
    #expect(waited.status == 0, "\(waited.errorText)")
  }
}
