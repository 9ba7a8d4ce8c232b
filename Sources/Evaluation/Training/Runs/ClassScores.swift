/// How well guesses of classes agree with the right ones.
public struct ClassScores: Sendable, Equatable {
  /// Share of right guesses.
  public let accuracy: Double
  /// F1 of each class, averaged over the classes that occur as label or as guess; scikit-learn's
  /// `f1_score(average="macro")` with `labels` left out.
  public let macroF1: Double

  /// Compares.
  ///
  /// - Parameters:
  ///   - labels: The right class of each text, 0 ..< `classes`.
  ///   - guesses: The guessed class of each text.
  ///   - classes: How many there are.
  public init(labels: [Int], guesses: [Int], classes: Int) {
    precondition(labels.count == guesses.count, "\(labels.count) labels, \(guesses.count) guesses")
    var hits = [Double](repeating: 0, count: classes)
    var wanted = hits
    var guessed = hits
    for (label, guess) in zip(labels, guesses) {
      wanted[label] += 1
      guessed[guess] += 1
      if label == guess { hits[label] += 1 }
    }
    let scores = (0..<classes).compactMap { c in
      wanted[c] + guessed[c] > 0 ? 2 * hits[c] / (wanted[c] + guessed[c]) : nil
    }
    accuracy = hits.reduce(0, +) / Double(max(1, labels.count))
    macroF1 = scores.reduce(0, +) / Double(max(1, scores.count))
  }
}
