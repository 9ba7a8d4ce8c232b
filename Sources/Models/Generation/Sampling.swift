import Basics
import CKernels
import Glibc

/// How the next token is chosen from the scores.
///
/// Scores are divided by the temperature; of the `topK` best, those are kept that together reach the
/// probability `topP`, best first; one of them is drawn by its probability. Of equal scores the smaller
/// id comes first.
///
/// - SeeAlso: Holtzman et al. 2020 (top-p); the logits warpers of `transformers`, which keep the same
///   tokens.
public struct Sampling: Sendable, Equatable {
  /// Highest temperature.
  public static let maximumTemperature = 100.0

  /// Divides the scores; 0: the best token is taken, nothing is drawn.
  public let temperature: Double
  /// At most so many tokens are kept; nil: all.
  public let topK: Int?
  /// The probability that the kept tokens reach together.
  public let topP: Double

  /// The best token each time.
  public static var greedy: Sampling { Sampling() }

  private init() { (temperature, topK, topP) = (0, nil, 1) }

  /// Checks the settings.
  ///
  /// - Parameters:
  ///   - temperature: 0 to 100.
  ///   - topK: 1 or more, or nil.
  ///   - topP: above 0, up to 1.
  /// - Throws: `UsageError` naming the value and its range.
  public init(temperature: Double, topK: Int? = nil, topP: Double = 1) throws {
    guard temperature >= 0, temperature <= Self.maximumTemperature else {
      throw UsageError(
        "the temperature is \(temperature), expected 0 to \(Self.maximumTemperature)")
    }
    if let topK, topK < 1 { throw UsageError("top-k is \(topK), expected 1 or more") }
    guard topP > 0, topP <= 1 else {
      throw UsageError("top-p is \(topP), expected above 0, up to 1")
    }
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
  }

  /// The tokens that may be chosen, with their probabilities.
  ///
  /// - Parameter scores: one number for each token, none NaN.
  /// - Returns: tokens in descending order; their probabilities add up to 1.
  public func distribution(
    _ scores: UnsafeBufferPointer<Float>
  ) -> [(token: Int32, probability: Double)] {
    guard temperature > 0, topK != 1 else { return [(Self.best(scores), 1)] }
    let largest = Double(scores[Int(Self.best(scores))])
    func weight(_ score: Float) -> Double { exp((Double(score) - largest) / temperature) }
    // The best tokens are found without sorting all: those within a margin that grows until they
    // are enough.
    let isOpen = topK == nil && topP == 1
    var total = 0.0
    if topK == nil { for score in scores { total += weight(score) } }
    var margin = isOpen ? Double.infinity : 4 * temperature
    while true {
      let floor = Float(largest - margin)
      var kept = scores.indices.filter { scores[$0] >= floor }.map { Int32($0) }
      let isAll = kept.count == scores.count
      if isAll || kept.count >= topK ?? 0 {
        kept.sort { (scores[Int($1)], $0) < (scores[Int($0)], $1) }
        if let topK { kept.removeLast(max(0, kept.count - topK)) }
        let weights = kept.map { weight(scores[Int($0)]) }
        let mass = topK == nil ? total : weights.reduce(0, +)
        var count = 0
        var sum = 0.0
        // Rounding must not keep the last token from being reached.
        while count < kept.count, sum < topP * mass || topP == 1 {
          sum += weights[count]
          count += 1
        }
        if isAll || topK != nil || sum >= topP * mass {
          return (0..<count).map { (kept[$0], weights[$0] / sum) }
        }
      }
      margin *= 2
    }
  }

  /// Chooses a token.
  ///
  /// - Parameters:
  ///   - scores: one number for each token, none NaN.
  ///   - uniform: a random number in 0 ..< 1.
  /// - Returns: its id.
  public func choose(_ scores: UnsafeBufferPointer<Float>, uniform: Double) -> Int32 {
    guard temperature > 0, topK != 1 else { return Self.best(scores) }
    let tokens = distribution(scores)
    var left = uniform
    for (token, probability) in tokens {
      left -= probability
      if left < 0 { return token }
    }
    return tokens[tokens.count - 1].token
  }

  private static func best(_ scores: UnsafeBufferPointer<Float>) -> Int32 {
    precondition(!scores.isEmpty, "Sampling: no scores")
    let largest = rbk_largest(scores.baseAddress, scores.count)
    guard let index = scores.firstIndex(of: largest) else {
      preconditionFailure("Sampling: a score is NaN")
    }
    return Int32(index)
  }
}
