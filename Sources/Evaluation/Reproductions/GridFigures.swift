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

  /// The fits of a place under a key: `detection`, `transfer` or `contamination`.
  func fits(
    _ place: Place, in key: String = "detection", detector: String? = nil,
    where condition: (JSONObject) -> Bool = { _ in true }
  ) -> [FitFigures] {
    entries(key, place).filter(condition).flatMap { unit in
      (unit["fits"]?.arrayValue?.compactMap(\.objectValue) ?? []).map { FitFigures($0) }
    }.filter { fit in detector.map { utf8Equal($0, fit.name) } ?? true }
  }
}
