import Basics
import Statistics

/// Figures of a grid's `results.json`, pooled over what is not asked for.
struct GridFigures {
  /// Names on some axes: `corpus`, `retriever`, `set`, `attack`, `payload`.
  typealias Place = [String: String]

  private let results: JSONObject

  init(_ results: JSONObject) { self.results = results }

  private func entries(_ key: String, _ place: Place) -> [JSONObject] {
    (results[key]?.arrayValue?.compactMap(\.objectValue) ?? []).filter { entry in
      place.allSatisfy { axis, name in
        entry[axis]?.stringValue.map { utf8Equal($0, name) } ?? false
      }
    }
  }

  /// Questions with their own document among the first k, injected alone, over all cells of a place.
  func success(_ place: Place, k: Int) throws -> Proportion {
    try entries("cells", place).reduce(Proportion(successes: 0, trials: 0)) { sum, cell in
      let own = cell["success"]?.arrayValue?.compactMap(\.objectValue).first {
        $0["mode"]?.stringValue == "solo" && $0["k"]?.intValue == k
      }?["own"]?.objectValue
      return try Proportion(
        successes: sum.successes + (own?["successes"]?.intValue ?? 0),
        trials: sum.trials + (own?["trials"]?.intValue ?? 0))
    }
  }

  /// A statistic of the geometry over all questions of a place.
  struct Moment {
    var mean: Double
    /// Half of the 95 % interval of the mean.
    var margin: Double
  }

  /// The mean of a statistic of the geometry; nil where there is none.
  func geometry(_ name: String, _ place: Place) -> Moment? {
    var (count, sum, squares) = (0.0, 0.0, 0.0)
    for cell in entries("cells", place) {
      guard let entry = cell["geometry"]?.objectValue?[name]?.objectValue,
        let n = entry["count"]?.intValue, let mean = entry["mean"]?.doubleValue
      else { continue }
      let deviation = entry["standardDeviation"]?.doubleValue ?? 0
      count += Double(n)
      sum += Double(n) * mean
      squares += Double(n - 1) * deviation * deviation + Double(n) * mean * mean
    }
    guard count > 1 else { return nil }
    let mean = sum / count
    let variance = max(0, squares / count - mean * mean)
    return Moment(mean: mean, margin: 1.96 * (variance / count).squareRoot())
  }

  /// One detector on one unit, at home or elsewhere.
  struct Fit {
    let figures: JSONObject

    /// The name with its choices.
    var name: String {
      let choices = figures["parameters"]?.objectValue?.members ?? []
      return (figures["detector"]?.stringValue ?? "")
        + choices.map { "/\($0)=\($1.stringValue ?? "")" }.joined()
    }

    /// The cells of one kind of positive and negative.
    func cells(_ positives: String, _ negatives: String) -> [JSONObject] {
      (figures["cells"]?.arrayValue?.compactMap(\.objectValue) ?? []).filter {
        $0["positives"]?.stringValue == positives && $0["negatives"]?.stringValue == negatives
      }
    }

    /// Areas under the ROC curve of such cells.
    func areas(_ positives: String, _ negatives: String) -> [Double] {
      cells(positives, negatives).compactMap { $0["auroc"]?.objectValue?["value"]?.doubleValue }
    }

    private func rate(_ cell: JSONObject, _ unit: String) -> JSONObject? {
      cell["truePositives"]?.arrayValue?.compactMap(\.objectValue).first {
        $0["nominal"]?.doubleValue == 0.05 && $0["unit"]?.stringValue == unit
      }
    }

    /// Poison found that reached the user, at a nominal 5 % of clean passages.
    var found: [(found: Int, of: Int)] {
      cells("reached", "hard").compactMap { cell in
        guard let found = rate(cell, "pair")?["found"]?.intValue,
          let count = cell["positiveCount"]?.intValue
        else { return nil }
        return (found, count)
      }
    }

    /// Questions with poison read and not flagged, at the same threshold.
    var evading: [(evading: Int, of: Int)] {
      cells("reached", "hard").compactMap { cell in
        guard let share = rate(cell, "pair")?["evading"]?.objectValue,
          let successes = share["successes"]?.intValue, let trials = share["trials"]?.intValue
        else { return nil }
        return (successes, trials)
      }
    }

    private func clean(_ unit: String) -> JSONObject? {
      figures["falsePositives"]?.arrayValue?.compactMap(\.objectValue).first {
        $0["nominal"]?.doubleValue == 0.05 && $0["unit"]?.stringValue == unit
      }
    }

    /// The share of clean passages flagged at a nominal 5 %.
    var falselyFlagged: Double? {
      clean("pair")?["pairRate"]?.objectValue?["value"]?.doubleValue
    }

    /// Whether the number of flagged clean queries lies in its beta-binomial interval; nil without a
    /// threshold.
    var isCalibrated: Bool? {
      guard let entry = clean("query"), let flagged = entry["flaggedQueries"]?.intValue,
        let bounds = entry["expectedFlaggedQueries"]?.arrayValue?.compactMap(\.intValue),
        bounds.count == 2
      else { return nil }
      return bounds[0] <= flagged && flagged <= bounds[1]
    }
  }

  /// The fits of a place under a key: `detection`, `transfer` or `contamination`.
  func fits(
    _ place: Place, in key: String = "detection", detector: String? = nil,
    where condition: (JSONObject) -> Bool = { _ in true }
  ) -> [Fit] {
    entries(key, place).filter(condition).flatMap { unit in
      (unit["fits"]?.arrayValue?.compactMap(\.objectValue) ?? []).map { Fit(figures: $0) }
    }.filter { fit in detector.map { utf8Equal($0, fit.name) } ?? true }
  }
}
