import Statistics
import TestSupport
import Testing

@Suite struct CovarianceTests {
  // Tolerances are relative to the largest element: rows offset by 1000 leave 1e-13 of rounding.
  private func areCloseToScale(_ found: [Double], _ expected: [Double], _ tolerance: Double) -> Bool
  {
    let scale = expected.map(\.magnitude).max() ?? 1
    return areClose(found, expected, relative: 0, absolute: tolerance * scale)
  }

  @Test func meanAndSampleCovarianceMatchNumpy() throws {
    for row in Golden.shared.covariance {
      let estimate = try CovarianceEstimate(rows: row.rows, dimension: row.dimension)
      #expect(estimate.count == row.rows.count / row.dimension)
      #expect(areCloseToScale(estimate.mean, row.mean, 1e-14))
      #expect(areCloseToScale(estimate.covariance.elements, row.sample, 1e-12))
    }
  }

  /// scikit-learn divides by n, we by n − 1: equal intensities, matrices in the ratio n/(n−1).
  @Test func shrinkageMatchesSklearn() throws {
    for row in Golden.shared.covariance {
      let estimate = try CovarianceEstimate(rows: row.rows, dimension: row.dimension)
      let ratio = Double(estimate.count - 1) / Double(estimate.count)
      let ledoitWolf = try estimate.shrunk(.ledoitWolf)
      #expect(isClose(ledoitWolf.intensity, row.ledoitWolf.intensity, relative: 1e-11))
      #expect(
        areCloseToScale(
          ledoitWolf.matrix.elements.map { $0 * ratio }, row.ledoitWolf.covariance, 1e-12))
      let oas = try estimate.shrunk(.oracleApproximating)
      #expect(isClose(oas.intensity, row.oas.intensity, relative: 1e-11))
      #expect(
        areCloseToScale(oas.matrix.elements.map { $0 * ratio }, row.oas.covariance, 1e-12))
    }
  }

  @Test func factorsMatchNumpy() throws {
    for row in Golden.shared.covariance {
      let estimate = try CovarianceEstimate(rows: row.rows, dimension: row.dimension)
      let matrix = try estimate.shrunk(.ledoitWolf).matrix
      let factor = try CholeskyFactor(matrix)
      #expect(areCloseToScale(factor.elements, row.cholesky, 1e-11))
      #expect(areCloseToScale(try factor.inverse(), row.inverseFactor, 1e-10))
      #expect(isClose(factor.logDeterminant, row.logDeterminant, relative: 1e-10))
      #expect(areCloseToScale(try matrix.eigenvalues(), row.eigenvalues, 1e-12))
      let condition = try #require(try matrix.conditionNumber().value)
      let expected = (row.eigenvalues.last ?? 0) / row.eigenvalues[0]
      #expect(isClose(condition, expected, relative: 1e-9))
    }
  }

  @Test func squaredDistancesMatchNumpy() throws {
    for row in Golden.shared.covariance {
      let estimate = try CovarianceEstimate(rows: row.rows, dimension: row.dimension)
      let distance = try MahalanobisDistance(
        mean: estimate.mean, covariance: estimate.shrunk(.ledoitWolf).matrix)
      let found = try distance.squaredDistances(rows: row.probe)
      #expect(areClose(found, row.squaredDistances, relative: 1e-9))
      let restored = try MahalanobisDistance(
        mean: distance.mean, whitening: distance.whitening)
      #expect(try restored.squaredDistances(rows: row.probe) == found)
    }
  }

  @Test func identityGivesTheSquaredEuclideanDistance() throws {
    let distance = try MahalanobisDistance(
      mean: [1, 2, 3], covariance: SymmetricMatrix(identity: 3))
    #expect(try distance.squaredDistances(rows: [1, 2, 3, 2, 4, 6]) == [0, 14])
    #expect(try distance.squaredDistances(rows: []) == [])
    #expect(try distance.whitened(rows: [2, 4, 6]) == [1, 2, 3])
  }

  /// Full shrinkage is the scaled Euclidean distance, whatever the covariance was.
  @Test func fullShrinkageIsScaledEuclidean() throws {
    let row = Golden.shared.covariance[4]
    let estimate = try CovarianceEstimate(rows: row.rows, dimension: row.dimension)
    let shrunk = try estimate.shrunk(.fixed(1))
    let distance = try MahalanobisDistance(mean: estimate.mean, covariance: shrunk.matrix)
    let found = try distance.squaredDistances(rows: row.probe)
    for (index, value) in found.enumerated() {
      let point = row.probe[index * row.dimension..<(index + 1) * row.dimension]
      let squared = zip(point, estimate.mean).reduce(0.0) { sum, pair in
        sum + (Double(pair.0) - pair.1) * (Double(pair.0) - pair.1)
      }
      #expect(isClose(value, squared / shrunk.diagonalIncrement, relative: 1e-12))
    }
  }

  /// More rows than one block: equals the estimate that a plain loop gives.
  @Test func manyBlocksEqualAPlainLoop() throws {
    var generator = SeededGenerator(seed: 21)
    let dimension = 5
    let count = 2500
    let rows = (0..<count * dimension).map { _ in Float(generator.uniform() + 100) }
    let estimate = try CovarianceEstimate(rows: rows, dimension: dimension)
    for i in 0..<dimension {
      for j in 0..<dimension {
        let x = (0..<count).map { Double(rows[$0 * dimension + i]) }
        let y = (0..<count).map { Double(rows[$0 * dimension + j]) }
        let meanX = x.compensatedSum() / Double(count)
        let meanY = y.compensatedSum() / Double(count)
        let sum = zip(x, y).map { ($0 - meanX) * ($1 - meanY) }.compensatedSum()
        #expect(isClose(estimate.covariance[i, j], sum / Double(count - 1), absolute: 1e-13))
        #expect(estimate.covariance[i, j] == estimate.covariance[j, i])
      }
    }
    let distances = try MahalanobisDistance(
      mean: estimate.mean, covariance: estimate.covariance
    ).squaredDistances(rows: rows)
    // Identity: the squared distances of the sample itself sum to (n − 1)·d.
    #expect(isClose(distances.compensatedSum(), Double((count - 1) * dimension), relative: 1e-10))
  }

  @Test func singularCovarianceIsRefusedAndARidgeHelps() throws {
    let rows: [Float] = [1, 2, 2, 4, 3, 6]
    let estimate = try CovarianceEstimate(rows: rows, dimension: 2)
    #expect(throws: StatisticsError.notPositiveDefinite(order: 2)) {
      try CholeskyFactor(estimate.covariance)
    }
    let ridged = try estimate.shrunk(.ridge(0.5))
    #expect(ridged.intensity == 0 && ridged.diagonalIncrement == 0.5)
    #expect(ridged.matrix.elements == [1.5, 2, 2, 4.5])
    _ = try CholeskyFactor(ridged.matrix)
  }

  @Test func constantRowsHaveNoCondition() throws {
    let estimate = try CovarianceEstimate(rows: [7, 8, 7, 8, 7, 8], dimension: 2)
    #expect(estimate.covariance.elements == [0, 0, 0, 0])
    #expect(try estimate.covariance.conditionNumber().value == nil)
    #expect(try estimate.shrunk(.ledoitWolf).intensity == 0)
    #expect(try estimate.shrunk(.oracleApproximating).intensity == 1)
    #expect(throws: StatisticsError.notPositiveDefinite(order: 1)) {
      try CholeskyFactor(estimate.shrunk(.ledoitWolf).matrix)
    }
  }

  @Test func badRowsAreRefused() throws {
    let nonFinite = #expect(throws: StatisticsError.self) {
      try CovarianceEstimate(rows: [1, 2, 3, .nan, 5, 6], dimension: 2)
    }
    #expect(
      nonFinite?.description == "column 1 of row[1] is nan, expected a finite number")
    #expect(throws: StatisticsError.tooFew(name: "rows for a covariance", found: 1, needed: 2)) {
      try CovarianceEstimate(rows: [1, 2], dimension: 2)
    }
    #expect(
      throws: StatisticsError.countMismatch(name: "rows of 2 values", found: 3, expected: 4)
    ) {
      try CovarianceEstimate(rows: [1, 2, 3], dimension: 2)
    }
    #expect(throws: StatisticsError.self) { try CovarianceEstimate(rows: [1], dimension: 0) }
    let distance = try MahalanobisDistance(
      mean: [0, 0], covariance: SymmetricMatrix(identity: 2))
    #expect(throws: StatisticsError.self) {
      try distance.squaredDistances(rows: [0, 0, .infinity, 0])
    }
    #expect(throws: StatisticsError.self) { try distance.whitened(rows: [1]) }
  }

  @Test func badMatricesAndParametersAreRefused() throws {
    #expect(throws: StatisticsError.self) {
      try SymmetricMatrix(dimension: 2, elements: [1, 2, 3, 4])
    }
    #expect(throws: StatisticsError.self) {
      try SymmetricMatrix(dimension: 1, elements: [.nan])
    }
    #expect(throws: StatisticsError.self) { try SymmetricMatrix(dimension: 2, elements: [1]) }
    #expect(throws: StatisticsError.self) { try SymmetricMatrix(identity: 1 << 40) }
    #expect(throws: StatisticsError.self) {
      try MahalanobisDistance(mean: [0, 0], whitening: [1, 1, 0, 1])
    }
    #expect(throws: StatisticsError.self) { try MahalanobisDistance(mean: [], whitening: []) }
    let estimate = try CovarianceEstimate(rows: [1, 2, 3, 5], dimension: 2)
    for value in [-0.1, 1.1, .nan] {
      #expect(throws: StatisticsError.self) { try estimate.shrunk(.fixed(value)) }
    }
    for value in [-0.1, .infinity, .nan] {
      #expect(throws: StatisticsError.self) { try estimate.shrunk(.ridge(value)) }
    }
  }

  @Test func eigenpairsRebuildTheMatrix() throws {
    var generator = SeededGenerator(seed: 11)
    let dimension = 7
    let factor = (0..<dimension * dimension).map { _ in generator.uniform() - 0.5 }
    var elements = [Double](repeating: 0, count: dimension * dimension)
    for row in 0..<dimension {
      for column in 0...row {
        let sum = (0..<dimension).reduce(0.0) {
          $0 + factor[row * dimension + $1] * factor[column * dimension + $1]
        }
        elements[row * dimension + column] = sum
        elements[column * dimension + row] = sum
      }
    }
    let matrix = try SymmetricMatrix(dimension: dimension, elements: elements)
    let (values, vectors) = try matrix.eigenpairs()
    expectClose(values, try matrix.eigenvalues(), absolute: 1e-14)
    func vector(_ index: Int) -> ArraySlice<Double> {
      vectors[index * dimension..<(index + 1) * dimension]
    }
    var rebuilt = [Double](repeating: 0, count: elements.count)
    for index in 0..<dimension {
      let own = Array(vector(index))
      for row in 0..<dimension {
        for column in 0..<dimension {
          rebuilt[row * dimension + column] += values[index] * own[row] * own[column]
        }
      }
      for other in 0..<dimension {
        let product = zip(vector(index), vector(other)).reduce(0) { $0 + $1.0 * $1.1 }
        expectClose(product, index == other ? 1 : 0, absolute: 1e-13)
      }
      let largest = own.max { $0.magnitude < $1.magnitude } ?? 0
      #expect(largest > 0)
    }
    expectClose(rebuilt, elements, absolute: 1e-13)
  }
}
