import Basics
import Corpus
import SystemPackage
import TestSupport
import Testing

/// Samples of a corpus: what is named stays, the rest is drawn by the seed.
@Suite struct CorpusSampleTests {
  private func bundled() throws -> CorpusBundle {
    try CorpusBundle(
      directory: Checkout.root.appending("Corpora").appending("medqa"), origin: .bundled)
  }

  private func ids(_ bundle: CorpusBundle) throws -> [String] {
    var ids: [String] = []
    try bundle.forEachPassage { ids.append($0.id) }
    return ids
  }

  /// Passages that are gold for an exam question, by the query file or by the judgements.
  private func judged(_ corpus: CorpusBundle) throws -> Set<String> {
    var gold = Set(try corpus.queries("exam").flatMap(\.goldPassages))
    if let path = corpus.qrelsPath("exam") {
      try JudgementReader.forEach(in: path, rejects: RejectLog()) { judgement, _ in
        if judgement.grade > 0 { gold.insert(judgement.document) }
      }
    }
    return gold
  }

  @Test func namedPassagesStayAndTheSeedDrawsTheRest() throws {
    let directory = try TemporaryDirectory()
    let corpus = try bundled()
    let all = try ids(corpus)
    let gold = try judged(corpus)
    try #require(!gold.isEmpty && gold.count < 150)
    func sample(_ seed: UInt64, _ folder: String) throws -> CorpusBundle {
      try corpus.sample(
        of: 150, seed: seed, keeping: ["exam", "absent"], keptIn: directory.file(folder))
    }
    let first = try sample(1, "a")
    let drawn = try ids(first)
    #expect(drawn.count == 150 && first.passageCount == 150)
    #expect(gold.isSubset(of: Set(drawn)))
    #expect(drawn == all.filter(Set(drawn).contains), "in the corpus's order")
    #expect(try ids(sample(1, "b")) == drawn, "the same seed draws the same")
    #expect(try ids(sample(2, "a")) != drawn)
    #expect(try ids(sample(1, "a")) == drawn, "what is kept is read again")
    // Everything else is the corpus's own, and the sample is sound.
    #expect(first.name == corpus.name && first.querySets == corpus.querySets)
    #expect(try first.queries("exam").map(\.id) == corpus.queries("exam").map(\.id))
    #expect(first.passagesChecksum != corpus.passagesChecksum)
    try first.verify()
  }

  @Test func moreIsTakenIfMoreIsNamedAndAllIfAllIsAsked() throws {
    let directory = try TemporaryDirectory()
    let corpus = try bundled()
    let gold = try judged(corpus)
    let small = try corpus.sample(
      of: 1, seed: 1, keeping: ["exam"], keptIn: directory.file("a"))
    #expect(try Set(ids(small)) == gold)
    let whole = try corpus.sample(
      of: 255, seed: 1, keeping: [], keptIn: directory.file("b"))
    #expect(whole.directory == corpus.directory)
    let few = try corpus.sample(of: 7, seed: 1, keeping: [], keptIn: directory.file("c"))
    #expect(try ids(few).count == 7)
  }
}
