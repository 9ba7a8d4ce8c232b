import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct EvalTests {
  @Test(arguments: [["--bm25"], ["--retriever", Command.model]])
  func aWrittenRunHasTheSameFigures(system: [String]) throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 50)
    let run = command.directory.file("run.trec").string
    let direct = try command.json(
      ["eval", "--corpus", "tiny", "--write-run", run, "--metrics", "nDCG@10,MAP,P@5"] + system)
    let again = try command.json(
      ["eval", "--corpus", "tiny", "--run", run, "--metrics", "nDCG@10,MAP,P@5"])
    #expect(direct["judgedQueries"]?.intValue == 2)
    #expect(direct["metrics"] == again["metrics"])
    #expect(again["system"]?.stringValue == "run")
  }

  /// Two questions: one answered at rank 2, one not at all (counted 0); see trec_eval -c.
  @Test func figuresOfARunByHand() throws {
    let command = try Command()
    try command.installCorpus("tiny", count: 10)
    let run = try command.directory.write(
      "run.trec", text: "q1 Q0 p5 1 3.0 x\nq1 Q0 p1 2 2.0 x\nstray Q0 p1 1 1 x\n")
    let qrels = try command.directory.write(
      "q.tsv", text: "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\tgone\t1\nq9\tp1\t1\n")
    let value = try command.json([
      "eval", "--corpus", "tiny", "--run", run.string, "--qrels", qrels.string, "--metrics",
      "MRR@10,success@1,Recall@5",
    ])
    #expect(value["metrics"]?["MRR@10"]?["mean"]?.doubleValue == 0.25)
    #expect(value["metrics"]?["success@1"]?["mean"]?.doubleValue == 0)
    #expect(value["metrics"]?["Recall@5"]?["mean"]?.doubleValue == 0.5)
    #expect(value["withoutResults"] == .array([.string("q2")]))
    #expect(value["withoutJudgements"] == .array([.string("stray")]))
    #expect(value["unknownQueries"] == .array([.string("q9")]))
    #expect(value["unknownDocuments"] == .array([.string("gone")]))
  }

  @Test func aMalformedRunNamesTheLine() throws {
    let command = try Command()
    try command.installCorpus("tiny", count: 10)
    let run = try command.directory.write("run.trec", text: "q1 Q0 p5 1 3.0 x\nq1 Q0 p1 2 nan x\n")
    let result = try command.run(["eval", "--corpus", "tiny", "--run", run.string])
    #expect(result.status == 65)
    #expect(result.errorText.contains("run.trec:2"))
  }
}
