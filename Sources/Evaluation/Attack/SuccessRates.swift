public import Basics
public import Statistics

/// success@k of one payload kind on one query set.
///
/// success@k is the share of questions whose own poisoned document is among the first k results;
/// beside it stands the share with any poisoned document there (rag-poisoning.md, section 3.3).
public struct SuccessRate: Sendable, Equatable {
  /// What stood in the corpus.
  public let mode: PoisonedRetrieval.Mode
  /// Results that the reader sees.
  public let k: Int
  /// Questions with an own document among the first k.
  public let own: Proportion
  /// Questions with any poisoned document among the first k.
  public let any: Proportion

  /// Counts the ranks.
  ///
  /// - Parameters:
  ///   - ranks: one for each question.
  ///   - mode: what stood in the corpus.
  ///   - k: at least 1.
  public init(of ranks: [PoisonedRetrieval.Ranks], mode: PoisonedRetrieval.Mode, k: Int) {
    self.mode = mode
    self.k = k
    func within(_ rank: Int?) -> Bool { rank.map { $0 <= k } ?? false }
    switch mode {
    case .solo:
      own = Proportion(counting: ranks.map { within($0.solo) })
      any = own
    case .joint:
      own = Proportion(counting: ranks.map { within($0.jointOwn) })
      any = Proportion(counting: ranks.map { within($0.jointAny) })
    }
  }

  /// The figures as JSON.
  ///
  /// - Throws: `StatisticsError` never occurs for counts that were made by counting.
  public var json: JSONObject {
    get throws {
      [
        "mode": .string(mode.rawValue), "k": JSONValue(k), "own": .object(try own.json()),
        "any": .object(try any.json()),
      ]
    }
  }
}

extension Proportion {
  /// Counts, rate and Wilson 95 % interval; without trials the reason stands in place of numbers.
  ///
  /// - Throws: `StatisticsError` if the interval cannot be computed.
  public func json() throws -> JSONObject {
    var object: JSONObject = ["successes": JSONValue(successes), "trials": JSONValue(trials)]
    switch (rate, try interval(.wilson)) {
    case (.value(let rate), .value(let interval)):
      object["rate"] = .number(rate)
      object["wilson95"] = .array([.number(interval.lower), .number(interval.upper)])
    case (.notApplicable(let reason), _), (_, .notApplicable(let reason)):
      object["notApplicable"] = .string(reason)
    }
    return object
  }

  /// `98.3 % [97.1, 99.0]`, or `n/a`.
  public var shown: String {
    guard let rate = rate.value, let interval = try? interval(.wilson).value else { return "n/a" }
    func percent(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    return "\(percent(rate)) % [\(percent(interval.lower)), \(percent(interval.upper))]"
  }
}
