public import Basics
import Retrieval
public import SystemPackage

/// A training experiment: data, one or more settings, seeds, and what is measured before and after.
///
/// Where a setting leaves choices open, each combination is trained under the first seed, and the
/// held-out share of the training data decides; the test data are looked at once, at the end.
public struct TrainingStudyPlan: Sendable {
  /// What is trained, and what on.
  public enum Subject: Sendable {
    /// A retriever on the judged questions of a corpus.
    case retriever(Pairs)
    /// A classifier on labelled texts.
    case classifier(Texts)
    /// A generator on texts.
    case generator(Notes)
  }

  /// One way to train.
  public struct Setting: Sendable {
    /// Its name in the results.
    public var name: String
    /// Choices of each candidate; the first entry's names are those that were left open.
    public var candidates: [Candidate]

    /// The folder of its trainings.
    var folder: String { fileName(name) }
  }

  /// Choices, and which of them tell it from the other candidates of its setting.
  public struct Candidate: Sendable {
    /// All choices but the seed.
    public var choices: TrainingChoices
    /// Names and values of those that were left open; empty if none were.
    public var open: JSONObject

    /// `learning-rate=2e-05,epochs=2`, or `only`.
    public var name: String {
      open.count == 0
        ? "only"
        : open.members.map { "\($0)=\((try? $1.serialized()) ?? "")" }.joined(separator: ",")
          .replacing("\"", with: "")
    }
  }

  /// Names the run directory.
  public var name: String
  /// A headline.
  public var title: String
  /// The model that training begins with.
  public var model: String
  /// One training each.
  public var seeds: [UInt64]
  /// What is trained.
  public var subject: Subject
  /// Ways to train.
  public var settings: [Setting]
  /// What is attacked through each retriever; nil: nothing.
  var attack: AttackProbe.Target?
}

extension TrainingStudyPlan {
  private static let keys = [
    "name", "title", "model", "seeds", "pairs", "texts", "notes", "training", "choose", "settings",
    "attack",
  ]
  private static let attackKeys = ["corpus", "queries", "payloads", "k", "limit"]
  private static let settingKeys = ["name", "training", "choose"]

  /// Reads an experiment.
  ///
  /// - Parameter path: A TOML file; `Experiments/` holds examples.
  /// - Throws: `FileError` if it cannot be read; `InputError` with line and column for a syntax
  ///   error, with the dotted key and the nearest valid one for the rest.
  public init(contentsOf path: FilePath) throws {
    let table = try TOMLFile.read(path)
    let place = Place(file: path.shown)
    try table.requireKnownKeys(Self.keys, at: place)
    name = try table.string("name", at: place)
    title = try table.optionalString("title", at: place) ?? name
    model = try table.string("model", at: place)
    seeds = try table.differentInts("seeds", in: 0...Int.max, at: place, default: [1])
      .map(UInt64.init)
    subject = try Self.subject(table, at: place)
    let target = try table.optionalObject("attack", at: place)
    if target != nil, case .retriever = subject {
    } else if target != nil {
      throw place.fault("attack", "a retriever can be attacked, this experiment has none")
    }
    attack = try target.map { try Self.target($0, at: place.inside("attack")) }
    let common = try table.optionalObject("training", at: place) ?? JSONObject()
    let open = try table.optionalObject("choose", at: place) ?? JSONObject()
    let listed = table["settings"] == nil ? nil : try table.objects("settings", at: place)
    settings = try (listed ?? [["name": .string("fine-tuned")]]).enumerated().map { number, own in
      let inner = listed == nil ? place : place.inside("settings").inside("\(number)")
      try own.requireKnownKeys(Self.settingKeys, at: inner)
      return Setting(
        name: try own.string("name", at: inner),
        candidates: try Self.candidates(
          [
            (common, place), (try own.optionalObject("training", at: inner) ?? JSONObject(), inner),
          ],
          open: own["choose"] == nil ? open : try own.object("choose", at: inner), at: inner))
    }
    let isPrivate = settings.contains { $0.candidates.contains { $0.choices.privacy != nil } }
    if isPrivate, case .retriever(let pairs) = subject {
      // Wrong answers from the private corpus are records of others.
      if pairs.negatives > 0 {
        throw place.inside("pairs").fault(
          "negatives", "they are records of others, which private training must not see")
      }
      if let own = pairs.publicNegatives, utf8Equal(own.corpus, pairs.corpus) {
        throw place.inside("pairs").fault("public-corpus", "it is the private corpus")
      }
    }
    guard !settings.isEmpty, Set(settings.map { UTF8Key($0.folder) }).count == settings.count,
      !settings.contains(where: { [".", ".."].contains($0.folder) })
    else {
      throw place.fault(
        "settings", "expected one or more tables with names that differ in letters and digits")
    }
  }

  /// A name as that of a file.
  static func fileName(_ name: String) -> String {
    String(
      String.UnicodeScalarView(
        name.unicodeScalars.map { scalar in
          scalar.isASCII
            && (scalar.properties.isAlphabetic || "0123456789=,.-+".unicodeScalars.contains(scalar))
            ? scalar : "_"
        }))
  }

  private static func target(
    _ table: JSONObject, at place: Place
  ) throws -> AttackProbe.Target {
    try table.requireKnownKeys(attackKeys, at: place)
    return AttackProbe.Target(
      corpus: try table.string("corpus", at: place),
      queries: try table.differentNames("queries", at: place),
      payloads: try table.differentNames("payloads", at: place),
      ks: try table.differentInts("k", in: 1...1000, at: place, default: [2]),
      limit: try table.optionalSize("limit", at: place))
  }

  /// Every combination of what is left open, on top of what is said.
  private static func candidates(
    _ tables: [(JSONObject, Place)], open: JSONObject, at place: Place
  ) throws -> [Candidate] {
    var base = TrainingChoices()
    for (table, place) in tables {
      for key in table.keys { try base.set(key, from: table, at: place.inside("training")) }
    }
    var candidates = [Candidate(choices: base, open: [:])]
    let place = place.inside("choose")
    for key in open.keys {
      let values = try open.array(key, at: place)
      guard !values.isEmpty else { throw place.fault(key, "expected one or more values") }
      candidates = try candidates.flatMap { candidate in
        try values.map { value in
          var next = candidate
          try next.choices.set(key, from: [key: value], at: place)
          next.open[key] = value
          return next
        }
      }
    }
    for candidate in candidates {
      do { try candidate.choices.check() } catch let error as UsageError {
        throw InputError(error.message, at: place)
      }
    }
    return candidates
  }

  /// The experiment as JSON, for `run.json`.
  public var json: JSONObject {
    return [
      "name": .string(name), "title": .string(title), "model": .string(model),
      "seeds": .array(seeds.map { Int64(exactly: $0).map { .integer($0) } ?? .string("\($0)") }),
      "data": .object(subject.json),
      "attack": attack.map {
        .object([
          "corpus": .string($0.corpus), "queries": .array($0.queries.map { .string($0) }),
          "payloads": .array($0.payloads.map { .string($0) }),
          "k": .array($0.ks.map { JSONValue($0) }),
          "limit": $0.limit.map { JSONValue($0) } ?? .null,
        ])
      } ?? .null,
      "settings": .array(
        settings.map { setting in
          .object([
            "name": .string(setting.name),
            "candidates": .array(
              setting.candidates.map { candidate in
                var object = candidate.choices.description
                object["name"] = .string(candidate.name)
                return .object(object)
              }),
          ])
        }),
    ]
  }
}
