/// How a sample covariance is made well conditioned.
public enum Shrinkage: Sendable, Equatable {
  /// Towards a multiple of the identity, with Ledoit and Wolf's intensity.
  case ledoitWolf
  /// Towards a multiple of the identity, with the oracle approximating intensity (OAS).
  case oracleApproximating
  /// Towards a multiple of the identity, with this intensity from 0 to 1.
  case fixed(Double)
  /// β added to the diagonal and nothing else, β at least 0.
  case ridge(Double)
}

/// A covariance after shrinkage, with what was done.
public struct ShrunkCovariance: Sendable, Equatable {
  /// (1 − intensity) · S + intensity · scale · I, or S + ridge · I; S is divided by n − 1.
  public let matrix: SymmetricMatrix
  /// The weight of the identity target, from 0 to 1; 0 for a ridge.
  public let intensity: Double
  /// What was added to the diagonal.
  public let diagonalIncrement: Double
}

extension CovarianceEstimate {
  /// The covariance after shrinkage.
  ///
  /// The intensities are those of scikit-learn, computed on the covariance divided by n; they are
  /// applied to the sample covariance divided by n − 1. As both estimators commute with scaling, the
  /// result is n/(n−1) times that of `LedoitWolf` or `OAS`.
  ///
  /// - Parameter shrinkage: The kind and its parameter.
  /// - Returns: The shrunk matrix with its intensity.
  /// - Throws: `StatisticsError.outOfRange` for a fixed intensity or ridge outside its range.
  /// - SeeAlso: Ledoit and Wolf 2004; Chen, Wiesel, Eldar and Hero 2010, equation 23;
  ///   `sklearn.covariance`.
  public func shrunk(_ shrinkage: Shrinkage) throws(StatisticsError) -> ShrunkCovariance {
    let intensity: Double
    switch shrinkage {
    case .ledoitWolf:
      intensity = ledoitWolfIntensity
    case .oracleApproximating:
      intensity = oracleApproximatingIntensity
    case .fixed(let value):
      guard value >= 0, value <= 1 else {
        throw .outOfRange(name: "shrinkage", value: "\(value)", expected: "a number from 0 to 1")
      }
      intensity = value
    case .ridge(let value):
      guard value >= 0, value.isFinite else {
        throw .outOfRange(name: "ridge", value: "\(value)", expected: "a finite number from 0")
      }
      return ShrunkCovariance(
        matrix: covariance.scaled(by: 1, addingToDiagonal: value), intensity: 0,
        diagonalIncrement: value)
    }
    let increment = intensity * covariance.trace / Double(dimension)
    return ShrunkCovariance(
      matrix: covariance.scaled(by: 1 - intensity, addingToDiagonal: increment),
      intensity: intensity, diagonalIncrement: increment)
  }

  /// `ledoit_wolf_shrinkage` of scikit-learn; 0 in one dimension and for constant rows.
  var ledoitWolfIntensity: Double {
    guard dimension > 1 else { return 0 }
    let n = Double(count)
    let p = Double(dimension)
    let toPopulation = (n - 1) / n
    let trace = covariance.trace * toPopulation
    let mu = trace / p
    let squaredNorm = covariance.squaredFrobeniusNorm * toPopulation * toPopulation
    let delta = (squaredNorm - 2 * mu * trace + p * mu * mu) / p
    let beta = min((sumOfFourthPowers / n - squaredNorm) / (p * n), delta)
    return beta == 0 ? 0 : beta / delta
  }

  /// `OAS().shrinkage_` of scikit-learn; 0 in one dimension, 1 for constant rows.
  var oracleApproximatingIntensity: Double {
    guard dimension > 1 else { return 0 }
    let n = Double(count)
    let p = Double(dimension)
    let toPopulation = (n - 1) / n
    let alpha = covariance.squaredFrobeniusNorm * toPopulation * toPopulation / (p * p)
    let mu = covariance.trace * toPopulation / p
    let denominator = (n + 1) * (alpha - mu * mu / p)
    return denominator == 0 ? 1 : min((alpha + mu * mu) / denominator, 1)
  }
}
