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

/// What leaves ragbench comes back the same.
@Suite struct CorpusExportTests {
  @Test func anExportedCorpusIsImportedAndMeasuredTheSame() throws {
    let command = try Command()
    let folder = command.directory.path
    let exported = try command.json([
      "corpus", "export", "medqa", "--queries", "exam", "--output",
      folder.appending("one").string,
    ])
    #expect(exported["passages"]?.intValue == 255 && exported["queryCount"]?.intValue == 120)
    #expect(exported["judgements"]?.intValue == 124)
    for (name, source, target) in [("again", "one", "two")] {
      let imported = try command.run([
        "corpus", "import", name, "--passages", folder.appending("\(source)/corpus.jsonl").string,
        "--queries", "exam=\(folder.appending("\(source)/queries.jsonl").string)", "--qrels",
        folder.appending("\(source)/qrels/test.tsv").string,
      ])
      #expect(imported.status == 0, "\(imported.errorText)")
      let written = try command.run([
        "corpus", "export", name, "--output", folder.appending(target).string,
      ])
      #expect(written.status == 0, "\(written.errorText)")
    }
    for file in ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"] {
      let one = try FileBytes.read(folder.appending("one").appending(file), limit: 1 << 24)
      #expect(
        try one == FileBytes.read(folder.appending("two").appending(file), limit: 1 << 24),
        "\(file)")
    }
    let ours = try command.json(["eval", "--corpus", "medqa", "--queries", "exam", "--bm25"])
    let theirs = try command.json(["eval", "--corpus", "again", "--bm25"])
    #expect(ours["metrics"] == theirs["metrics"])
    #expect(ours["judgedQueries"]?.intValue == 120)

    let arguments = ["corpus", "export", "medqa", "--output", folder.appending("one").string]
    let refused = try command.run(arguments)
    #expect(refused.status == 64 && refused.errorText.contains("--force"))
    #expect(try command.run(arguments + ["--force"]).status == 0)
    let unknown = try command.run(arguments + ["--force", "--queries", "exma"])
    #expect(unknown.status == 64 && unknown.errorText.contains("did you mean 'exam'"))
    // Below a file nothing can be made: 73, before the corpus is read.
    let below = folder.appending("one/corpus.jsonl/x").string
    let blocked = try command.run(["corpus", "export", "medqa", "--output", below])
    #expect(blocked.status == 73, "\(blocked.errorText)")
  }
}
