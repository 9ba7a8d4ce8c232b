/// Scores of negatives (clean) and positives (poisoned), higher = more likely positive.
///
/// The source of the ROC curve, its area and every operating point. Scores are checked once, here.
public struct BinaryScores: Sendable, Equatable {
  /// The scores of the negatives, in the order given.
  public let negatives: [Double]
  /// The scores of the positives, in the order given.
  public let positives: [Double]

  /// Scores of both classes; either may be empty.
  ///
  /// - Parameters:
  ///   - negatives: Finite scores.
  ///   - positives: Finite scores.
  /// - Throws: `StatisticsError.nonFinite` with class and index.
  public init(negatives: [Double], positives: [Double]) throws(StatisticsError) {
    try requireFinite(negatives, name: "negatives")
    try requireFinite(positives, name: "positives")
    self.negatives = negatives
    self.positives = positives
  }

  /// Why curve and area are not defined, or `nil` if both classes are present.
  var missingClass: String? {
    if negatives.isEmpty { return positives.isEmpty ? "no scores" : "no negatives" }
    return positives.isEmpty ? "no positives" : nil
  }

  /// One distinct score with how many of each class have it.
  struct Group: Equatable {
    var score: Double
    var negatives: Int
    var positives: Int
  }

  /// The distinct scores in descending order; equal scores are one group.
  var descendingGroups: [Group] {
    let labelled =
      negatives.map { (score: $0, isPositive: false) }
      + positives.map { (score: $0, isPositive: true) }
    var groups: [Group] = []
    for (score, isPositive) in labelled.sorted(by: { $0.score > $1.score }) {
      if groups.last?.score != score {
        groups.append(Group(score: score, negatives: 0, positives: 0))
      }
      if isPositive {
        groups[groups.count - 1].positives += 1
      } else {
        groups[groups.count - 1].negatives += 1
      }
    }
    return groups
  }

  /// The area under the ROC curve: the probability that a positive scores above a negative, ties
  /// counted as one half.
  public var areaUnderROC: Applicable<Double> {
    if let missingClass { return .notApplicable(missingClass) }
    // Exact in integers: twice the number of concordant pairs.
    var doubledConcordant = 0
    var positivesAbove = 0
    for group in descendingGroups {
      doubledConcordant += group.negatives * (2 * positivesAbove + group.positives)
      positivesAbove += group.positives
    }
    let pairs = Double(negatives.count) * Double(positives.count)
    return .value(Double(doubledConcordant) / 2 / pairs)
  }

  /// The area under the precision–recall curve by step interpolation (average precision), tied
  /// scores entering together.
  ///
  /// - SeeAlso: `average_precision_score` of scikit-learn.
  public var averagePrecision: Applicable<Double> {
    if positives.isEmpty { return .notApplicable("no positives") }
    var sum = CompensatedSum()
    var truePositives = 0
    var flagged = 0
    for group in descendingGroups {
      truePositives += group.positives
      flagged += group.positives + group.negatives
      let recallGain = Double(group.positives) / Double(positives.count)
      sum.add(recallGain * Double(truePositives) / Double(flagged))
    }
    return .value(sum.value)
  }
}
