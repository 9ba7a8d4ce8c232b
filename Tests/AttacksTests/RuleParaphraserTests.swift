import Basics
import Corpus
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Attacks

@Suite struct RuleParaphraserTests {
  func say(_ text: String, _ rules: Set<RuleParaphraser.Rule>, seed: UInt64 = 3) -> Paraphrase {
    var generator = Philox(seed: seed)
    return RuleParaphraser(rules: rules).paraphrase(text, using: &generator)
  }

  @Test(arguments: [
    (
      "He limps. Which of the following is the best next step?",
      "He limps. One of the following is the best next step."
    ),
    (
      "Given this, which of the following is best?", "Given this, one of the following is best."
    ),
    ("What is the most likely diagnosis?", "The most likely diagnosis is to be named."),
    ("What are the signs?", "The signs are to be named."),
    ("Which drug treats gout?", "Some drug treats gout."),
    (
      "Does oral zinc reduce symptoms of colds?",
      "The question is whether oral zinc reduces symptoms of colds."
    ),
    (
      "Do inhaled drugs shorten the stay?",
      "The question is whether inhaled drugs shorten the stay."
    ),
    (
      "Does ECG screening prevent death?",
      "The question is whether ECG screening prevents death."
    ),
  ])
  func `questions become statements`(question: String, statement: String) {
    let said = say(question, [.questionToStatement])
    #expect(utf8Equal(said.text, statement))
    #expect(said.rules == [.questionToStatement])
  }

  @Test(
    arguments: [
      ("After a fall, he cannot walk.", "He cannot walk after a fall."),
      ("In T4 disease, ECG changes are rare!", "ECG changes are rare in T4 disease!"),
      (
        "Does zinc help in infants with croup?", "In infants with croup, does zinc help?"
      ),
      ("The pain began after a heavy meal.", "After a heavy meal, the pain began."),
      ("\"In short, he is ill now,\" said Ann.", nil), ("It rained in May.", nil),
      ("In men, women, and children it is rare.", "Women, and children it is rare in men."),
      ("One of the following is the next step.", nil),
      ("Does salt given before surgery reduce later pain?", nil), ("After a fall", nil),
      ("Nothing to be moved here at all.", nil),
    ] as [(String, String?)])
  func `clauses move`(text: String, expected: String?) {
    let said = say(text, [.clauseMoved])
    #expect(utf8Equal(said.text, expected ?? text))
    #expect(said.rules == (expected == nil ? [] : [.clauseMoved]))
  }

  @Test(arguments: [
    ("Hypertension.", "High blood pressure."), ("a fever", "a pyrexia"),
    ("An illness", "A disease"), ("(heart attack),", "(myocardial infarction),"),
    ("heart, attack", "heart, attack"), ("because of it", "owing to it"),
    ("An electrocardiogram", "An ECG"),
    ("a chest X-ray", "a chest radiograph"), ("strokes", "strokes"),
    ("MRI", "magnetic resonance imaging"),
  ])
  func `synonyms keep capitals, punctuation and articles`(text: String, expected: String) {
    #expect(utf8Equal(say(text, [.synonyms]).text, expected))
  }

  @Test(arguments: [
    ("The", "The"), ("Is it the?", "Is it the?"), ("The dog", "Dog"), ("x the y", "x y"),
  ])
  func `stop words are dropped, never the last word`(text: String, expected: String) {
    #expect(utf8Equal(say(text, [.stopWords]).text, expected))
  }

  @Test func `sentences end where they end`() {
    let text = "Dr. Oak saw 3.5 mg vs. 4 mg.  It rose (\"a lot.\") What now? 12 days later! so"
    let sentences = Sentence.split(text).map { Sentence.joined([$0]) }
    #expect(
      sentences == [
        "Dr. Oak saw 3.5 mg vs. 4 mg.", "It rose (\"a lot.\")", "What now?", "12 days later! so",
      ])
  }

  @Test func `bundled questions change, the same way for the same seed`() throws {
    let bundle = try CorpusBundle(
      directory: Checkout.root.appending("Corpora/medqa"), origin: .bundled)
    let queries = try bundle.queries("exam") + bundle.queries("research")
    #expect(queries.count == 160)
    var unchanged = 0
    var differing = 0
    for (index, query) in queries.enumerated() {
      let said = say(query.text, Set(RuleParaphraser.Rule.allCases), seed: UInt64(index))
      #expect(said == say(query.text, Set(RuleParaphraser.Rule.allCases), seed: UInt64(index)))
      #expect(utf8Equal(said.text, query.text) == said.rules.isEmpty)
      if said.rules.isEmpty { unchanged += 1 }
      if said != say(query.text, Set(RuleParaphraser.Rule.allCases), seed: 999) { differing += 1 }
      // Something is left of it, and it does not grow out of bounds.
      let (old, new) = (TokenMeter.words().count(query.text), TokenMeter.words().count(said.text))
      #expect(new * 2 >= old && new <= old * 2 + 4, "\(said.text)")
    }
    #expect(unchanged == 0)
    #expect(differing > 100)
  }

  @Test func `any text survives, and a rule that fired has changed it`() {
    let pieces = [
      "the", "The", "a", "A", "Which", "of", "following", "is", "best?", "After", "fall,", "he",
      "Does", "reduce", "in", "it.", "heart", "attack", "\u{301}", "\"", "(", ".", "?", "🩺",
      "e\u{301}",
      "I", "ECG", "What", "fever,", "\u{2003}", "\u{0}", "日本", "-", "'s", "hypertension?",
    ]
    var generator = Philox(seed: 11)
    for _ in 0..<3000 {
      let count = Int(generator.next() % 14)
      let text = (0..<count).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }
        .joined(separator: " ")
      let said = RuleParaphraser().paraphrase(text, using: &generator)
      #expect(utf8Equal(said.text, text) == said.rules.isEmpty, "\(text)")
      #expect(Set(said.rules.map(\.rawValue)).count == said.rules.count)
      #expect(text.isEmpty == said.text.isEmpty)
    }
  }

  @Test func `the table has no phrase twice and no synonym of itself`() {
    let table = SynonymTable.pairs
    #expect(table.count >= 120)
    var seen: Set<String> = []
    for (left, right) in table {
      #expect(seen.insert(LetterCase.lowered(left)).inserted, "\(left)")
      #expect(seen.insert(LetterCase.lowered(right)).inserted, "\(right)")
    }
    for (left, right) in SynonymTable.oneWay {
      #expect(seen.insert(left).inserted, "\(left)")
      #expect(!utf8Equal(left, right))
    }
  }
}
