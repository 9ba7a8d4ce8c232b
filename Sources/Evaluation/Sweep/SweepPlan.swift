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
    /// The name in the results.
    public var name: String
    /// A name of `AttackRegistry`.
    public var method: String
    /// Values of the attack's parameters.
    public var parameters: JSONObject
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

  /// The attack of a variant.
  ///
  /// - Parameter name: A name of `variants`.
  /// - Returns: The attack with the variant's parameters.
  /// - Throws: `UsageError` for an unknown name.
  func attack(_ name: String) throws -> any Attack {
    guard let variant = variants.first(where: { utf8Equal($0.name, name) }) else {
      throw UsageError("the grid has no attack '\(TerminalText.excerpt(name))'")
    }
    return try AttackRegistry.attack(named: variant.method, parameters: variant.parameters)
  }

  /// Everything that the results depend on, as far as the plan decides it.
  public var json: JSONObject {
    func strings(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }
    return [
      "name": .string(name), "title": .string(title), "corpora": strings(corpora),
      "retrievers": strings(retrievers), "querySets": strings(querySets),
      "attacks": .array(
        variants.map {
          .object([
            "name": .string($0.name), "method": .string($0.method),
            "parameters": .object($0.parameters),
          ])
        }),
      "seeds": .array(seeds.map { Int64(exactly: $0).map { .integer($0) } ?? .null }),
      "payloads": strings(payloads), "k": .array(ks.map { JSONValue($0) }),
      "modes": strings(modes.map(\.rawValue)),
      "questions": questions.map { JSONValue($0) } ?? .null,
      "passages": passages.map { JSONValue($0) } ?? .null,
      "detection": detectors.isEmpty ? .null : detection(seed: 0).json,
    ]
  }

  /// The detection protocol of one seed.
  public func detection(seed: UInt64) -> DetectionProtocol {
    DetectionProtocol(
      detectors: detectors, reach: ks.first ?? 1, falsePositiveRates: falsePositiveRates,
      seed: seed)
  }
}
