import Glibc
import Statistics

/// Rényi divergences of one step.
///
/// - SeeAlso: Mironov, Talwar and Zhang 2019, "Rényi differential privacy of the sampled Gaussian
///   mechanism", section 3.3; `opacus/accountants/analysis/rdp.py`.
enum RenyiDivergence {
  /// Sums of a slow series that are combined.
  private static let tail = 24

  /// The divergence of order α of the Gaussian on a Poisson sample, in nats.
  ///
  /// - Parameters:
  ///   - order: α, above 1.
  ///   - noiseMultiplier: σ; 0 gives infinity.
  ///   - rate: q, 0 to 1.
  /// - Returns: 0 or more.
  static func ofSampledGaussian(order: Double, noiseMultiplier: Double, rate: Double) -> Double {
    if rate == 0 { return 0 }
    if noiseMultiplier == 0 { return .infinity }
    if rate == 1 { return order / (2 * noiseMultiplier * noiseMultiplier) }
    let moment =
      order == order.rounded()
      ? logMoment(Int(order), noiseMultiplier, rate)
      : logFractionalMoment(order, noiseMultiplier, rate)
    return max(0, moment) / (order - 1)
  }

  /// `log A` with `A = Σ_k C(α,k) (1−q)^(α−k) q^k e^((k²−k)/2σ²)`, as `log1p(A − 1)`: the binomial
  /// weights add up to 1, so that `A − 1` is a sum of positive terms.
  private static func logMoment(_ order: Int, _ sigma: Double, _ rate: Double) -> Double {
    let (logRate, logRest) = (log(rate), log1p(-rate))
    let terms = (2...order).map { k -> Double in
      let x = Double(k * k - k) / (2 * sigma * sigma)
      return logBinomial(order, k) + Double(order - k) * logRest + Double(k) * logRate
        + (x > 1 ? x + log1p(-exp(-x)) : log(expm1(x)))
    }
    let excess = logSum(terms)
    return excess > 0 ? excess + log1p(exp(-excess)) : log1p(exp(excess))
  }

  private static func logBinomial(_ n: Int, _ k: Int) -> Double {
    logGamma(Double(n) + 1) - logGamma(Double(k) + 1) - logGamma(Double(n - k) + 1)
  }

  /// The same for any α: the integral is split where both densities agree, and each half is a
  /// binomial series whose terms alternate in sign from α on. Terms keep their signs; adding their
  /// absolute values, as some libraries do, gives a larger bound.
  private static func logFractionalMoment(
    _ order: Double, _ sigma: Double, _ rate: Double
  ) -> Double {
    let (logRate, logRest) = (log(rate), log1p(-rate))
    let variance = 2 * sigma * sigma
    let split = sigma * sigma * (logRest - logRate) + 0.5
    let width = 2.0.squareRoot() * sigma
    var terms: [Double] = []
    var signs: [Double] = []
    var logCoefficient = 0.0
    var sign = 1.0
    var largest = -Double.infinity
    // From here on the series alternates, and slowly: its terms are as i to the power of −α − 2.
    let slow = Int(order + max(0, split)) + 100
    for index in 0..<slow + tail {
      let i = Double(index)
      let j = order - i
      let below =
        logCoefficient + i * logRate + j * logRest + (i * i - i) / variance
        + logHalfErfc((i - split) / width)
      let above =
        logCoefficient + j * logRate + i * logRest + (j * j - j) / variance
        + logHalfErfc((split - j) / width)
      terms += [below, above]
      signs += [sign, sign]
      largest = max(largest, below, above)
      // Alternating and shrinking from here on: what is left out is smaller than the last term.
      if i > order, max(below, above) < max(0, largest) - 39 { break }
      let factor = (order - i) / (i + 1)
      logCoefficient += log(abs(factor))
      if factor < 0 { sign = -sign }
    }
    var sums = [0.0]
    for index in stride(from: 0, to: terms.count, by: 2) {
      let pair = exp(terms[index] - largest) + exp(terms[index + 1] - largest)
      sums.append(sums[sums.count - 1] + signs[index] * pair)
    }
    var last = Array(sums.suffix(tail))
    // Euler's transformation: means of neighbouring sums of an alternating series, again and again.
    if sums.count > slow {
      while last.count > 1 { last = zip(last, last.dropFirst()).map { 0.5 * ($0 + $1) } }
    }
    let sum = last.last ?? 0
    return sum > 0 ? largest + log(sum) : .infinity
  }

  /// `log (erfc(x) / 2)`.
  private static func logHalfErfc(_ x: Double) -> Double {
    if x < 20 { return log(0.5 * erfc(x)) }
    // Asymptotic series; the first term left out is 4e-13 at 20.
    let y = 1 / (2 * x * x)
    let series = 1 - y * (1 - 3 * y * (1 - 5 * y * (1 - 7 * y)))
    return -x * x - log(2 * x * Double.pi.squareRoot()) + log(series)
  }

  private static func logSum(_ terms: [Double]) -> Double {
    let largest = terms.max() ?? -.infinity
    guard largest.isFinite else { return largest }
    return largest + log(terms.reduce(0) { $0 + exp($1 - largest) })
  }
}
