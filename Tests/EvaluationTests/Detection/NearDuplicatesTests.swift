import Evaluation
import TestSupport
import Testing

@Suite struct NearDuplicatesTests {
  @Test func equalAndNearTextsStandTogether() {
    let texts = [
      "Which vitamin deficiency causes scurvy in adults of middle age today?",
      "What is the capital of France?",
      "which vitamin deficiency causes SCURVY in adults of middle age today",
      "Which vitamin deficiency causes rickets in adults of middle age today?",
      "", "?!",
    ]
    // Rickets for scurvy: 10 of 12 words are shared.
    #expect(NearDuplicates.groups(of: texts) == [0, 1, 0, 0, 4, 4])
    #expect(NearDuplicates.groups(of: texts, threshold: 0.9) == [0, 1, 0, 3, 4, 4])
    #expect(NearDuplicates.groups(of: []).isEmpty)
  }

  @Test(arguments: [0.3, 0.5, 0.8, 1])
  func prefixFilterLosesNoPair(threshold: Double) {
    var generator = SeededGenerator(seed: 5)
    let texts = (0..<150).map { _ in
      (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        "w\(Int.random(in: 0..<14, using: &generator))"
      }.joined(separator: " ")
    }
    let sets = texts.map { Set($0.split(separator: " ")) }
    var expected = Array(texts.indices)
    // Groups by repeated passes over all pairs.
    var changed = true
    while changed {
      changed = false
      for i in texts.indices {
        for j in 0..<i where expected[i] != expected[j] {
          let common = sets[i].intersection(sets[j]).count
          if Double(common) >= threshold * Double(sets[i].union(sets[j]).count) {
            let low = min(expected[i], expected[j])
            let high = max(expected[i], expected[j])
            for index in expected.indices where expected[index] == high { expected[index] = low }
            changed = true
          }
        }
      }
    }
    #expect(NearDuplicates.groups(of: texts, threshold: threshold) == expected)
  }

  @Test func partsAreDisjointCompleteAndOfTheirSizes() {
    var generator = SeededGenerator(seed: 6)
    let texts = (0..<500).map { index in
      index % 10 == 0
        ? "one question that is asked again and again number \(index % 50)" : "q\(index) x\(index)"
    }
    let split = QuestionSplit(of: texts, using: &generator)
    #expect((split.fit + split.calibrate + split.test).sorted() == Array(0..<500))
    #expect([split.fit.count, split.calibrate.count, split.test.count] == [200, 100, 200])
    let groups = NearDuplicates.groups(of: texts)
    let parts = [split.fit, split.calibrate, split.test].map { Set($0.map { groups[$0] }) }
    #expect(parts[0].isDisjoint(with: parts[1]) && parts[0].isDisjoint(with: parts[2]))
    #expect(parts[1].isDisjoint(with: parts[2]))
    #expect(split.nearDuplicates == 50)
    var again = SeededGenerator(seed: 6)
    #expect(QuestionSplit(of: texts, using: &again) == split)
    var other = SeededGenerator(seed: 7)
    #expect(QuestionSplit(of: texts, using: &other) != split)
  }
}
