import Basics
import Testing
import Training

@testable import Evaluation

/// Who is in a run, who is held out, and whose coin fell how.
@Suite struct RunRecordsTests {
  private var choices: TrainingChoices {
    var choices = TrainingChoices()
    choices.canaries = 200
    choices.seed = 7
    return choices
  }

  private let pairs = (0..<1000).map { TextPair(query: "q\($0)", positive: "p\($0)") }

  /// No canary's question or passage stands among the records of anybody else.
  @Test func pairsAreDisjointFromCanaries() throws {
    let records = try RunRecords(pairs, choices)
    #expect(records.members.count + records.heldOut.count == 800)
    #expect(records.heldOut.count == 80)
    #expect(records.included.count + records.excluded.count == 200)
    let others = Set((records.members + records.heldOut).flatMap { [$0.query, $0.positive] })
    for canary in records.included + records.excluded {
      #expect(!others.contains(canary.query) && !others.contains(canary.positive))
      #expect(canary.query.dropFirst() != canary.positive.dropFirst())
    }
    #expect(Set((records.included + records.excluded).map(\.positive)).count == 200)
    #expect(records.training == records.members + records.included)
    let again = try RunRecords(pairs, choices)
    #expect(again.training == records.training && again.excluded == records.excluded)
  }

  /// 200 fair coins: five standard deviations are 35.
  @Test func coinsAreFairAndOfTheSeed() {
    let first = Canaries.coins(200, seed: 1)
    #expect(abs(first.count { $0 } - 100) < 36)
    #expect(first == Canaries.coins(200, seed: 1) && first != Canaries.coins(200, seed: 2))
    #expect(Array(first.prefix(50)) == Canaries.coins(50, seed: 1))
  }

  /// A label that a coin draws says nothing of the text: about half of two classes are wrong.
  @Test func labelsOfCanariesAreRandom() throws {
    let texts = (0..<1000).map { LabelledText(text: "t\($0)", label: $0 % 2 == 0 ? "even" : "odd") }
    let records = try RunRecords(texts, choices)
    let right = (records.included + records.excluded).count { canary in
      (Int(canary.text.dropFirst()) ?? 0) % 2 == (canary.label == "even" ? 0 : 1)
    }
    #expect(abs(right - 100) < 36)
  }

  /// Without canaries nothing is set aside, and all records of a generator stay.
  @Test func generatorsKeepTheirRecords() throws {
    let texts = (0..<100).map { "note \($0)" }
    let records = RunRecords(texts, choices)
    #expect(records.members.count + records.heldOut.count == 100)
    #expect(records.included.count + records.excluded.count == 200)
    var none = choices
    none.canaries = 0
    let plain = RunRecords(texts, none)
    #expect(plain.included.isEmpty && plain.excluded.isEmpty)
    #expect(plain.members == records.members)
    #expect(throws: UsageError.self) { try RunRecords(Array(pairs.prefix(399)), choices) }
  }
}
