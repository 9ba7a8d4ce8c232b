import Foundation

/// The values of `Tests/Fixtures/statistics/statistics.json`.
struct Golden: Decodable {
  struct Quantile: Decodable { var p: Double, value: Double }
  struct Point: Decodable { var x: Double, value: Double }
  struct Beta: Decodable { var a: Double, b: Double, value: Double }
  struct Incomplete: Decodable { var x: Double, a: Double, b: Double, value: Double }
  struct Inverse: Decodable { var p: Double, a: Double, b: Double, value: Double }
  struct Proportions: Decodable {
    var successes: Int, trials: Int, level: Double, wilson: [Double], clopperPearson: [Double]
  }
  struct BetaBinomial: Decodable {
    var trials: Int, alpha: Double, beta: Double, counts: [Int]
    var probabilities: [Double], cumulative: [Double], interval95: [Int]
  }
  struct ROC: Decodable {
    var negatives: [Double], positives: [Double]
    var secondNegatives: [Double], secondPositives: [Double]
    var auroc: Double, averagePrecision: Double, standardError: Double
    var difference: Double, differenceError: Double
    var fpr: [Double], tpr: [Double], threshold: [Double]
    var fprKept: [Double], tprKept: [Double], thresholdKept: [Double]
  }
  struct ClusteredROC: Decodable {
    var negatives: [[Double]], positives: [[Double]]
    var secondNegatives: [[Double]], secondPositives: [[Double]]
    var difference: Double, standardError: Double
  }
  struct ProportionDifference: Decodable {
    var first: [Int], second: [Int], newcombe: [Double], fisher: Double
  }
  struct Multiple: Decodable { var p: [Double], holm: [Double], benjaminiHochberg: [Double] }
  struct Described: Decodable {
    var values: [Double], mean: Double, sd: Double?, quantiles: [Double]
  }
  struct Binned: Decodable {
    var values: [Double], lower: Double, upper: Double, bins: Int
    var counts: [Int], edges: [Double], below: Int, above: Int
  }
  struct Shrunk: Decodable { var intensity: Double, covariance: [Double] }
  struct Covariance: Decodable {
    var dimension: Int, rows: [Float], mean: [Double], sample: [Double]
    var ledoitWolf: Shrunk, oas: Shrunk
    var eigenvalues: [Double], cholesky: [Double], inverseFactor: [Double], logDeterminant: Double
    var probe: [Float], squaredDistances: [Double]
  }

  var normalQuantile: [Quantile], normalCumulative: [Point], logGamma: [Point], logBeta: [Beta]
  var incompleteBeta: [Incomplete], inverseIncompleteBeta: [Inverse]
  var proportions: [Proportions], betaBinomial: [BetaBinomial], roc: [ROC], multiple: [Multiple]
  var clusteredROC: [ClusteredROC], proportionDifferences: [ProportionDifference]
  var summaries: [Described], histograms: [Binned], covariance: [Covariance]

  static let shared: Golden = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/statistics/statistics.json")
    do {
      return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    } catch {
      fatalError("\(file.path): \(error)")
    }
  }()
}

/// Whether `found` is `expected` within a relative tolerance and an absolute one near 0; NaN is not.
func isClose(
  _ found: Double, _ expected: Double, relative: Double = 1e-12, absolute: Double = 1e-14
) -> Bool {
  (found - expected).magnitude <= max(absolute, relative * expected.magnitude)
}

/// Whether every element is close and there are equally many.
func areClose(
  _ found: [Double], _ expected: [Double], relative: Double = 1e-12, absolute: Double = 1e-14
) -> Bool {
  found.count == expected.count
    && zip(found, expected).allSatisfy {
      isClose($0, $1, relative: relative, absolute: absolute)
    }
}
