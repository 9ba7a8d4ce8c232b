import Attacks
import Basics
import Corpus
import Defenses
import Models
public import Retrieval
import Tensors

/// One attacked query set as the detection protocol wants it.
public struct AttackDetection {
  private let index: CorpusIndex
  private let clean: CleanRetrieval
  private let similarity: Models.Similarity
  private let seed: UInt64

  /// Random passages among which the easy negatives are drawn.
  private static let randomPassages = 1000

  /// Prepares the data set.
  ///
  /// - Parameters:
  ///   - index: the corpus.
  ///   - clean: the query set before the attack.
  ///   - embedder: the retriever.
  ///   - seed: decides the random passages.
  public init(index: CorpusIndex, clean: CleanRetrieval, embedder: Embedder, seed: UInt64) {
    self.index = index
    self.clean = clean
    similarity = embedder.model.similarity
    self.seed = seed
  }

  /// Clean lists, poison in its lists, and random passages.
  ///
  /// - Parameter attacked: the set under each kind of payload.
  /// - Returns: the data set of the detection protocol.
  /// - Throws: `StoreError` if a passage cannot be read.
  public func dataset(_ attacked: [PoisonedRetrieval]) throws -> DetectionDataset {
    var generator = Philox(seed: seed, stream: 7)
    let random = (0..<index.vectors.rows).shuffled(using: &generator)
      .prefix(Self.randomPassages).sorted()
    let lists = clean.hits.map { $0.prefix(AttackExperiment.listLength) }
    let texts = try self.texts(of: Set(lists.joined().map(\.row)).union(random))
    func candidate(row: Int, similarity: Double) -> DetectionCandidate {
      let text = texts[row]
      return DetectionCandidate(
        id: index.documentIDs[row].string, title: text?.title ?? "", text: text?.text ?? "",
        vector: EmbeddingRow(index.vectors, row: row), similarity: similarity)
    }
    let questions = try lists.enumerated().map { number, hits in
      DetectionDataset.Question(
        querySet: clean.set,
        clean: try DetectionList(
          query: DetectionQuery(
            id: clean.queries[number].id, text: clean.queries[number].text,
            vector: EmbeddingRow(clean.vectors, row: number)),
          candidates: hits.map { candidate(row: $0.row, similarity: $0.score) }))
    }
    var poison: [DetectionDataset.Poison] = []
    for set in attacked {
      for (question, own) in set.own.enumerated() {
        for number in own {
          let document = set.documents[number]
          poison.append(
            try DetectionDataset.Poison(
              solo: DetectionCandidate(
                id: document.id, title: document.title, text: document.text,
                vector: EmbeddingRow(set.vectors, row: number), similarity: set.ownScores[number]),
              question: question, payloadKind: set.payloadKind,
              clean: questions[question].clean))
        }
      }
    }
    return try DetectionDataset(
      retriever: index.identity, similarity: similarity, questions: questions, poison: poison,
      randomPassages: random.map { candidate(row: $0, similarity: 0) })
  }

  private func texts(of rows: Set<Int>) throws -> [Int: (title: String, text: String)] {
    let rows = rows.sorted()
    let chunks = try index.store.chunks(rows.map { index.chunks[$0] })
    return Dictionary(
      uniqueKeysWithValues: zip(rows, chunks).map { ($0, (title: $1.title, text: $1.text)) })
  }
}

extension DetectionDataset {
  /// The questions and the poison of several query sets of one corpus; nil if there is none.
  init?(joining datasets: [DetectionDataset]) throws {
    guard let first = datasets.first else { return nil }
    var questions: [Question] = []
    var poison: [Poison] = []
    for dataset in datasets {
      poison += dataset.poison.map {
        var moved = $0
        moved.question += questions.count
        return moved
      }
      questions += dataset.questions
    }
    try self.init(
      retriever: first.retriever, similarity: first.similarity, questions: questions,
      poison: poison, randomPassages: first.randomPassages)
  }
}
