import Attacks
import Basics
import Corpus
public import Defenses
import Models
public import Retrieval
import Tensors

/// One attacked query set as the detection protocol wants it.
public struct AttackDetection {
  private let index: CorpusIndex
  private let clean: CleanRetrieval
  private let embedder: Embedder
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
    self.embedder = embedder
    self.seed = seed
  }

  /// Clean lists, poison in its lists, and random passages.
  ///
  /// - Parameters:
  ///   - attacked: the set under each kind of payload.
  ///   - mode: which poison stands in the corpus when a question is asked. Solo, each own document of
  ///     a question is judged; joint, each poisoned document that reached the list, and the own ones.
  ///   - windows: which parts of documents will be judged.
  /// - Returns: the data set of the detection protocol.
  /// - Throws: `StoreError` if a passage cannot be read; what embedding throws.
  public func dataset(
    _ attacked: [PoisonedRetrieval], mode: PoisonedRetrieval.Mode = .solo,
    windows: WindowChoice = .all
  ) throws -> DetectionDataset {
    var generator = Philox(seed: seed, stream: 7)
    let random = (0..<index.vectors.rows).shuffled(using: &generator)
      .prefix(Self.randomPassages).sorted()
    let hits = clean.hits.map { Array($0.prefix(AttackExperiment.listLength)) }
    let passages = try StoredCandidates(
      rows: Set(hits.joined().map(\.row)).union(random), index: index, embedder: embedder,
      windows: windows)
    let questions = try hits.enumerated().map { number, hits in
      DetectionDataset.Question(
        querySet: clean.set, clean: try passages.list(hits, for: query(number)))
    }
    var poison: [DetectionDataset.Poison] = []
    for set in attacked { poison += try self.poison(set, questions, mode, windows) }
    return try DetectionDataset(
      retriever: index.identity, similarity: embedder.model.similarity, questions: questions,
      poison: poison,
      randomPassages: random.map { passages.candidate(row: $0, similarity: 0, for: nil) })
  }

  private func query(_ number: Int) -> DetectionQuery {
    DetectionQuery(
      id: clean.queries[number].id, text: clean.queries[number].text,
      vector: EmbeddingRow(clean.vectors, row: number))
  }

  private func poison(
    _ set: PoisonedRetrieval, _ questions: [DetectionDataset.Question],
    _ mode: PoisonedRetrieval.Mode, _ windows: WindowChoice
  ) throws -> [DetectionDataset.Poison] {
    let parts =
      windows == .all
      ? try CandidateWindows(
        of: set.documents.map { ($0.title, $0.text) }, embedder: embedder,
        separator: index.identity.titleSeparator) : nil
    let best = mode == .joint ? try bestPoison(set) : nil
    return try questions.indices.flatMap { question -> [DetectionDataset.Poison] in
      let own = Set(set.own[question])
      var injected = set.own[question].map { ($0, set.ownScores[$0]) }
      injected += best?[question].filter { !own.contains($0.0) } ?? []
      let vector = EmbeddingRow(clean.vectors, row: question)
      let candidates = injected.map { number, score in
        let document = set.documents[number]
        return DetectionCandidate(
          id: document.id, title: document.title, text: document.text,
          vector: EmbeddingRow(set.vectors, row: number), similarity: score,
          furtherWindows: parts?.windows(of: number, for: vector) ?? [])
      }
      let clean = questions[question].clean
      let k = max(1, clean.candidates.count)
      let whole = try DetectionList.merging(candidates, into: clean, k: k)
      let ownIDs = Set(own.map { UTF8Key(set.documents[$0].id) })
      return try whole.subjects.compactMap { position -> DetectionDataset.Poison? in
        // Others' poison counts where it reached the list.
        guard position < k || ownIDs.contains(UTF8Key(whole.candidates[position].id)) else {
          return nil
        }
        return DetectionDataset.Poison(
          question: question, payloadKind: set.payloadKind, rank: position + 1,
          list: try DetectionList(
            query: whole.query, candidates: whole.candidates, subjects: [position]))
      }
    }
  }

  /// The poisoned documents that come nearest to each question, whoever they were made for.
  private func bestPoison(_ set: PoisonedRetrieval) throws -> [[(Int, Double)]] {
    // Numbered by id, so that ties are told apart by id.
    let byID = set.documents.indices.sorted {
      UTF8Key(set.documents[$0].id) < UTF8Key(set.documents[$1].id)
    }
    var numbers = [Int64](repeating: 0, count: byID.count)
    for (position, number) in byID.enumerated() { numbers[number] = Int64(position) }
    let scan = try ExactScan(
      set.vectors, ids: numbers, similarity: embedder.model.similarity, threads: embedder.threads)
    return try scan.search(
      clean.vectors, k: min(AttackExperiment.listLength, byID.count), threads: embedder.threads
    ).map { $0.map { (byID[Int($0.id)], Double($0.score)) } }
  }
}

/// Passages of the store as detectors see them.
struct StoredCandidates {
  private let index: CorpusIndex
  private let positions: [Int: Int]
  private let passages: [(title: String, text: String)]
  private let windows: CandidateWindows?

  /// Reads passages, and embeds what lies beyond the encoder's limit if it will be judged.
  init(rows: Set<Int>, index: CorpusIndex, embedder: Embedder, windows: WindowChoice) throws {
    let rows = rows.sorted()
    passages = try index.store.chunks(rows.map { index.chunks[$0] }).map { ($0.title, $0.text) }
    positions = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
    self.index = index
    self.windows =
      windows == .all
      ? try CandidateWindows(
        of: passages, embedder: embedder, separator: index.identity.titleSeparator) : nil
  }

  /// The passage of a row; without a question its windows have the similarity 0.
  func candidate(
    row: Int, similarity: Double, for query: EmbeddingRow?
  ) -> DetectionCandidate {
    let vector = EmbeddingRow(index.vectors, row: row)
    guard let position = positions[row] else { preconditionFailure("row \(row) was not read") }
    var parts = windows?.windows(of: position, for: query ?? vector) ?? []
    if query == nil {
      for part in parts.indices { parts[part].similarity = 0 }
    }
    return DetectionCandidate(
      id: index.documentIDs[row].string, title: passages[position].title,
      text: passages[position].text, vector: vector, similarity: similarity, furtherWindows: parts)
  }

  /// A clean ranking as a list.
  func list(_ hits: [CorpusIndex.Hit], for query: DetectionQuery) throws -> DetectionList {
    try DetectionList(
      query: query,
      candidates: hits.map { candidate(row: $0.row, similarity: $0.score, for: query.vector) })
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
