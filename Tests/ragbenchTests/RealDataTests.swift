import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Published figures on SciFact, through the commands a user would give.
@Suite struct RealDataTests {
  private func importSciFact(into command: Command, from folder: FilePath) throws {
    let result = try command.run([
      "corpus", "import", "scifact", "--passages", folder.appending("corpus.jsonl.gz").string,
      "--queries", "test=" + folder.appending("queries.jsonl.gz").string, "--qrels",
      "test=" + folder.appending("qrels_test.tsv").string,
    ])
    try #require(result.status == 0, "\(result.errorText)")
  }

  private func mean(_ metric: String, _ value: JSONValue) throws -> Double {
    try #require(value["metrics"]?[metric]?["mean"]?.doubleValue)
  }

  /// Anserini's flat index has nDCG@10 0.679 and R@100 0.925.
  @Test func lexicalSearchOnSciFactIsAsGoodAsAnserinis() throws {
    guard let folder = TestData.path("scifact") else { return }
    let command = try Command()
    try importSciFact(into: command, from: folder)
    let value = try command.json(["eval", "--corpus", "scifact", "--bm25"])
    #expect(value["judgedQueries"]?.intValue == 300)
    #expect(try mean("nDCG@10", value) >= 0.665)
    #expect(try mean("Recall@100", value) >= 0.90)
  }

  /// `Tests/Fixtures/reference/make_scifact_minilm.py`: sentence-transformers and pytrec_eval.
  @Test func miniLMOnSciFactAgreesWithSentenceTransformers() throws {
    guard ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1",
      let folder = TestData.path("scifact"), let model = installedModel("all-MiniLM-L6-v2")
    else { return }
    let command = try Command()
    try importSciFact(into: command, from: folder)
    let built = try command.run(
      ["index", "build", "--corpus", "scifact", "--retriever", model.string],
      timeout: .seconds(3600))
    try #require(built.status == 0, "\(built.errorText)")
    let value = try command.json(["eval", "--corpus", "scifact", "--retriever", model.string])
    expectClose(try mean("nDCG@10", value), 0.64508, absolute: 0.002)
  }
}
