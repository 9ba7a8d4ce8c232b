import Glibc

/// Accounting by Rényi divergences: exact divergences of every order, added over steps, converted to
/// (ε, δ) at the best order.
///
/// An upper bound: above the exact ε by a tenth for many steps, by a half and more for few.
///
/// - SeeAlso: Mironov 2017, "Rényi differential privacy"; Canonne, Kamath and Steinke 2020, "The
///   discrete Gaussian for differential privacy", proposition 12 (the conversion).
public struct RenyiAccountant: PrivacyAccountant {
  /// 1.1 to 10.9 by tenths, 11 to 63, and some large ones for little loss.
  public static let defaultOrders: [Double] =
    (11...109).map { Double($0) / 10 } + (11...63).map(Double.init) + [80, 128, 256, 512, 1024]

  /// The orders α, each above 1.
  public let orders: [Double]

  /// An accountant with the given orders.
  public init(orders: [Double] = RenyiAccountant.defaultOrders) {
    precondition(orders.allSatisfy { $0 > 1 }, "RenyiAccountant: an order is not above 1")
    self.orders = orders
  }

  /// `RDP`.
  public var name: String { "RDP" }

  /// Divergences of all steps together, one for each order.
  public func divergences(of phases: [SampledGaussian]) -> [Double] {
    orders.map { order in
      phases.filter(\.isActive).reduce(0) {
        $0 + Double($1.steps)
          * RenyiDivergence.ofSampledGaussian(
            order: order, noiseMultiplier: $1.noiseMultiplier, rate: $1.rate)
      }
    }
  }

  /// An upper bound of ε.
  public func epsilon(of phases: [SampledGaussian], delta: Double) throws -> Double {
    try checkDelta(delta)
    return epsilon(divergences: divergences(of: phases), delta: delta).epsilon
  }

  /// Converts divergences.
  ///
  /// `ε = min_α D(α) + log((α − 1)/α) − (log δ + log α)/(α − 1)`, at least 0.
  ///
  /// - Parameters:
  ///   - divergences: one for each of ``orders``.
  ///   - delta: above 0, below 1.
  /// - Returns: ε and the order that gave it.
  public func epsilon(
    divergences: [Double], delta: Double
  ) -> (epsilon: Double, order: Double) {
    precondition(divergences.count == orders.count, "RenyiAccountant: \(divergences.count) orders")
    var best = (epsilon: Double.infinity, order: Double.nan)
    for (order, divergence) in zip(orders, divergences) {
      let epsilon: Double
      if delta * delta + expm1(-divergence) > 0 {
        // The total variation distance alone is below δ (Bretagnolle and Huber).
        epsilon = 0
      } else if order > 1.01 {
        epsilon = divergence + log1p(-1 / order) - (log(delta) + log(order)) / (order - 1)
      } else {
        continue
      }
      if max(0, epsilon) < best.epsilon { best = (max(0, epsilon), order) }
    }
    return best
  }
}
