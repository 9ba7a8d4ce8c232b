import Basics
public import Defenses
public import Models
public import Retrieval

/// What a detection experiment judges: clean lists, poisoned documents in their lists, and random
/// passages. Every vector is a row of a shared matrix.
public struct DetectionDataset: Sendable {
  /// A question with its clean ranking.
  public struct Question: Sendable {
    /// The set it belongs to; sets are fitted and reported apart.
    public var querySet: String
    /// The clean top k, best first.
    public var clean: DetectionList

    /// A question of a set.
    public init(querySet: String, clean: DetectionList) {
      self.querySet = querySet
      self.clean = clean
    }
  }

  /// A poisoned document in the list that the user would see.
  public struct Poison: Sendable {
    /// The question it is aimed at: a position in `questions`.
    public var question: Int
    /// The kind of its payload; kinds are reported apart.
    public var payloadKind: String
    /// Its rank among all documents, from 1.
    public var rank: Int
    /// The list it stands in; its subjects are poisoned.
    public var list: DetectionList

    /// A poisoned document in a given list, as a joint attack makes it.
    public init(question: Int, payloadKind: String, rank: Int, list: DetectionList) {
      self.question = question
      self.payloadKind = payloadKind
      self.rank = rank
      self.list = list
    }

    /// A poisoned document that alone was added to the corpus.
    ///
    /// - Parameters:
    ///   - candidate: The document with its similarity.
    ///   - question: A position in the questions.
    ///   - payloadKind: The kind of its payload.
    ///   - clean: The question's clean list; it stays as long as it is.
    /// - Throws: `DetectorError.list` for another dimension.
    public init(
      solo candidate: DetectionCandidate, question: Int, payloadKind: String,
      clean: DetectionList
    ) throws {
      self.init(
        question: question, payloadKind: payloadKind,
        // On an exact tie the clean document comes first.
        rank: 1 + clean.candidates.count { $0.similarity >= candidate.similarity },
        list: try .merging([candidate], into: clean, k: max(1, clean.candidates.count)))
    }
  }

  /// Whose vectors they are.
  public var retriever: RetrieverIdentity
  /// The questions.
  public var questions: [Question]
  /// The poisoned documents.
  public var poison: [Poison]
  /// Passages drawn from the corpus whatever the question; their similarities are not read.
  public var randomPassages: [DetectionCandidate]
  /// How a random passage is scored for a question.
  public var similarity: Models.Similarity

  /// A data set.
  ///
  /// - Parameters:
  ///   - retriever: Whose vectors they are.
  ///   - similarity: How vectors are compared.
  ///   - questions: Questions of one or more sets.
  ///   - poison: Poisoned documents, any number a question.
  ///   - randomPassages: The easy negatives' pool; empty leaves that part out.
  /// - Throws: `InputError` for a poisoned document without its question.
  public init(
    retriever: RetrieverIdentity, similarity: Models.Similarity, questions: [Question],
    poison: [Poison], randomPassages: [DetectionCandidate] = []
  ) throws {
    for document in poison where !questions.indices.contains(document.question) {
      throw InputError(
        "a poisoned document is aimed at question \(document.question) of \(questions.count)",
        at: Place(record: document.list.query.id))
    }
    self.retriever = retriever
    self.similarity = similarity
    self.questions = questions
    self.poison = poison
    self.randomPassages = randomPassages
  }

  /// The query sets in the order of their first questions.
  public var querySets: [String] { Self.distinct(questions.map(\.querySet)) }

  /// The payload kinds in the order of their first documents.
  public var payloadKinds: [String] { Self.distinct(poison.map(\.payloadKind)) }

  private static func distinct(_ names: [String]) -> [String] {
    var seen: Set<UTF8Key> = []
    return names.filter { seen.insert(UTF8Key($0)).inserted }
  }

  /// A random passage put behind a question's clean list, and alone to be judged.
  func list(of passage: DetectionCandidate, for question: Int) throws -> DetectionList {
    let clean = questions[question].clean
    var candidate = passage
    candidate.similarity = similarity.score(clean.query.vector, passage.vector)
    for window in candidate.furtherWindows.indices {
      candidate.furtherWindows[window].similarity = similarity.score(
        clean.query.vector, candidate.furtherWindows[window].vector)
    }
    return try DetectionList(
      query: clean.query, candidates: clean.candidates + [candidate],
      subjects: [clean.candidates.count])
  }
}
