import Basics
import Statistics

/// Centre and spread of a score on clean documents, so that scores of different detectors compare.
public struct Standardization: Sendable, Equatable {
  /// The mean on clean documents.
  public let center: Double
  /// The standard deviation on clean documents, positive.
  public let scale: Double

  /// The standardisation by given numbers.
  ///
  /// - Parameters:
  ///   - center: Finite.
  ///   - scale: Positive and finite.
  /// - Throws: `InputError` for other numbers.
  public init(center: Double, scale: Double) throws {
    guard center.isFinite, scale > 0, scale.isFinite else {
      throw InputError("a standardisation by \(center) and \(scale) cannot be")
    }
    self.center = center
    self.scale = scale
  }

  /// The standardisation learnt from clean scores.
  ///
  /// - Parameters:
  ///   - scores: At least two finite scores that are not all equal.
  ///   - detector: Whose scores they are, for the error.
  /// - Throws: `DetectorError`.
  public init(of scores: [Double], detector: String) throws {
    guard scores.count > 1 else {
      throw DetectorError.anchors(found: scores.count, needed: 2, what: "clean documents")
    }
    let summary = try Summary(of: scores, name: "scores of '\(detector)'")
    guard let deviation = summary.standardDeviation.value, deviation > 0 else {
      throw DetectorError.fit(
        detector: detector, reason: "its scores of all clean documents are \(summary.mean)")
    }
    center = summary.mean
    scale = deviation
  }

  /// How many standard deviations a score lies above the clean mean.
  public func callAsFunction(_ score: Double) -> Double { (score - center) / scale }
}

/// Scores of clean lists by models that have not seen them.
enum CrossFit {
  /// How many parts the lists are split into.
  static let folds = 5

  /// The scores of each list by a model learnt from the other parts.
  ///
  /// A model scores its own anchors lower than new ones, the more so the fewer there are for each
  /// dimension; scores that were not fitted have the centre and spread that new ones will have.
  ///
  /// - Parameters:
  ///   - lists: At least two.
  ///   - fit: The scores of the second lists by a model learnt from the first ones.
  /// - Returns: One array a list, in the order given.
  /// - Throws: What `fit` throws; `DetectorError.anchors` for fewer than two lists.
  static func scores(
    of lists: [DetectionList],
    fit: (_ training: [DetectionList], _ held: [DetectionList]) throws -> [[Double]]
  ) throws -> [[Double]] {
    guard lists.count > 1 else {
      throw DetectorError.anchors(found: lists.count, needed: 2, what: "queries with clean lists")
    }
    let parts = min(folds, lists.count)
    var result = [[Double]](repeating: [], count: lists.count)
    for part in 0..<parts {
      let held = lists.indices.filter { $0 % parts == part }
      let training = lists.indices.filter { $0 % parts != part }
      let scores = try fit(training.map { lists[$0] }, held.map { lists[$0] })
      for (position, list) in held.enumerated() { result[list] = scores[position] }
    }
    return result
  }
}
