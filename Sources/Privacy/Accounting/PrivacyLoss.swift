import Glibc

/// The privacy loss of one step: `log P(x)/Q(x)` for x drawn from P.
///
/// With N = N(0, σ²) and M = (1 − q) N(0, σ²) + q N(1, σ²): removing a record compares P = M with
/// Q = N, adding one compares P = N with Q = M. Both losses are monotone in x.
struct PrivacyLoss {
  enum Direction: CaseIterable {
    case remove
    case add
  }

  let sigma: Double
  let rate: Double

  /// A place on the x axis with the probabilities of the smaller side of both normals.
  struct Edge {
    let x: Double
    let noise: Double
    let shifted: Double
  }

  /// The x at which the loss of removing a record is `loss`; −∞ where no x has so small a loss.
  func edge(at loss: Double) -> Edge {
    let variance = sigma * sigma
    let x: Double
    if rate == 1 {
      x = variance * loss + 0.5
    } else if loss > 0 {
      x = variance * (loss + log1p(-(1 - rate) * exp(-loss)) - log(rate)) + 0.5
    } else {
      let share = expm1(loss) / rate
      x = share > -1 ? variance * log1p(share) + 0.5 : -.infinity
    }
    let width = sigma * 2.0.squareRoot()
    return Edge(
      x: x, noise: 0.5 * erfc(abs(x) / width), shifted: 0.5 * erfc(abs(x - 1) / width))
  }

  /// Probabilities under P and Q of a loss between two edges.
  ///
  /// - Parameters:
  ///   - low: the edge at the smaller loss of removing.
  ///   - high: the other.
  ///   - direction: for adding, edges are at the negative losses.
  /// - Returns: both probabilities.
  func masses(
    from low: Edge, to high: Edge, _ direction: Direction
  ) -> (p: Double, q: Double) {
    let noise = Self.mass(low.x, low.noise, high.x, high.noise, mean: 0)
    let shifted = Self.mass(low.x, low.shifted, high.x, high.shifted, mean: 1)
    let mixed = (1 - rate) * noise + rate * shifted
    return direction == .remove ? (mixed, noise) : (noise, mixed)
  }

  /// Without cancellation in either tail.
  private static func mass(
    _ a: Double, _ aTail: Double, _ b: Double, _ bTail: Double, mean: Double
  ) -> Double {
    if a >= mean { return max(0, aTail - bTail) }
    if b <= mean { return max(0, bTail - aTail) }
    return 1 - aTail - bTail
  }

  /// The expected loss, by the trapezoidal rule, which for these functions converges geometrically.
  func mean(_ direction: Direction) -> Double {
    let spacing = min(sigma, sigma * sigma) / 16
    let reach = 12 * sigma
    let steps = Int(((1 + 2 * reach) / spacing).rounded(.up))
    var sum = 0.0
    for i in 0...steps {
      let x = -reach + Double(i) * spacing
      let exponent = (2 * x - 1) / (2 * sigma * sigma)
      // log(1 − q + q e^exponent)
      let loss =
        exponent > 30
        ? exponent + log(rate + (1 - rate) * exp(-exponent))
        : rate == 1 ? exponent : log1p(rate * expm1(exponent))
      let noise = exp(-x * x / (2 * sigma * sigma))
      let shifted = exp(-(x - 1) * (x - 1) / (2 * sigma * sigma))
      sum +=
        direction == .remove ? loss * ((1 - rate) * noise + rate * shifted) : -loss * noise
    }
    return sum * spacing / (sigma * (2 * Double.pi).squareRoot())
  }
}
