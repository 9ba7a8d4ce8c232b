/// Scores by which somebody who sees a model guesses whether a record was in its training data.
protocol MembershipScorer {
  /// What the model was trained on.
  associatedtype Record

  /// Scores each record in every way there is; higher = rather in.
  ///
  /// - Returns: The ways by name, each with one score for each record.
  /// - Throws: What reading and computing throw.
  func scores(of records: [Record]) throws -> [(attack: String, scores: [Double])]
}
