import Basics
import Foundation
import Statistics

/// A piece of a reproduction that is measured once and kept.
struct ExperimentPart: Sendable {
  /// The name, different from the others'.
  var name: String
  /// Whether it measures time: then it has the machine to itself.
  var isTimed = false
  /// Measures; the same every time, times aside.
  var measure: @Sendable () throws -> JSONObject
}

/// One or a few claims: what has to be measured, and what follows from it.
protocol PaperExperiment: Sendable {
  var parts: [ExperimentPart] { get }
  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row]
}

/// What the parts have measured.
struct ExperimentResults: Sendable {
  private let byPart: [String: JSONObject]

  init(_ byPart: [String: JSONObject]) { self.byPart = byPart }

  /// A part's result.
  subscript(part: String) -> JSONObject {
    get throws {
      guard let result = byPart[part] else { throw InputError("no result of '\(part)'") }
      return result
    }
  }

  func number(_ part: String, _ key: String) throws -> Double { try self[part].double(key) }
}

/// A figure over seeds.
struct Spread: Sendable {
  let values: [Double]
  let mean: Double
  /// Sample standard deviation; 0 for one value.
  let deviation: Double

  init(_ values: [Double]) throws {
    let summary = try Summary(of: values)
    (self.values, mean) = (values, summary.mean)
    deviation = summary.standardDeviation.value ?? 0
  }

  /// Ends of the 95 % interval of the mean (Student's t); infinite for one value.
  func interval() throws -> (lower: Double, upper: Double) {
    guard values.count > 1 else { return (-.infinity, .infinity) }
    let freedom = Double(values.count - 1)
    // P(|T| > t) is the regularised incomplete beta function at ν / (ν + t²).
    let x = try BetaFunction.inverseRegularizedIncomplete(0.05, a: freedom / 2, b: 0.5)
    let half =
      (freedom * (1 / x - 1)).squareRoot() * deviation / Double(values.count).squareRoot()
    return (mean - half, mean + half)
  }

  /// For example `0.859 ± 0.012`.
  func text(_ digits: Int = 3) -> String {
    "\(Format.decimals(mean, digits)) ± \(Format.decimals(deviation, digits))"
  }
}

/// A small number in two digits, for example `2.0e-07`.
func scientific(_ value: Double) -> String { String(format: "%.1e", value) }

/// The best of some learning rates, chosen by the mean over seeds.
struct BestOfGrid {
  let rate: Double
  let spread: Spread

  /// The one with the highest mean value.
  init(_ rates: [Double], seeds: [UInt64], _ value: (Double, UInt64) throws -> Double) throws {
    var best: (rate: Double, spread: Spread)?
    for rate in rates {
      let spread = try Spread(seeds.map { try value(rate, $0) })
      if best.map({ spread.mean > $0.spread.mean }) ?? true { best = (rate, spread) }
    }
    guard let best else { preconditionFailure("BestOfGrid: no rates") }
    (rate, spread) = best
  }
}

extension Reproduction.Verdict {
  /// Whether what was measured is what was claimed.
  static func of(_ holds: Bool) -> Self { holds ? .holds : .doesNotHold }
}
