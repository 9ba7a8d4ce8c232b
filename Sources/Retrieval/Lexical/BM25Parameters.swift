import Glibc

/// The two constants of BM25.
public struct BM25Parameters: Sendable, Equatable {
  /// How fast repeated occurrences stop to count, 0 or more.
  public var k1: Double
  /// How much the length of a text matters, from 0 to 1.
  public var b: Double

  /// Constants; the defaults are Anserini's.
  public init(k1: Double = 0.9, b: Double = 0.4) {
    self.k1 = k1
    self.b = b
  }
}

/// What BM25 knows of a collection.
///
/// - SeeAlso: Robertson and Zaragoza 2009; Kamphuis et al. 2020, table 1, "Lucene (accurate)":
///   lengths are exact, the idf is never negative, the constant factor k1 + 1 is left out.
struct BM25Statistics {
  var parameters: BM25Parameters
  /// The number of units.
  var units: Int
  /// Their tokens altogether.
  var tokens: Int

  /// `ln(1 + (N - df + 0.5) / (df + 0.5))`.
  func inverseDocumentFrequency(_ frequency: Int) -> Double {
    let df = Double(frequency)
    return log1p((Double(units) - df + 0.5) / (df + 0.5))
  }

  /// What is added to a count in the denominator: `k1 (1 - b + b length / mean length)`.
  func norm(length: Int) -> Double {
    let mean = tokens > 0 ? Double(tokens) / Double(units) : 1
    return parameters.k1 * (1 - parameters.b + parameters.b * Double(length) / mean)
  }

  /// `count / (count + norm)`, the share of the weight that a count earns.
  static func saturation(count: UInt32, norm: Double) -> Double {
    let tf = Double(count)
    return tf / (tf + norm)
  }
}
