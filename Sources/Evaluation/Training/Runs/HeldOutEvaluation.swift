import Basics
import Models
import Tensors
import Training

/// Ranking of held-out passages for held-out questions.
struct PairEvaluation {
  /// Means over the questions.
  struct Values {
    let recallAt1: Double
    let reciprocalRank: Double

    var json: JSONObject {
      ["recall@1": .number(recallAt1), "mrr@10": .number(reciprocalRank)]
    }
  }

  private let queries: [TokenSequence]
  private let passages: [TokenSequence]
  /// The passages that answer each question.
  private let right: [Set<Int>]
  private let embed: ([TokenSequence]) -> Tensor

  /// A question that occurs several times is asked once; all its passages are right.
  init(_ pairs: [TokenPair], embed: @escaping ([TokenSequence]) -> Tensor) {
    var queries: [TokenSequence] = []
    var passages: [TokenSequence] = []
    var queryNumbers: [[Int32]: Int] = [:]
    var passageNumbers: [[Int32]: Int] = [:]
    var right: [Set<Int>] = []
    for pair in pairs {
      let query = queryNumbers[pair.query.ids] ?? queries.count
      if query == queries.count {
        queryNumbers[pair.query.ids] = query
        queries.append(pair.query)
        right.append([])
      }
      let passage = passageNumbers[pair.positive.ids] ?? passages.count
      if passage == passages.count {
        passageNumbers[pair.positive.ids] = passage
        passages.append(pair.positive)
      }
      right[query].insert(passage)
    }
    self.queries = queries
    self.passages = passages
    self.right = right
    self.embed = embed
  }

  /// Recall@1 and MRR@10; of equal scores the earlier passage is the better.
  func measure() -> Values {
    let asked = vectors(queries)
    let found = vectors(passages)
    var (first, reciprocal) = (0.0, 0.0)
    for (query, vector) in asked.enumerated() {
      let scores = found.map { passage in
        zip(vector, passage).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      }
      guard let best = right[query].max(by: { (scores[$0], -$0) < (scores[$1], -$1) }) else {
        continue
      }
      // NaN ranks last.
      let rank = scores.enumerated().reduce(1) { count, other in
        let isAhead =
          other.element > scores[best] || (other.element == scores[best] && other.offset < best)
          || scores[best].isNaN
        return count + (isAhead && other.offset != best ? 1 : 0)
      }
      if rank == 1 { first += 1 }
      if rank <= 10 { reciprocal += 1 / Double(rank) }
    }
    let count = Double(max(1, queries.count))
    return Values(recallAt1: first / count, reciprocalRank: reciprocal / count)
  }

  private func vectors(_ sequences: [TokenSequence]) -> [[Float]] {
    inParts(sequences) { part in
      let values = embed(part)
      return values.values.split(intoRowsOf: values.columns)
    }
  }
}

/// Accuracy and macro-F1 of held-out texts.
struct ClassEvaluation {
  private let examples: [LabelledTokens]
  private let classes: Int
  private let score: ([TokenSequence]) -> Tensor

  init(
    _ examples: [LabelledTokens], classes: Int, score: @escaping ([TokenSequence]) -> Tensor
  ) {
    self.examples = examples
    self.classes = classes
    self.score = score
  }

  /// The largest score decides, the first of equal ones.
  func guesses() -> [Int] {
    inParts(examples.map(\.tokens)) { part in
      score(part).values.split(intoRowsOf: classes).map { row in
        row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
      }
    }
  }

  func measure() -> ClassScores {
    ClassScores(labels: examples.map(\.label), guesses: guesses(), classes: classes)
  }
}

extension ClassScores {
  var json: JSONObject { ["accuracy": .number(accuracy), "macroF1": .number(macroF1)] }
}

/// Calls `body` with parts of 64, so that memory stays small, and joins what it gives.
func inParts<Part, Result>(_ all: [Part], _ body: ([Part]) -> [Result]) -> [Result] {
  stride(from: 0, to: all.count, by: 64).flatMap { start in
    body(Array(all[start..<min(all.count, start + 64)]))
  }
}

extension [Float] {
  fileprivate func split(intoRowsOf columns: Int) -> [[Float]] {
    stride(from: 0, to: count, by: Swift.max(1, columns)).map { Array(self[$0..<$0 + columns]) }
  }
}
