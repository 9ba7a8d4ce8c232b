import Attacks
import Basics
import Corpus
import Defenses
import Evaluation
import Models
import Retrieval
import TestSupport
import Testing

/// The lists that detectors judge poison in, against a plain merge of all scores.
@Suite struct PoisonedListTests {
  private func attack(
    copies: Int
  ) throws -> (bench: AttackBench, index: CorpusIndex, clean: CleanRetrieval, PoisonedRetrieval) {
    let bench = try AttackBench(queries: 15)
    let index = try bench.index()
    let settings = try bench.settings(sets: ["one"], kinds: ["pii"], copies: copies)
    let experiment = AttackExperiment(
      bundle: bench.bundle, index: index, embedder: bench.embedder(), settings: settings)
    let clean = try experiment.clean("one")
    return (bench, index, clean, try experiment.poison(clean, kind: "pii"))
  }

  private func score(_ a: [Float], _ b: [Float]) -> Double {
    let product = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    func norm(_ x: [Float]) -> Double {
      x.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    return product / (norm(a) * norm(b))
  }

  @Test(arguments: PoisonedRetrieval.Mode.allCases, [1, 3])
  func everyPoisonedDocumentOfTheListIsJudged(mode: PoisonedRetrieval.Mode, copies: Int) throws {
    let (bench, index, clean, poisoned) = try attack(copies: copies)
    #expect(bench.model.similarity == .cosine)
    let dataset = try AttackDetection(
      index: index, clean: clean, embedder: bench.embedder(), seed: 3
    ).dataset([poisoned], mode: mode)
    var others = 0
    for question in clean.queries.indices {
      let injected = poisoned.documents.indices.filter {
        mode == .joint || poisoned.own[question].contains($0)
      }
      let list =
        clean.hits[question].prefix(10).map { (id: $0.id.string, score: $0.score, number: -1) }
        + injected.map {
          (
            id: poisoned.documents[$0].id,
            score: score(clean.vectors[question], poisoned.vectors[$0]), number: $0
          )
        }
      let merged = list.sorted { $0.score > $1.score }
      let expected = merged.enumerated().filter { rank, entry in
        entry.number >= 0 && (rank < 10 || poisoned.own[question].contains(entry.number))
      }
      let found = dataset.poison.filter { $0.question == question }
      #expect(
        Set(found.map { $0.list.candidates[$0.list.subjects[0]].id })
          == Set(expected.map(\.element.id)))
      for poison in found {
        #expect(poison.list.subjects.count == 1)
        let id = poison.list.candidates[poison.list.subjects[0]].id
        let rank = try #require(merged.firstIndex { $0.id == id }) + 1
        // Ranks within the list are exact; an own document behind it stands behind it.
        if rank <= 10 { #expect(poison.rank == rank) } else { #expect(poison.rank > 10) }
        // The list is the one the user would see, whoever else's poison is in it.
        #expect(poison.list.candidates.prefix(10).map(\.id) == merged.prefix(10).map(\.id))
      }
      others += expected.count { !poisoned.own[question].contains($0.element.number) }
    }
    #expect((others > 0) == (mode == .joint), "\(others) documents of other questions")
  }

  /// Copies of one payload are seen by duplicates as soon as they stand in one list.
  @Test func copiesMeetInTheList() throws {
    func medianScore(copies: Int) throws -> Double {
      let (bench, index, clean, poisoned) = try attack(copies: copies)
      let dataset = try AttackDetection(
        index: index, clean: clean, embedder: bench.embedder(), seed: 3
      ).dataset([poisoned])
      let detector = try DuplicateDetector(
        fittedTo: dataset.questions.map(\.clean), scope: .list, sketch: MinHash(shingle: 2))
      let scores = dataset.poison.flatMap { detector.scores(of: $0.list) }.sorted()
      return scores[scores.count / 2]
    }
    let (one, three) = (try medianScore(copies: 1), try medianScore(copies: 3))
    #expect(three > one + 0.5, "one copy \(one), three \(three)")
  }
}
