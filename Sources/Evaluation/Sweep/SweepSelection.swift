import Basics

/// The part of a grid that one process does.
public struct SweepSelection: Sendable, Equatable {
  /// One part of several.
  public struct Shard: Sendable, Equatable {
    /// From 1 to `count`.
    public var number: Int
    /// How many parts there are.
    public var count: Int

    /// Part `number` of `count`.
    public init(number: Int, count: Int) {
      self.number = number
      self.count = count
    }

    /// Reads `i/n`.
    ///
    /// - Parameter text: Two numbers, 1 ≤ i ≤ n ≤ 10,000.
    /// - Throws: `UsageError`.
    public init(parsing text: String) throws {
      let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let number = parts[0], let count = parts[1], count <= 10_000,
        number >= 1, number <= count
      else {
        throw UsageError(
          "--shard is '\(TerminalText.excerpt(text))', expected i/n with i from 1 to n")
      }
      self.init(number: number, count: count)
    }
  }

  /// Names that one axis must or must not have.
  struct Condition: Sendable, Equatable {
    var axis: String
    var names: [String]
  }

  static let axes = ["corpus", "retriever", "set", "attack", "seed", "payload"]

  let only: [Condition]
  let except: [Condition]
  /// The part of the selected units; nil takes all.
  public let shard: Shard?

  /// A selection.
  ///
  /// - Parameters:
  ///   - only: `AXIS=NAME,…`; an axis that stands here has only these names.
  ///   - except: `AXIS=NAME,…`; an axis does without these names.
  ///   - shard: The part of what remains.
  /// - Throws: `UsageError` for an unknown axis.
  public init(only: [String] = [], except: [String] = [], shard: Shard? = nil) throws {
    self.only = try only.map { try Self.condition($0, "--only") }
    self.except = try except.map { try Self.condition($0, "--except") }
    self.shard = shard
  }

  private static func condition(_ text: String, _ option: String) throws -> Condition {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    guard parts.count == 2, axes.contains(parts[0]) else {
      throw UsageError(
        "\(option) is '\(TerminalText.excerpt(text))', expected AXIS=NAME,… with one of"
          + " \(axes.joined(separator: ", "))" + NearestName.hint(for: parts[0], in: axes))
    }
    return Condition(
      axis: parts[0], names: parts[1].split(separator: ",").map(String.init))
  }

  /// Whether a name of an axis is selected.
  func contains(_ axis: String, _ name: String) -> Bool {
    func names(_ condition: Condition) -> Bool {
      condition.names.contains { utf8Equal($0, name) }
    }
    return only.allSatisfy { $0.axis != axis || names($0) }
      && !except.contains { $0.axis == axis && names($0) }
  }

  /// A grid without what is not selected.
  ///
  /// - Parameter plan: The whole grid.
  /// - Returns: The grid with shorter axes.
  /// - Throws: `UsageError` for a name that the grid does not have, or if nothing remains.
  public func applied(to plan: SweepPlan) throws -> SweepPlan {
    let all: [String: [String]] = [
      "corpus": plan.corpora, "retriever": plan.retrievers, "set": plan.querySets,
      "attack": plan.variants.map(\.name), "seed": plan.seeds.map { "\($0)" },
      "payload": plan.payloads,
    ]
    for condition in only + except {
      let known = all[condition.axis] ?? []
      for name in condition.names where !known.contains(where: { utf8Equal($0, name) }) {
        throw UsageError(
          "the grid has no \(condition.axis) '\(TerminalText.excerpt(name))'"
            + NearestName.hint(for: name, in: known)
            + " (there are: \(known.joined(separator: ", ")))")
      }
    }
    var plan = plan
    plan.corpora = plan.corpora.filter { contains("corpus", $0) }
    plan.retrievers = plan.retrievers.filter { contains("retriever", $0) }
    plan.querySets = plan.querySets.filter { contains("set", $0) }
    plan.variants = plan.variants.filter { contains("attack", $0.name) }
    plan.seeds = plan.seeds.filter { contains("seed", "\($0)") }
    plan.payloads = plan.payloads.filter { contains("payload", $0) }
    for (axis, isEmpty) in [
      ("corpus", plan.corpora.isEmpty), ("retriever", plan.retrievers.isEmpty),
      ("set", plan.querySets.isEmpty), ("attack", plan.variants.isEmpty),
      ("seed", plan.seeds.isEmpty), ("payload", plan.payloads.isEmpty),
    ] where isEmpty {
      throw UsageError("nothing is selected: no \(axis) remains")
    }
    return plan
  }

  /// The units of the shard: neighbours, so that few shards need the same index.
  func part(of units: [SweepPlan.Unit]) -> [SweepPlan.Unit] {
    guard let shard else { return units }
    let bounds = [shard.number - 1, shard.number].map { $0 * units.count / shard.count }
    return Array(units[bounds[0]..<bounds[1]])
  }
}
