import Basics
import Corpus
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The public files that the catalogue knows, where `RAGBENCH_TEST_DATA` has them.
@Suite(.serialized) struct RealDataTests {
  @Test func `every catalogued corpus of the test data is imported with its counts`() throws {
    guard let data = TestData.path("README.md") else { return }
    let folder = try TemporaryDirectory()
    let library = CorpusLibrary(
      bundled: Checkout.root.appending("Corpora"), installed: folder.file("corpora"))
    let catalogue = try Catalogue(
      contentsOf: Checkout.root.appending("Corpora/catalogue.json"))
    let before = try MemoryUse.peakBytes()
    let report = try CatalogueImport(
      catalogue: catalogue, importer: CorpusImporter(library: library)
    ).run(data.removingLastComponent())
    #expect(report.found.count == catalogue.files.count)
    #expect(report.missingSets.isEmpty)
    #expect(report.payloadKinds == ["msmarco", "nq", "hotpotqa"])
    for (name, outcome) in report.corpora {
      guard case .imported(let imported) = outcome else {
        Issue.record("\(name) was not imported")
        continue
      }
      #expect(imported.rejects == 0)
      try imported.bundle.verify()
    }
    // Passages are streamed (30 MB of text here); MIRAGE and PubMedQA are parsed as whole files.
    #expect(try MemoryUse.peakBytes() - before < 150 << 20)

    let mirage = ["mmlu": 1089, "medqa": 1273, "medmcqa": 4183, "pubmedqa": 500, "bioasq": 618]
    for (name, passages, sets) in [
      ("textbooks", 24_384, mirage), ("pubmed", 13_583, mirage),
      ("medquad", 16_407, mirage.merging(["questions": 16_407, "liveqa": 86]) { $1 }),
      ("bioasq", 13_449, ["questions": 2310]),
      ("scifact", 5183, ["claims": 1109, "test": 300, "train": 809]),
      ("hotpotqa-small", 994, ["questions": 100]), ("xquad", 240, ["questions": 1190]),
    ] {
      let bundle = try library.bundle(named: name)
      #expect(bundle.passageCount == passages, "\(name)")
      #expect(Set(bundle.querySets) == Set(sets.keys), "\(name)")
      for (set, count) in sets {
        #expect(try bundle.queries(set).count == count, "\(name)/\(set)")
      }
      #expect(
        bundle.payloadKinds == [
          "msmarco", "nq", "hotpotqa", "pii", "diag", "web", "trivia", "multihop",
        ])
    }
    #expect(try library.bundle(named: "textbooks").titleSeparator == ". ")
    #expect(try library.bundle(named: "textbooks").payloads("nq").count == 500)
    let pubmed = try library.bundle(named: "pubmed")
    #expect(try pubmed.queries("pubmedqa").allSatisfy { $0.goldPassages == [$0.id] })
    let scifact = try library.bundle(named: "scifact")
    var rows = 0
    var lines = try LineReader(#require(scifact.qrelsPath("test")))
    while try lines.next() != nil { rows += 1 }
    #expect(rows == 340)
    #expect(scifact.qrelsPath("claims") == nil)
  }

  @Test func `formats of the test data are recognised`() throws {
    guard let data = TestData.path("README.md")?.removingLastComponent() else { return }
    for (file, kind) in [
      ("openstax/textbook_chunks.jsonl.gz", .chunks), ("mirage/benchmark.json.gz", .mirage),
      ("mirage/medqa_us_test_4opt.jsonl.gz", .jsonl),
      ("mirage/bioasq_golden_2019_2023.jsonl.gz", .bioasq),
      ("pubmedqa/ori_pqal.json.gz", .pubmedqa), ("medquad/medquad_answered.jsonl.gz", .medquad),
      ("ohsumed/ohsumed_single_23.jsonl.gz", .beir), ("scifact/queries.jsonl.gz", .beir),
      ("hotpotqa_small/questions.jsonl.gz", .jsonl), ("xquad_en/xquad.en.json.gz", .squad),
      ("poisonedrag/adv_targeted_nq.json.gz", .poisonedrag),
      ("pii/synthea_conditions.csv.gz", .csv), ("nq_open/NQ-open.dev.jsonl.gz", .jsonl),
    ] as [(FilePath, ReaderKind)] {
      #expect(try SourceFormat.detect(data.pushing(file)) == kind, "\(file)")
    }
  }

  @Test func `real passages are cut exactly`() throws {
    guard let path = TestData.path("medquad/medquad_answered.jsonl.gz") else { return }
    let chunker = try Chunker(unit: .characters, size: 1000, overlap: 200)
    var count = 0
    var cut = 0
    try ReaderKind.medquad.reader.forEachPassage(
      in: path, key: nil, rejects: RejectLog()
    ) { passage, _ in
      count += 1
      guard count % 20 == 0 else { return }
      let chunks = chunker.chunks(of: passage.text)
      cut += chunks.count
      if chunks.count > 1 {
        ChunkerTests.expectSound(chunks, of: passage.text, limit: 1000, overlap: 200)
      }
    }
    #expect(count == 16_407)
    #expect(cut > 1200)
  }
}

enum MemoryUse {
  /// The most memory that the process had at once.
  static func peakBytes() throws -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}
