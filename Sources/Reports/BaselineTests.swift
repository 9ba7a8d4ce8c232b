import Basics
import Statistics

/// Whether detectors beat the simple ones that need nothing but the list they judge, over all cells of
/// a run.
///
/// A detector beats the bar in a cell if its area is larger than that of *every* simple detector: the
/// p-value is the largest of theirs (an intersection–union test, which needs no correction). It falls
/// short if any of them is better: the p-value is the least favourable one times their number. Over the
/// cells the p-values are corrected after Benjamini and Hochberg.
struct BaselineTests {
  /// A detector's area less that of one simple detector.
  struct Comparison {
    var baseline: String
    var difference: Double
    var interval: ClosedRange<Double>
    var pValue: Double?
  }

  /// What a cell shows.
  enum Verdict: String {
    case beats = "beats the bar"
    case fallsShort = "falls short"
    case undecided
    /// Both rank all documents alike, mostly without a mistake.
    case equal = "no difference"
  }

  /// One detector in one cell.
  struct Row {
    var coordinates: ReportData.Coordinates
    var detector: String
    var payload: String
    /// In the order of the run; at least one.
    var comparisons: [Comparison]
    /// The least difference.
    var worst: Comparison
    var pValue: Double?
    var qValue: Double?

    var verdict: Verdict {
      guard let qValue else { return worst.difference == 0 ? .equal : .undecided }
      if qValue > 0.05 { return .undecided }
      return worst.difference > 0 ? .beats : .fallsShort
    }
  }

  /// In the order of the run.
  private(set) var rows: [Row] = []

  /// The tests of a run; none if it has no simple detector or keeps no comparisons.
  init(_ data: ReportData) {
    for fit in data.fits {
      for payload in data.payloads {
        let comparisons = fit.comparisons(payload)
        guard let worst = comparisons.min(by: { $0.difference < $1.difference }) else { continue }
        var row = Row(
          coordinates: fit.coordinates, detector: fit.detector, payload: payload,
          comparisons: comparisons, worst: worst)
        if worst.difference > 0 {
          let values = comparisons.map(\.pValue)
          row.pValue = values.contains { $0 == nil } ? nil : values.compactMap(\.self).max()
        } else {
          row.pValue = worst.pValue.map { min(1, $0 * Double(comparisons.count)) }
        }
        rows.append(row)
      }
    }
    let tested = rows.indices.filter { rows[$0].pValue != nil }
    // A file with a number that is no probability has no corrected values.
    let corrected = try? MultipleComparisons.benjaminiHochberg(
      tested.map { rows[$0].pValue ?? 1 })
    for (row, value) in zip(tested, corrected ?? []) { rows[row].qValue = value }
  }

  /// The simple detectors of the run.
  var baselines: [String] {
    var seen: Set<UTF8Key> = []
    return rows.flatMap(\.comparisons).map(\.baseline).filter {
      seen.insert(UTF8Key($0)).inserted
    }
  }

  /// For each detector how many cells show what, in the order of the run.
  var summary: [(detector: String, counts: [Verdict: Int], median: Double)] {
    var positions: [UTF8Key: Int] = [:]
    var groups: [[Row]] = []
    for row in rows {
      if let position = positions[UTF8Key(row.detector)] {
        groups[position].append(row)
      } else {
        positions[UTF8Key(row.detector)] = groups.count
        groups.append([row])
      }
    }
    return groups.map { group in
      let differences = group.map(\.worst.difference).sorted()
      let middle = differences.count / 2
      let median =
        differences.count % 2 == 1
        ? differences[middle] : (differences[middle - 1] + differences[middle]) / 2
      return (
        group[0].detector, Dictionary(grouping: group, by: \.verdict).mapValues(\.count), median
      )
    }
  }
}

extension ReportData.Fit {
  /// The area less that of each simple detector, for poison of a kind that reached the user.
  func comparisons(_ payload: String) -> [BaselineTests.Comparison] {
    (reached(payload)?.objects(named: "comparisons") ?? []).compactMap { object in
      guard let baseline = object["with"]?.stringValue, let auroc = object["auroc"]?.objectValue,
        let difference = auroc["difference"]?.doubleValue,
        let ends = auroc["interval"]?.arrayValue?.compactMap(\.doubleValue), ends.count == 2,
        ends[0] <= ends[1]
      else { return nil }
      return BaselineTests.Comparison(
        baseline: baseline, difference: difference, interval: ends[0]...ends[1],
        pValue: auroc["p"]?.doubleValue.flatMap { (0...1).contains($0) ? $0 : nil })
    }
  }
}
