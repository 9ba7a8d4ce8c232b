import CBLAS
import Glibc

/// Multinomial logistic regression with an L2 penalty: the usual baseline on frozen features.
///
/// Minimises `C Σ_i −log softmax(W x_i + b)[y_i] + ‖W‖² / 2`; the intercept b is not penalised. It is
/// the objective of scikit-learn's `LogisticRegression`.
///
/// - SeeAlso: Nocedal and Wright 2006, algorithm 7.5 (L-BFGS).
public struct LogisticRegression: Sendable {
  /// Features of an example.
  public let dimension: Int
  /// Classes.
  public let classes: Int
  /// `[classes, dimension + 1]`, the intercept last.
  public let weights: [Double]
  /// Steps until the gradient was small enough.
  public let iterations: Int

  /// Fits.
  ///
  /// - Parameters:
  ///   - features: `[examples, dimension]`, row-major, finite.
  ///   - labels: The class of each example, 0 ..< `classes`; at least one example.
  ///   - classes: Two or more.
  ///   - inversePenalty: C, above 0.
  ///   - maximumIterations: After so many steps it ends as it is.
  /// - Throws: `StatisticsError`: `.nonFinite` with the index, `.outOfRange` for a label or C.
  public init(
    features: [Double], labels: [Int], classes: Int, inversePenalty: Double,
    maximumIterations: Int = 1000
  ) throws(StatisticsError) {
    precondition(
      !labels.isEmpty && features.count % labels.count == 0 && classes >= 2,
      "LogisticRegression: \(features.count) features, \(labels.count) labels, \(classes) classes")
    try requireFinite(features, name: "features")
    guard inversePenalty > 0, inversePenalty.isFinite else {
      throw .outOfRange(name: "C", value: "\(inversePenalty)", expected: "above 0")
    }
    if let wrong = labels.first(where: { !(0..<classes).contains($0) }) {
      throw .outOfRange(name: "label", value: "\(wrong)", expected: "0 to \(classes - 1)")
    }
    dimension = features.count / labels.count
    self.classes = classes
    let problem = Problem(
      features: features, labels: labels, dimension: dimension, classes: classes,
      inversePenalty: inversePenalty)
    (weights, iterations) = problem.minimum(maximumIterations: maximumIterations)
  }

  /// The most probable class of each example, the first of equal ones.
  ///
  /// - Parameter features: `[examples, dimension]`, row-major.
  /// - Returns: One class for each example.
  public func guesses(_ features: [Double]) -> [Int] {
    let scores = Self.scores(features, dimension: dimension, weights: weights, classes: classes)
    return stride(from: 0, to: scores.count, by: classes).map { start in
      (1..<classes).reduce(0) { scores[start + $1] > scores[start + $0] ? $1 : $0 }
    }
  }

  /// `[examples, classes]`: W x + b.
  private static func scores(
    _ features: [Double], dimension: Int, weights: [Double], classes: Int
  ) -> [Double] {
    let rows = features.count / dimension
    var scores = [Double](repeating: 0, count: rows * classes)
    for row in 0..<rows {
      for c in 0..<classes { scores[row * classes + c] = weights[c * (dimension + 1) + dimension] }
    }
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(classes), blasint(dimension),
      1, features, blasint(dimension), weights, blasint(dimension + 1), 1, &scores,
      blasint(classes))
    return scores
  }

  private struct Problem {
    let features: [Double]
    let labels: [Int]
    let dimension: Int
    let classes: Int
    let inversePenalty: Double

    /// Value and gradient divided by C and the number of examples, so that neither decides when the
    /// gradient is small.
    func value(_ weights: [Double], gradient: inout [Double]) -> Double {
      var errors = LogisticRegression.scores(
        features, dimension: dimension, weights: weights, classes: classes)
      let scale = 1 / Double(labels.count)
      var loss = 0.0
      var intercepts = [Double](repeating: 0, count: classes)
      for (row, label) in labels.enumerated() {
        let own = row * classes..<(row + 1) * classes
        let top = errors[own].max() ?? 0
        let logSum = top + log(errors[own].reduce(0) { $0 + exp($1 - top) })
        loss += logSum - errors[row * classes + label]
        for c in 0..<classes {
          let error = (exp(errors[row * classes + c] - logSum) - (c == label ? 1 : 0)) * scale
          errors[row * classes + c] = error
          intercepts[c] += error
        }
      }
      let penalty = scale / inversePenalty
      var squares = 0.0
      for c in 0..<classes {
        for d in 0..<dimension {
          let weight = weights[c * (dimension + 1) + d]
          squares += weight * weight
          gradient[c * (dimension + 1) + d] = weight * penalty
        }
        gradient[c * (dimension + 1) + dimension] = intercepts[c]
      }
      cblas_dgemm(
        CblasRowMajor, CblasTrans, CblasNoTrans, blasint(classes), blasint(dimension),
        blasint(labels.count), 1, errors, blasint(classes), features, blasint(dimension), 1,
        &gradient, blasint(dimension + 1))
      return loss * scale + squares * penalty / 2
    }

    func minimum(maximumIterations: Int) -> ([Double], Int) {
      let count = classes * (dimension + 1)
      func dot(_ a: [Double], _ b: [Double]) -> Double {
        cblas_ddot(blasint(count), a, 1, b, 1)
      }
      var point = [Double](repeating: 0, count: count)
      var slope = point
      var height = value(point, gradient: &slope)
      var memory: [(step: [Double], change: [Double], product: Double)] = []
      for iteration in 0..<maximumIterations {
        guard slope.contains(where: { abs($0) > 1e-8 }) else { return (point, iteration) }
        var direction = slope
        var factors: [Double] = []
        for pair in memory.reversed() {
          let factor = dot(pair.step, direction) / pair.product
          factors.append(factor)
          cblas_daxpy(blasint(count), -factor, pair.change, 1, &direction, 1)
        }
        if let last = memory.last {
          cblas_dscal(
            blasint(count), last.product / dot(last.change, last.change), &direction, 1)
        }
        for (pair, factor) in zip(memory, factors.reversed()) {
          let other = dot(pair.change, direction) / pair.product
          cblas_daxpy(blasint(count), factor - other, pair.step, 1, &direction, 1)
        }
        let descent = -dot(direction, slope)
        var size = memory.isEmpty ? min(1, 1 / max(1e-12, dot(slope, slope).squareRoot())) : 1
        var next = point
        var nextSlope = slope
        var nextHeight = height
        // Backtracking until the value falls by a share of what the slope promises (Armijo).
        repeat {
          next = point
          cblas_daxpy(blasint(count), -size, direction, 1, &next, 1)
          nextHeight = value(next, gradient: &nextSlope)
          if nextHeight <= height + 1e-4 * size * descent { break }
          size /= 2
        } while size > 1e-12
        // No step gets lower: the minimum as far as Float64 tells.
        guard nextHeight < height else { return (point, iteration) }
        let step = zip(next, point).map { $0 - $1 }
        let change = zip(nextSlope, slope).map { $0 - $1 }
        let product = dot(step, change)
        if product > 1e-300 {
          memory.append((step, change, product))
          if memory.count > 10 { memory.removeFirst() }
        }
        (point, slope, height) = (next, nextSlope, nextHeight)
      }
      return (point, maximumIterations)
    }
  }
}
