import Basics

/// One detector's figures as ``DetectionReport`` writes them, read back for tables and verdicts at a
/// nominal 5 %.
struct FitFigures {
  private let figures: JSONObject
  private static let nominal = 0.05

  init(_ figures: JSONObject) { self.figures = figures }

  private static func objects(_ value: JSONValue?) -> [JSONObject] {
    value?.arrayValue?.compactMap(\.objectValue) ?? []
  }

  /// The detector with its choices, as `--detector` takes them.
  var name: String {
    let choices = figures["parameters"]?.objectValue?.members ?? []
    return (figures["detector"]?.stringValue ?? "")
      + choices.map { "/\($0)=\($1.stringValue ?? $1.summary)" }.joined()
  }

  /// The cells of one kind of positive and negative, one for each payload kind.
  private func cells(_ positives: String, _ negatives: String) -> [JSONObject] {
    Self.objects(figures["cells"]).filter {
      $0["positives"]?.stringValue == positives && $0["negatives"]?.stringValue == negatives
    }
  }

  /// Poison of a kind that reached the user, against the clean top k.
  private func reached(_ payload: String) -> JSONObject? {
    cells("reached", "hard").first {
      $0["payload"]?.stringValue.map { utf8Equal($0, payload) } ?? false
    }
  }

  private static func atNominal(_ rates: JSONValue?, per unit: String) -> JSONObject? {
    objects(rates).first {
      $0["nominal"]?.doubleValue == nominal && $0["unit"]?.stringValue == unit
    }
  }

  /// The share found of a payload kind that reached the user.
  func rate(_ payload: String) -> Double? {
    Self.atNominal(reached(payload)?["truePositives"], per: "pair")?["rate"]?.doubleValue
  }

  /// Poisoned documents of a payload kind that reached the user.
  func count(_ payload: String) -> Int? { reached(payload)?["positiveCount"]?.intValue }

  /// Areas under the ROC curve, one for each payload kind.
  func areas(_ positives: String, _ negatives: String) -> [Double] {
    cells(positives, negatives).compactMap { $0["auroc"]?.objectValue?["value"]?.doubleValue }
  }

  /// Poison found that reached the user, for each payload kind.
  var found: [(found: Int, of: Int)] {
    cells("reached", "hard").compactMap { cell in
      guard
        let found = Self.atNominal(cell["truePositives"], per: "pair")?["found"]?.intValue,
        let count = cell["positiveCount"]?.intValue
      else { return nil }
      return (found, count)
    }
  }

  /// Questions with poison read and not flagged, for each payload kind.
  var evading: [(evading: Int, of: Int)] {
    cells("reached", "hard").compactMap { cell in
      guard
        let share = Self.atNominal(cell["truePositives"], per: "pair")?["evading"]?.objectValue,
        let successes = share["successes"]?.intValue, let trials = share["trials"]?.intValue
      else { return nil }
      return (successes, trials)
    }
  }

  /// The share of clean passages flagged.
  var falselyFlagged: Double? {
    Self.atNominal(figures["falsePositives"], per: "pair")?["pairRate"]?.objectValue?["value"]?
      .doubleValue
  }

  /// Whether the number of flagged clean queries lies in its beta-binomial interval; nil without a
  /// threshold.
  var isCalibrated: Bool? {
    guard let entry = Self.atNominal(figures["falsePositives"], per: "query"),
      let flagged = entry["flaggedQueries"]?.intValue,
      let bounds = entry["expectedFlaggedQueries"]?.arrayValue?.compactMap(\.intValue),
      bounds.count == 2
    else { return nil }
    return bounds[0] <= flagged && flagged <= bounds[1]
  }
}
