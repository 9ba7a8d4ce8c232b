import Glibc
import Statistics

/// A lower bound of ε from one training run: each of m canaries was put in by a fair coin, and an
/// auditor who sees the model guesses for some of them whether they were in. The better the guesses,
/// the larger ε must be.
///
/// - SeeAlso: Steinke, Nasr and Jagielski 2023, "Privacy auditing with one (1) training run", theorem
///   5.2 and algorithm 1; `jax_privacy.auditing`.
public enum OneRunAudit {
  /// How well an auditor guessed.
  public struct Guesses: Sendable, Equatable {
    /// m, canaries that were in or out by a fair coin.
    public let canaries: Int
    /// r, canaries that were guessed.
    public let guesses: Int
    /// v, right guesses.
    public let correct: Int

    /// A result.
    ///
    /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)`` unless 0 ≤ v ≤ r ≤ m.
    public init(canaries: Int, guesses: Int, correct: Int) throws {
      guard 0 <= correct, correct <= guesses, guesses <= canaries else {
        throw PrivacyError.outOfRange(
          name: "the result of an audit", value: "\(correct) of \(guesses) of \(canaries)",
          expected: "right guesses among guesses among canaries")
      }
      (self.canaries, self.guesses, self.correct) = (canaries, guesses, correct)
    }

    /// Guesses "in" for the canaries with the highest scores and "out" for as many with the lowest.
    ///
    /// - Parameters:
    ///   - included: scores of the canaries that were in, higher = rather in.
    ///   - excluded: scores of those that were out.
    ///   - guesses: r; half of them each way.
    /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)`` for more guesses than canaries.
    public init(included: [Double], excluded: [Double], guesses: Int) throws {
      let all =
        (included.map { ($0, true) } + excluded.map { ($0, false) }).sorted { $0.0 > $1.0 }
      let half = guesses / 2
      let right =
        all.prefix(half).count { $0.1 } + all.suffix(half).count { !$0.1 }
      try self.init(canaries: all.count, guesses: 2 * half, correct: right)
    }
  }

  /// The probability of guesses at least as good if the training is (ε, δ)-private, at most.
  ///
  /// With `q = 1/(1 + e^−ε)`, `β = P[Bin(r, q) ≥ v]` and
  /// `α = max_{1 ≤ i ≤ v} (P[Bin(r, q) ≥ v − i] − β)/i`: `min(1, β + 2 m δ α)`.
  public static func pValue(of guesses: Guesses, epsilon: Double, delta: Double) throws -> Double {
    let (r, v) = (guesses.guesses, guesses.correct)
    guard v > 0 else { return 1 }
    let q = 1 / (1 + exp(-epsilon))
    let beta = try BetaFunction.regularizedIncomplete(q, a: Double(v), b: Double(r - v + 1))
    guard delta > 0 else { return beta }
    func probability(_ k: Int) -> Double {
      let coefficient =
        logGamma(Double(r) + 1) - logGamma(Double(k) + 1) - logGamma(Double(r - k) + 1)
      return exp(coefficient + Double(k) * log(q) + Double(r - k) * log1p(-q))
    }
    let odds = (1 - q) / q
    var (alpha, tail, next) = (0.0, 0.0, 0.0)
    for i in 1...v {
      let k = v - i
      // P[Bin = k] from P[Bin = k + 1], or anew where that was too small for a number.
      next = next > 1e-290 ? next * Double(k + 1) / Double(r - k) * odds : probability(k)
      tail += next
      alpha = max(alpha, tail / Double(i))
      if (1 - beta) / Double(i) < alpha { break }
    }
    return min(1, beta + 2 * Double(guesses.canaries) * delta * alpha)
  }

  /// The largest ε that the guesses refute.
  ///
  /// - Parameters:
  ///   - guesses: how well an auditor guessed; the number of guesses was chosen before.
  ///   - delta: δ of the claim.
  ///   - significance: probability of a bound that is too large.
  /// - Returns: 0 if not even ε = 0 is refuted.
  /// - Throws: `StatisticsError`.
  public static func lowerBound(
    of guesses: Guesses, delta: Double, significance: Double = 0.05
  ) throws -> Double {
    func isRefuted(_ epsilon: Double) throws -> Bool {
      try pValue(of: guesses, epsilon: epsilon, delta: delta) <= significance
    }
    guard try isRefuted(0) else { return 0 }
    var (low, high) = (0.0, 1.0)
    while try high < 64 && isRefuted(high) { (low, high) = (high, 2 * high) }
    for _ in 0..<50 {
      let middle = 0.5 * (low + high)
      if try isRefuted(middle) { low = middle } else { high = middle }
    }
    return low
  }

  /// The largest ε that one-sided guesses refute at any threshold: "in" at or above it, no guess below.
  ///
  /// Thresholds are the vertices of the concave hull of the errors, and the significance is divided by
  /// their number.
  ///
  /// - Parameters:
  ///   - included: scores of the canaries that were in, higher = rather in.
  ///   - excluded: scores of those that were out.
  ///   - delta: δ of the claim.
  ///   - significance: probability of a bound that is too large.
  /// - Returns: 0 if nothing is refuted.
  /// - Throws: `StatisticsError`.
  public static func lowerBound(
    included: [Double], excluded: [Double], delta: Double, significance: Double = 0.05
  ) throws -> Double {
    let vertices = hull(included: included, excluded: excluded)
    return try vertices.reduce(0.0) { largest, point in
      let (right, wrong) = (included.count - point.missed, excluded.count - point.spared)
      guard right + wrong > 0 else { return largest }
      let guesses = try Guesses(
        canaries: included.count + excluded.count, guesses: right + wrong, correct: right)
      return max(
        largest,
        try lowerBound(
          of: guesses, delta: delta, significance: significance / Double(vertices.count)))
    }
  }

  /// Vertices of the concave hull of (false negatives, true negatives) over all thresholds.
  static func hull(
    included: [Double], excluded: [Double]
  ) -> [(missed: Int, spared: Int)] {
    let all =
      (included.map { ($0, true) } + excluded.map { ($0, false) }).sorted { $0.0 < $1.0 }
    var points = [(missed: 0, spared: 0)]
    var last = points[0]
    for (index, (score, isIn)) in all.enumerated() {
      if isIn { last.missed += 1 } else { last.spared += 1 }
      if index + 1 == all.count || all[index + 1].0 != score { points.append(last) }
    }
    var hull: [(missed: Int, spared: Int)] = []
    for point in points {
      while hull.count >= 2 {
        let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
        // The middle one stays only if it lies above the line between its neighbours.
        let left = (b.missed - a.missed) * (point.spared - a.spared)
        let right = (b.spared - a.spared) * (point.missed - a.missed)
        guard left >= right else { break }
        hull.removeLast()
      }
      hull.append(point)
    }
    return hull
  }
}
