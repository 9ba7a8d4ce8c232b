import Statistics
import TestSupport
import Testing

/// Multinomial logistic regression against scikit-learn.
@Suite struct LogisticRegressionTests {
  /// Two blobs a class on a grid, the same in the script below.
  private static let features: [Double] = (0..<90).flatMap { i -> [Double] in
    let x = Double(i % 3) + 0.7 * Double((i * 37) % 11) / 11
    let y = Double((i / 3) % 3) - 0.9 * Double((i * 53) % 7) / 7
    return [x, y, Double((i * 29) % 13) / 13]
  }
  private static let labels = (0..<90).map {
    ($0 % 3 + 2 * (($0 / 3) % 3) + ($0 % 7 == 0 ? 1 : 0)) % 4
  }

  // from sklearn.linear_model import LogisticRegression
  // X = [[i%3 + .7*((i*37)%11)/11, (i//3)%3 - .9*((i*53)%7)/7, ((i*29)%13)/13] for i in range(90)]
  // y = [(i%3 + 2*((i//3)%3) + (i%7==0)) % 4 for i in range(90)]
  // LogisticRegression(C=C, tol=1e-12, max_iter=10000).fit(X, y): coef_[1], intercept_[1]
  @Test(arguments: [
    (
      0.1, [-0.039198475, -0.051365986, 0.109877247, 0.068592135]
    ),
    (
      1.0, [-0.067295625, -0.081690026, 0.460987319, -0.024058602]
    ),
    (
      100.0, [-0.079252277, -0.086851858, 0.727157745, -0.130981577]
    ),
  ])
  func coefficientsEqualScikitLearn(penalty: Double, expected: [Double]) throws {
    let model = try LogisticRegression(
      features: Self.features, labels: Self.labels, classes: 4, inversePenalty: penalty)
    #expect(model.dimension == 3 && model.classes == 4 && model.iterations < 1000)
    for (found, right) in zip(model.weights[4..<8], expected) {
      expectClose(found, right, absolute: 2e-5)
    }
  }

  @Test func separableClassesAreFound() throws {
    let features = (0..<40).flatMap { [Double($0 % 2) * 2 - 1, Double($0) / 40] }
    let labels = (0..<40).map { $0 % 2 }
    let model = try LogisticRegression(
      features: features, labels: labels, classes: 2, inversePenalty: 100)
    #expect(model.guesses(features) == labels)
    // No example of the third class: it is never the guess.
    let third = try LogisticRegression(
      features: features, labels: labels, classes: 3, inversePenalty: 100)
    #expect(third.guesses(features) == labels)
  }

  @Test func badInputIsRefused() throws {
    #expect(throws: StatisticsError.self) {
      try LogisticRegression(features: [.nan, 1], labels: [0, 1], classes: 2, inversePenalty: 1)
    }
    #expect(throws: StatisticsError.self) {
      try LogisticRegression(features: [0, 1], labels: [0, 2], classes: 2, inversePenalty: 1)
    }
    #expect(throws: StatisticsError.self) {
      try LogisticRegression(features: [0, 1], labels: [0, 1], classes: 2, inversePenalty: 0)
    }
  }
}
