import Attacks
public import Basics
public import Defenses

/// A grid of experiments: every corpus, retriever, query set, attack variant, seed and payload kind
/// with every other, and every detector on each.
///
/// - SeeAlso: rag-poisoning specification, sections 3 and 6.
public struct SweepPlan: Sendable {
  /// A named way of attacking.
  public struct Variant: Sendable, Equatable {
    /// An attack with its parameters.
    public struct Choice: Sendable, Equatable {
      /// The name of the variant it belongs to.
      public var name: String
      /// A name of `AttackRegistry`.
      public var method: String
      /// Values of the attack's parameters.
      public var parameters: JSONObject
    }

    /// The name in the results.
    public var name: String
    /// One attack; several, if the attacker moves second and chooses.
    public var choices: [Choice]
    /// How many payload texts of a kind he tries with each.
    public var wordings = 1

    /// Whether there is a choice, which is made against each detector: see
    /// ``DetectionProtocol/Attacker``.
    public var isAdaptive: Bool { choices.count * wordings > 1 }

    /// The variant as JSON.
    var json: JSONObject {
      func json(_ choice: Choice) -> JSONObject {
        [
          "name": .string(choice.name), "method": .string(choice.method),
          "parameters": .object(choice.parameters),
        ]
      }
      guard isAdaptive else {
        var object = json(choices[0])
        object["name"] = .string(name)
        return object
      }
      return [
        "name": .string(name), "among": .array(choices.map { .object(json($0)) }),
        "wordings": JSONValue(wordings),
      ]
    }
  }

  /// An axis along which detectors are carried to where they were not fitted.
  public enum Transfer: String, Sendable, CaseIterable {
    /// From one query set to the others of the corpus.
    case querySet = "query-set"
    /// From one corpus to the others, under the same questions.
    case corpus
  }

  /// One query set of one corpus through one retriever under one variant and seed: what is embedded,
  /// ranked and judged together. A unit holds one cell for each payload kind.
  public struct Unit: Sendable, Equatable {
    /// The corpus's name.
    public var corpus: String
    /// The retriever's name.
    public var retriever: String
    /// The query set.
    public var querySet: String
    /// The variant's name.
    public var variant: String
    /// Decides the draw of questions, the payloads, the split and the resamples.
    public var seed: UInt64

    /// The coordinates of one of its cells.
    func identity(payload: String) -> JSONObject {
      var identity = json
      identity["payload"] = .string(payload)
      return identity
    }

    /// The unit's coordinates, in the order of the axes.
    public var json: JSONObject {
      [
        "corpus": .string(corpus), "retriever": .string(retriever), "set": .string(querySet),
        "attack": .string(variant), "seed": Int64(exactly: seed).map { .integer($0) } ?? .null,
      ]
    }
  }

  /// The grid's name.
  public var name: String
  /// What it is for, in a sentence.
  public var title: String
  /// Corpora, the outermost axis: an index is read once for all that is asked of it.
  public var corpora: [String]
  /// Retrievers.
  public var retrievers: [String]
  /// Query sets; a corpus without one of them lacks those units.
  public var querySets: [String]
  /// Ways of attacking.
  public var variants: [Variant]
  /// Seeds.
  public var seeds: [UInt64]
  /// Kinds of payload.
  public var payloads: [String]
  /// Values of k in success@k, ascending.
  public var ks: [Int]
  /// Solo, joint or both.
  public var modes: [PoisonedRetrieval.Mode]
  /// Questions drawn from each set; nil takes all.
  public var questions: Int?
  /// Passages drawn from each corpus, those that judgements name kept; nil takes all.
  public var passages: Int?
  /// Detectors with their choices; empty leaves detection out.
  public var detectors: [DetectionProtocol.Choice]
  /// Nominal false positive rates.
  public var falsePositiveRates: [Double]
  /// Where detectors are tested beside their own unit.
  public var transfers: [Transfer] = []
  /// Shares of the anchor questions whose lists the attacker had already reached when the detector
  /// was fitted and calibrated; each is a test of its own.
  public var contamination: [Double] = []

  /// The units in the cheapest order: by corpus, then retriever.
  ///
  /// - Parameter hasSet: Whether a corpus has a query set.
  /// - Returns: The units that there are.
  public func units(where hasSet: (_ corpus: String, _ querySet: String) -> Bool) -> [Unit] {
    corpora.flatMap { corpus in
      retrievers.flatMap { retriever in
        querySets.filter { hasSet(corpus, $0) }.flatMap { set in
          variants.flatMap { variant in
            seeds.map { seed in
              Unit(
                corpus: corpus, retriever: retriever, querySet: set, variant: variant.name,
                seed: seed)
            }
          }
        }
      }
    }
  }

  /// The variant of a unit.
  func variant(of unit: Unit) throws -> Variant {
    guard let variant = variants.first(where: { utf8Equal($0.name, unit.variant) }) else {
      throw UsageError("the grid has no attack '\(TerminalText.excerpt(unit.variant))'")
    }
    return variant
  }

  /// Everything that the results depend on, as far as the plan decides it.
  public var json: JSONObject {
    func strings(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }
    var object: JSONObject = [
      "name": .string(name), "title": .string(title), "corpora": strings(corpora),
      "retrievers": strings(retrievers), "querySets": strings(querySets),
      "attacks": .array(variants.map { .object($0.json) }),
      "seeds": .array(seeds.map { Int64(exactly: $0).map { .integer($0) } ?? .null }),
      "payloads": strings(payloads), "k": .array(ks.map { JSONValue($0) }),
      "modes": strings(modes.map(\.rawValue)),
      "questions": questions.map { JSONValue($0) } ?? .null,
      "passages": passages.map { JSONValue($0) } ?? .null,
      "detection": detectors.isEmpty ? .null : detection(seed: 0).json,
    ]
    if !transfers.isEmpty { object["transfer"] = strings(transfers.map(\.rawValue)) }
    if !contamination.isEmpty {
      object["contamination"] = .array(contamination.map { .number($0) })
    }
    return object
  }

  /// The detection protocol of one seed, against an attacker who may see the detector.
  public func detection(
    seed: UInt64, attacker: DetectionProtocol.Attacker = .oblivious
  ) -> DetectionProtocol {
    DetectionProtocol(
      detectors: detectors, attacker: attacker, reach: ks.first ?? 1,
      falsePositiveRates: falsePositiveRates, seed: seed)
  }
}
