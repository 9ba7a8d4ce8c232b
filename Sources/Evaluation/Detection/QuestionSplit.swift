/// Questions in three disjoint parts: to learn from, to calibrate with, to test on.
public struct QuestionSplit: Sendable, Equatable {
  /// The shares of questions to learn from and to calibrate with; the rest is the test.
  public struct Shares: Sendable, Equatable {
    /// The share to learn from.
    public var fit: Double
    /// The share to calibrate with.
    public var calibrate: Double

    /// Shares, by default 40, 20 and 40 %; together at most 1, which leaves nothing to test on.
    public init(fit: Double = 0.4, calibrate: Double = 0.2) {
      precondition(
        fit > 0 && calibrate > 0 && fit + calibrate <= 1, "shares \(fit) and \(calibrate)")
      self.fit = fit
      self.calibrate = calibrate
    }
  }

  /// Positions to learn from, ascending.
  public let fit: [Int]
  /// Positions to calibrate with, ascending.
  public let calibrate: [Int]
  /// Positions to test on, ascending.
  public let test: [Int]
  /// How many questions stand in a group with another one.
  public let nearDuplicates: Int

  /// A random split that keeps near-duplicates together.
  ///
  /// - Parameters:
  ///   - texts: The questions.
  ///   - shares: The sizes of the parts; groups of near-duplicates make them differ a little.
  ///   - generator: The source of randomness, seeded by the caller.
  public init(
    of texts: [String], shares: Shares = Shares(),
    using generator: inout some RandomNumberGenerator
  ) {
    let group = NearDuplicates.groups(of: texts)
    var members: [Int: [Int]] = [:]
    for (position, group) in group.enumerated() { members[group, default: []].append(position) }
    // Large groups first, so that single questions can even out the sizes in the end.
    let shuffled = members.keys.sorted().shuffled(using: &generator)
      .compactMap { members[$0] }
    let groups = shuffled.enumerated().sorted {
      ($1.element.count, $0.offset) < ($0.element.count, $1.offset)
    }.map(\.element)
    let targets = [shares.fit, shares.calibrate, 1 - shares.fit - shares.calibrate]
      .map { $0 * Double(texts.count) }
    var parts: [[Int]] = [[], [], []]
    for group in groups {
      // The part that lacks most; the first of equals.
      let lacking = parts.indices.map { targets[$0] - Double(parts[$0].count) }
      let part = parts.indices.max { (lacking[$0], $1) < (lacking[$1], $0) } ?? 0
      parts[part] += group
    }
    fit = parts[0].sorted()
    calibrate = parts[1].sorted()
    test = parts[2].sorted()
    nearDuplicates = members.values.filter { $0.count > 1 }.reduce(0) { $0 + $1.count }
  }
}

extension QuestionSplit {
  init(fit: [Int], calibrate: [Int], test: [Int], nearDuplicates: Int) {
    self.fit = fit
    self.calibrate = calibrate
    self.test = test
    self.nearDuplicates = nearDuplicates
  }
}
