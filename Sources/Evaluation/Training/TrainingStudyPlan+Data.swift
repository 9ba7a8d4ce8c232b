import Basics
public import Retrieval

extension TrainingStudyPlan {
  /// Pairs of a corpus.
  public struct Pairs: Sendable {
    /// What the retriever is tested on.
    public enum Test: Sendable, Equatable {
      /// Another query set, ranked over the whole corpus.
      case querySet(String)
      /// A share of the pairs that takes no part in training: its questions, ranked over its passages.
      case share(Double)
    }

    /// The corpus.
    public var corpus: String
    /// The query set of the pairs.
    public var queries: String
    /// Hard negatives for each question.
    public var negatives: Int
    /// A corpus whose passages, those most similar to the question, are further negatives: public text, as
    /// private training wants it; nil: there are none.
    public var publicNegatives: (corpus: String, count: Int)?
    /// At most so many pairs, drawn with the first seed; nil: all.
    public var limit: Int?
    /// How many pairs that follow one another are drawn together, such as those on one disease, whose
    /// passages are then hard to tell apart.
    public var neighbours: Int
    /// The test.
    public var test: Test
    /// What is measured.
    public var metrics: [RankingMetric]
  }

  /// Texts of a JSON Lines file, which a generator is trained on.
  public struct Notes: Sendable {
    /// The file, beside the others of the experiment.
    public var file: String
    /// Fields that are read, joined by a space.
    public var fields: [String]
    /// At most so many notes, drawn with the first seed; nil: all.
    public var limit: Int?
    /// The share of the notes that takes no part in training.
    public var testShare: Double
  }

  /// Labelled texts of a JSON Lines file, both parts in one.
  public struct Texts: Sendable {
    /// The file, beside the others of the experiment.
    public var file: String
    /// Fields that are read, joined by a space.
    public var fields: [String]
    /// The field of the class.
    public var label: String
    /// The field that says which part a text belongs to.
    public var split: String
    /// Its value for texts to train on.
    public var training: String
    /// Its value for texts to test on.
    public var test: String
  }

  private static let pairKeys = [
    "corpus", "queries", "negatives", "public-negatives", "public-corpus", "limit", "neighbours",
    "test", "test-share", "metrics",
  ]
  private static let textKeys = ["file", "fields", "label", "split", "training", "test"]
  private static let noteKeys = ["file", "fields", "limit", "test-share"]

  /// The data, of which there is one table.
  static func subject(_ table: JSONObject, at place: Place) throws -> Subject {
    let names = ["pairs", "texts", "notes"].filter { table[$0] != nil }
    guard names.count == 1, let name = names.first else {
      throw InputError("expected one of the tables 'pairs', 'texts' and 'notes'", at: place)
    }
    let (data, inner) = (try table.object(name, at: place), place.inside(name))
    return switch name {
    case "pairs": .retriever(try pairs(data, at: inner))
    case "texts": .classifier(try texts(data, at: inner))
    default: .generator(try notes(data, at: inner))
    }
  }

  private static func notes(_ table: JSONObject, at place: Place) throws -> Notes {
    try table.requireKnownKeys(noteKeys, at: place)
    return Notes(
      file: try table.string("file", at: place),
      fields: try table.differentNames("fields", at: place),
      limit: try table.optionalSize("limit", at: place),
      testShare: try testShare(table, at: place))
  }

  private static func testShare(_ table: JSONObject, at place: Place) throws -> Double {
    let share = try table.double("test-share", at: place)
    guard share > 0, share < 1 else {
      throw place.fault("test-share", "found \(share), expected a number between 0 and 1")
    }
    return share
  }

  private static func pairs(_ table: JSONObject, at place: Place) throws -> Pairs {
    try table.requireKnownKeys(pairKeys, at: place)
    let test: Pairs.Test
    switch (
      try table.optionalString("test", at: place), try table.optionalDouble("test-share", at: place)
    ) {
    case (let set?, nil): test = .querySet(set)
    case (nil, _?): test = .share(try testShare(table, at: place))
    default: throw place.fault("test", "expected one of 'test' and 'test-share'")
    }
    let negatives = try table.optionalInt("negatives", at: place) ?? 0
    guard (0...1000).contains(negatives) else {
      throw place.fault("negatives", "found \(negatives), expected 0 to 1000")
    }
    let queries = try table.string("queries", at: place)
    if case .querySet(let set) = test, utf8Equal(set, queries) {
      throw place.fault("test", "it is the query set that is trained on")
    }
    let drawn = try table.optionalSize("public-negatives", at: place)
    return Pairs(
      corpus: try table.string("corpus", at: place), queries: queries, negatives: negatives,
      publicNegatives: try drawn.map { (try table.string("public-corpus", at: place), $0) },
      limit: try table.optionalSize("limit", at: place),
      neighbours: try table.optionalSize("neighbours", at: place) ?? 1, test: test,
      metrics: try table.differentNames("metrics", at: place).map { name in
        do { return try RankingMetric(name) } catch let error as UsageError {
          throw place.fault("metrics", error.message)
        }
      })
  }

  private static func texts(_ table: JSONObject, at place: Place) throws -> Texts {
    try table.requireKnownKeys(textKeys, at: place)
    return Texts(
      file: try table.string("file", at: place),
      fields: try table.differentNames("fields", at: place),
      label: try table.string("label", at: place), split: try table.string("split", at: place),
      training: try table.string("training", at: place),
      test: try table.string("test", at: place))
  }
}

extension TrainingStudyPlan.Subject {
  /// The data as JSON, for `run.json`.
  var json: JSONObject {
    switch self {
    case .retriever(let pairs):
      var object: JSONObject = [
        "corpus": .string(pairs.corpus), "queries": .string(pairs.queries),
        "negatives": JSONValue(pairs.negatives),
        "limit": pairs.limit.map { JSONValue($0) } ?? .null,
        "neighbours": JSONValue(pairs.neighbours),
        "publicCorpus": pairs.publicNegatives.map { .string($0.corpus) } ?? .null,
        "publicNegatives": JSONValue(pairs.publicNegatives?.count ?? 0),
        "metrics": .array(pairs.metrics.map { .string($0.description) }),
      ]
      switch pairs.test {
      case .querySet(let set): object["test"] = .string(set)
      case .share(let share): object["testShare"] = .number(share)
      }
      return object
    case .classifier(let texts):
      return [
        "file": .string(texts.file), "fields": .array(texts.fields.map { .string($0) }),
        "label": .string(texts.label), "split": .string(texts.split),
        "training": .string(texts.training), "test": .string(texts.test),
      ]
    case .generator(let notes):
      return [
        "file": .string(notes.file), "fields": .array(notes.fields.map { .string($0) }),
        "limit": notes.limit.map { JSONValue($0) } ?? .null,
        "testShare": .number(notes.testShare),
      ]
    }
  }
}
