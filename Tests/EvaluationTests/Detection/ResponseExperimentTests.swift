import Basics
import Corpus
import Defenses
import Models
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Evaluation

/// Utility and safety after a flag, against a plain recount.
@Suite struct ResponseExperimentTests {
  private struct Bench {
    let index: CorpusIndex
    let dataset: DetectionDataset
    let settings: DetectionProtocol
    let judgements: Judgements
    let experiment: ResponseExperiment
  }

  private func bench(
    _ response: ResponseProtocol, isJudged: Bool = true
  ) throws -> Bench {
    let bench = try AttackBench(queries: 110)
    let index = try bench.index()
    let settings = try bench.settings(sets: ["one"])
    let attack = AttackExperiment(
      bundle: bench.bundle, index: index, embedder: bench.embedder(), settings: settings)
    let clean = try attack.clean("one")
    let dataset = try AttackDetection(
      index: index, clean: clean, embedder: bench.embedder(), seed: 3
    ).dataset(settings.payloadKinds.map { try attack.poison(clean, kind: $0) })
    var judgements = Judgements()
    for (number, query) in clean.queries.enumerated() where number % 3 != 0 {
      for rank in [0, 4, 20] {
        try judgements.add(
          query: UTF8Key(query.id), document: index.rank(clean.vectors, limit: 21)[number][rank].id,
          grade: 1)
      }
    }
    let detection = DetectionProtocol(
      detectors: [DetectorChoice("similarity")], reach: 2, resamples: 1000, seed: 5)
    return Bench(
      index: index, dataset: dataset, settings: detection, judgements: judgements,
      experiment: try ResponseExperiment(
        settings: detection, response: response, dataset: dataset, index: index,
        embedder: bench.embedder(), judgements: isJudged ? judgements : nil))
  }

  @Test func figuresAreThoseOfAPlainRecount() throws {
    let bench = try bench(
      ResponseProtocol(policies: DetectionPolicy.allCases, falsePositiveRate: 0.2, unit: .pair))
    let choice = DetectorChoice("similarity")
    let split = bench.settings.splits(of: bench.dataset)[0].split
    let calibrated = try bench.settings.fitted(
      choice, split.fit, split.calibrate, bench.dataset)
    let threshold = try calibrated.calibration.conformal(falsePositiveRate: 0.2, per: .pair)
      .threshold
    let (json, latencies) = try bench.experiment.measure(choice)
    #expect(json.compactMap { $0["policy"]?.stringValue } == ["annotate", "demote", "quarantine"])
    #expect(latencies.allSatisfy { $0.seconds.count == split.test.count })
    #expect(latencies.allSatisfy { $0.seconds == $0.seconds.sorted() })
    let utility = try json.map { try $0.object("utility") }

    // Similarity judges a passage by itself, so quarantine takes out all that are above the threshold.
    let lists = split.test.map { bench.dataset.questions[$0].clean }
    let flagged = lists.map { $0.candidates.filter { $0.similarity > threshold }.count }
    #expect(flagged.reduce(0, +) > 10, "the test would test nothing")
    #expect(
      try utility.map { try $0.int("flagged") } == [Int](repeating: flagged.reduce(0, +), count: 3))
    #expect(try utility.map { try $0.int("shown") } == [Int](repeating: 10 * lists.count, count: 3))
    #expect(try utility[0].int("lost") == 0 && utility[1].int("lost") == 0)
    #expect(try utility[2].int("lost") == flagged.reduce(0, +))
    #expect(try utility[2].int("touchedQuestions") == flagged.count { $0 > 0 })

    // Recall@10 by hand: ranks 1, 5 and 21 are relevant; quarantine lets rank 21 move up.
    func means(_ name: String, _ policy: Int) throws -> (before: Double, after: Double) {
      let values = try utility[policy].object(name)
      return (try values.double("before"), try values.double("after"))
    }
    var recall: (before: Double, after: Double, judged: Double) = (0, 0, 0)
    for list in lists {
      guard let grades = bench.judgements.grades[UTF8Key(list.query.id)] else { continue }
      recall.judged += 1
      let vector = try VectorMatrix(vector: list.query.vector.withValues { Array($0) })
      let ranking = try bench.index.rank(vector, limit: 40)[0]
      func found(_ hits: some Sequence<CorpusIndex.Hit>) -> Double {
        Double(hits.count { grades[$0.id] != nil }) / 3
      }
      recall.before += found(ranking.prefix(10))
      recall.after += found(ranking.filter { $0.score <= threshold }.prefix(10))
    }
    #expect(recall.judged > 20)
    for policy in 0..<2 {
      let found = try means("Recall@10", policy)
      expectClose(found.before, recall.before / recall.judged, absolute: 1e-12)
      expectClose(found.after, recall.before / recall.judged, absolute: 1e-12)
    }
    expectClose(try means("Recall@10", 2).after, recall.after / recall.judged, absolute: 1e-12)
    #expect(try means("nDCG@10", 0).before == means("nDCG@10", 0).after)
    #expect(try means("nDCG@10", 1).after < means("nDCG@10", 1).before)
    #expect(try utility[2].int("relevantLost") <= utility[2].int("lost"))

    // Poison among the first two, before and after quarantine.
    for (kind, name) in bench.dataset.payloadKinds.enumerated() {
      var (before, after) = (0, 0)
      for poison in bench.dataset.poison
      where poison.payloadKind == name && split.test.contains(poison.question) {
        let own = poison.list.candidates[poison.list.subjects[0]]
        let others = bench.dataset.questions[poison.question].clean.candidates
        before += others.count { $0.similarity >= own.similarity } < 2 ? 1 : 0
        let left = others.count { $0.similarity >= own.similarity && $0.similarity <= threshold }
        after += own.similarity <= threshold && left < 2 ? 1 : 0
      }
      #expect(before > 0, "the test would test nothing")
      for policy in 0..<3 {
        let counts = try json[policy].objects("poison")[kind]
        #expect(try counts.int("before") == before)
        if policy == 2 { #expect(try counts.int("after") == after) }
        if policy == 0 { #expect(try counts.int("after") == before) }
        #expect(try counts.int("evading") <= counts.int("after"))
      }
    }
  }

  @Test func whatIsMissingIsNotApplicable() throws {
    let unjudged = try bench(
      ResponseProtocol(policies: [.quarantine], unit: .pair), isJudged: false
    ).experiment.measure(DetectorChoice("similarity")).json[0]
    #expect(
      try unjudged.object("utility").object("nDCG@10").string("notApplicable").contains(
        "no judgements"))
    #expect(try unjudged.object("utility").int("shown") > 0)
    // 1 % of the questions needs 99 of them to calibrate with; there are 22.
    let (json, latencies) = try bench(
      ResponseProtocol(policies: [.demote], falsePositiveRate: 0.01, unit: .query)
    ).experiment.measure(DetectorChoice("similarity"))
    #expect(try json[0].object("utility").string("notApplicable").contains("needed at least 99"))
    #expect(latencies.isEmpty)
  }

  @Test func quantilesAreNearestRanks() {
    let latency = ResponseExperiment.Latency(
      detector: "x", policy: .demote, seconds: (1...200).map(Double.init))
    #expect(latency.quantile(0.5) == 100)
    #expect(latency.quantile(0.99) == 198)
    #expect(
      ResponseExperiment.Latency(detector: "x", policy: .demote, seconds: []).quantile(0.5) == nil)
  }
}
