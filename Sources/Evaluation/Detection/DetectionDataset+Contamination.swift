import Basics
import Defenses
import Tensors

extension DetectionDataset {
  /// The data set of a defender whose trusted corpus already held poison.
  ///
  /// A share of the questions is drawn. One poisoned document of each, of a kind drawn too, has entered
  /// its clean list as the retriever would rank it; where it is not among the first results, the list
  /// is what it was. For learning and calibrating only: what such a set calls clean is not.
  ///
  /// - Parameters:
  ///   - share: From 0 to 1.
  ///   - seed: Decides the draw; a larger share holds the questions of a smaller one.
  /// - Returns: The data set without poison, and how many of its passages are poisoned.
  /// - Throws: `DetectorError.list` for another dimension.
  func contaminated(share: Double, seed: UInt64) throws -> (dataset: Self, passages: Int) {
    var generator = Philox(seed: seed, stream: 17)
    var own: [Int: [Poison]] = [:]
    for document in poison { own[document.question, default: []].append(document) }
    var dataset = self
    dataset.poison = []
    var passages = 0
    let drawn = questions.indices.shuffled(using: &generator)
      .prefix(Int((share * Double(questions.count)).rounded()))
    for question in drawn {
      var choice = Philox(seed: seed, stream: 19 << 32 | UInt64(question))
      guard let document = own[question]?.randomElement(using: &choice) else { continue }
      let clean = questions[question].clean
      let subjects = document.list.subjects
      let injected = subjects.map { document.list.candidates[$0] }
      let list = try DetectionList.merging(
        injected, into: clean, k: max(1, clean.candidates.count))
      let seen = Array(list.candidates.prefix(clean.candidates.count))
      passages += list.subjects.count { $0 < seen.count }
      dataset.questions[question].clean = try DetectionList(query: clean.query, candidates: seen)
    }
    return (dataset, passages)
  }
}
