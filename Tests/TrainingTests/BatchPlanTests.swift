import Basics
import TestSupport
import Testing
import Training

/// Which examples each step takes, and the reading of examples.
@Suite struct BatchPlanTests {
  @Test(arguments: [(1, 1), (10, 3), (10, 4), (9, 4), (7, 7), (5, 8), (64, 1), (100, 16)])
  func anEpochSeesEachExampleOnce(count: Int, size: Int) {
    for lengths in [nil, (0..<count).map { $0 * 7 % 13 }] {
      let plan = ShuffledBatches(count: count, size: size, seed: 3, lengths: lengths)
      for epoch in 0..<3 {
        let batches = (0..<plan.stepsPerEpoch).map {
          plan.batch(at: epoch * plan.stepsPerEpoch + $0)
        }
        #expect(batches.joined().sorted() == Array(0..<count))
        #expect(batches.allSatisfy { !$0.isEmpty && $0.count <= size + 1 })
        #expect(count == 1 || size == 1 || batches.allSatisfy { $0.count > 1 })
      }
    }
  }

  @Test func ordersDependOnSeedAndEpochOnly() {
    let plan = ShuffledBatches(count: 50, size: 5, seed: 3)
    let all = (0..<30).map { plan.batch(at: $0) }
    let again = ShuffledBatches(count: 50, size: 5, seed: 3)
    #expect((0..<30).reversed().map { again.batch(at: $0) } == all.reversed())
    #expect(Array(all[0..<10]) != Array(all[10..<20]))
    #expect(ShuffledBatches(count: 50, size: 5, seed: 4).batch(at: 0) != all[0])
  }

  @Test func bucketsHoldSimilarLengths() {
    let lengths = (0..<640).map { ($0 * 7919) % 101 }
    func spread(_ plan: ShuffledBatches) -> Int {
      (0..<plan.stepsPerEpoch).reduce(0) { sum, step in
        let batch = plan.batch(at: step).map { lengths[$0] }
        return sum + (batch.max() ?? 0) - (batch.min() ?? 0)
      }
    }
    let plain = spread(ShuffledBatches(count: 640, size: 8, seed: 1))
    #expect(spread(ShuffledBatches(count: 640, size: 8, seed: 1, lengths: lengths)) * 4 < plain)
  }

  @Test func poissonBatchesHaveTheirRate() {
    let plan = PoissonBatches(count: 200, rate: 0.05, seed: 9)
    #expect(plan.stepsPerEpoch == 20)
    var seen = [Int](repeating: 0, count: 200)
    var sizes: [Int] = []
    for step in 0..<1000 {
      let batch = plan.batch(at: step)
      #expect(batch == batch.sorted() && Set(batch).count == batch.count)
      sizes.append(batch.count)
      for example in batch { seen[example] += 1 }
    }
    let total = Double(seen.reduce(0, +))
    // Five standard deviations of 200,000 choices at 0.05; the seed is fixed.
    expectClose(total, 10_000, absolute: 5 * (200_000 * 0.05 * 0.95).squareRoot())
    let variance = sizes.reduce(0.0) { $0 + (Double($1) - 10) * (Double($1) - 10) } / 1000
    expectClose(variance, 9.5, absolute: 5 * 9.5 * (2.0 / 1000).squareRoot())
    #expect(plan.batch(at: 77) == PoissonBatches(count: 200, rate: 0.05, seed: 9).batch(at: 77))
    #expect(PoissonBatches(count: 5, rate: 1, seed: 1).batch(at: 0) == [0, 1, 2, 3, 4])
    // Rare enough that some batch is empty.
    let rare = PoissonBatches(count: 3, rate: 0.1, seed: 1)
    #expect((0..<20).contains { rare.batch(at: $0).isEmpty })
  }

  @Test func recordsAreRead() throws {
    let directory = try TemporaryDirectory()
    let pairs = try directory.write(
      "pairs.jsonl",
      text: #"{"query": "q", "positive": "p"}"# + "\r\n\n"
        + #"{"query": "r", "positive": "s", "negatives": ["t", "u"], "more": 1}"#)
    #expect(
      try TrainingRecords.pairs(pairs) == [
        TextPair(query: "q", positive: "p"),
        TextPair(query: "r", positive: "s", negatives: ["t", "u"]),
      ])
    let texts = try directory.write("texts.jsonl", text: #"{"text": "a", "label": "x"}"#)
    #expect(try TrainingRecords.labelledTexts(texts) == [LabelledText(text: "a", label: "x")])
  }

  @Test(arguments: [
    "", "\n", "[]", "{}", #"{"query": "q"}"#, #"{"query": " ", "positive": "p"}"#,
    #"{"query": "q", "positive": "p", "negatives": [""]}"#,
    #"{"query": "q", "positive": "p", "negatives": "n"}"#, #"{"query": 1, "positive": "p"}"#,
    #"{"query": "q", "positive": "p\u0000"}"#, #"{"query": "q", "positive": "p"} {"#,
  ])
  func malformedRecordsAreRefused(text: String) throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      "pairs.jsonl", text: text.isEmpty ? "" : #"{"query": "q", "positive": "p"}"# + "\n" + text)
    // Blank lines behind a good one are no fault.
    if text == "\n" { return }
    let error = #expect(throws: InputError.self) { try TrainingRecords.pairs(file) }
    #expect(text.isEmpty || error?.place.line == 2)
  }
}
