public import Basics
import Statistics

/// Two runs side by side: the second less the first, in every cell that both have.
///
/// Runs keep counts and intervals, not the outcome of each question, so the two are compared as if they
/// were independent: Newcombe's interval and Fisher's test for counts of questions, MOVER for what has an
/// interval of its own. Where both asked the same questions a paired comparison would be sharper; these
/// intervals are then too wide rather than too narrow.
public struct RunComparison: Sendable {
  /// A quantity that is compared; p-values are corrected within it.
  public enum Metric: String, Sendable, CaseIterable {
    /// Questions hijacked.
    case success
    /// Area under the ROC curve.
    case auroc = "AUROC"
    /// Poison flagged at a nominal 5 % of clean passages.
    case flagged = "flagged at 5 %"
    /// Questions with poison that is retrieved and not flagged, at the same threshold.
    case evading = "evading at 5 %"

    /// Whether more of it is good for the defender.
    var isGood: Bool { self == .auroc || self == .flagged }
  }

  /// One cell in both runs.
  public struct Row: Sendable {
    /// Where it stands in the second run.
    public var coordinates: ReportData.Coordinates
    /// The kind of payload.
    public var payload: String
    /// Results and mode, or the detector.
    public var detail: String
    /// What is compared.
    public var metric: Metric
    /// The figure of the first run, from 0 to 1.
    public var first: Double
    /// The figure of the second run.
    public var second: Double
    /// Second less first, with a 95 % interval.
    public var interval: ClosedRange<Double>
    /// Two-sided, of no difference; nil where the data do not define it.
    public var pValue: Double?
    /// The p-value corrected over all rows of the metric (Benjamini and Hochberg 1995).
    public var qValue: Double?

    /// Second less first.
    public var difference: Double { second - first }
    /// Whether the difference is one at a false discovery rate of 5 %.
    public var isFound: Bool { (qValue ?? 1) <= 0.05 }
  }

  /// What the two runs are called.
  public var names: (first: String, second: String)
  /// Axes on which each run has one value, and another one: what the comparison is about.
  public private(set) var comparedAxes: [(axis: String, first: String, second: String)] = []
  /// All cells that both have, metric by metric in the order of the first run.
  public private(set) var rows: [Row] = []
  /// Cells of the first run that the second lacks.
  public private(set) var onlyInFirst: [String] = []
  /// Cells of the second run that the first lacks.
  public private(set) var onlyInSecond: [String] = []
  /// Arguments, versions and checksums that differ.
  public let configuration: [JSONDifference]
  /// The axes on which rows differ.
  let varyingAxes: [String]

  /// Compares two runs.
  ///
  /// - Parameters:
  ///   - first: What is subtracted.
  ///   - second: The run it is subtracted from.
  ///   - names: What they are called.
  /// - Throws: `UsageError` if no cell is in both.
  public init(
    _ first: ReportData, _ second: ReportData, names: (first: String, second: String)
  ) throws {
    self.names = names
    configuration = JSONDifference.between(first.description, second.description)
    varyingAxes = second.varyingAxes
    for axis in ReportData.Coordinates.axes {
      let (one, two) = (Self.only(axis, of: first), Self.only(axis, of: second))
      if let one, let two, !utf8Equal(one, two) { comparedAxes.append((axis, one, two)) }
    }
    let (one, two) = (try figures(of: first), try figures(of: second))
    let positions = Dictionary(
      two.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { former, _ in former })
    var used: Set<Key> = []
    for figure in one {
      guard let position = positions[figure.key] else {
        onlyInFirst.append(figure.name(in: first))
        continue
      }
      guard used.insert(figure.key).inserted else { continue }
      if let row = try Self.row(figure, two[position]) { rows.append(row) }
    }
    onlyInSecond = two.filter { !used.contains($0.key) }.map { $0.name(in: second) }
    guard !rows.isEmpty else {
      throw UsageError(
        "the runs have no cell in common: they must share corpus, retriever, query set, attack, seed"
          + " and payload, apart from axes on which each has one value")
    }
    try correct()
  }

  private static func only(_ axis: String, of data: ReportData) -> String? {
    let names = Set(data.units.map { UTF8Key($0[axis]) })
    return names.count == 1 ? names.first?.string : nil
  }

  private mutating func correct() throws {
    for metric in Metric.allCases {
      let tested = rows.indices.filter { rows[$0].metric == metric && rows[$0].pValue != nil }
      let corrected = try MultipleComparisons.benjaminiHochberg(
        tested.map { rows[$0].pValue ?? 1 })
      for (row, value) in zip(tested, corrected) { rows[row].qValue = value }
    }
  }

  /// Rows of one metric.
  public func rows(of metric: Metric) -> [Row] { rows.filter { $0.metric == metric } }

  /// A name for a row's place that says what differs.
  func name(of row: Row) -> String {
    varyingAxes.map { row.coordinates[$0] }.joined(separator: " · ")
  }
}

// What is compared, and how.
extension RunComparison {
  private struct Key: Hashable {
    var coordinates: ReportData.Coordinates
    var payload: UTF8Key
    var detail: UTF8Key
    var metric: Metric
  }

  private struct Figure {
    enum Value {
      case share(Proportion)
      case estimate(Double, Interval)
    }

    var key: Key
    var coordinates: ReportData.Coordinates
    var payload: String
    var detail: String
    var value: Value

    func name(in data: ReportData) -> String {
      "\(data.name(of: coordinates)) · \(payload) · \(detail) · \(key.metric.rawValue)"
    }
  }

  private func figures(of data: ReportData) throws -> [Figure] {
    var figures: [Figure] = []
    func add(
      _ coordinates: ReportData.Coordinates, _ payload: String, _ detail: String, _ metric: Metric,
      _ value: Figure.Value?
    ) {
      guard let value else { return }
      let common = comparedAxes.reduce(coordinates) { $0.replacing($1.axis, by: "") }
      let key = Key(
        coordinates: common, payload: UTF8Key(payload), detail: UTF8Key(detail), metric: metric)
      figures.append(
        Figure(
          key: key, coordinates: coordinates, payload: payload, detail: detail, value: value))
    }
    for cell in data.cells {
      for mode in ["solo", "joint"] {
        for k in data.ks {
          add(
            cell.coordinates, cell.payload, "first \(k), \(mode)", .success,
            Self.share(cell.success(k: k, mode: mode)))
        }
      }
    }
    for fit in data.fits {
      for payload in data.payloads {
        let found = fit.found(payload, at: HTMLReport.nominal)
        add(
          fit.coordinates, payload, fit.detector, .auroc,
          Self.estimate(fit.reached(payload)?["auroc"]?.objectValue, value: "value"))
        add(
          fit.coordinates, payload, fit.detector, .flagged, Self.estimate(found, value: "rate"))
        add(
          fit.coordinates, payload, fit.detector, .evading,
          Self.share(found?["evading"]?.objectValue.flatMap { ReportData.Share($0) }))
      }
    }
    return figures
  }

  private static func share(_ share: ReportData.Share?) -> Figure.Value? {
    share.flatMap { try? Proportion(successes: $0.successes, trials: $0.trials) }
      .flatMap { $0.trials > 0 ? .share($0) : nil }
  }

  private static func estimate(_ object: JSONObject?, value: String) -> Figure.Value? {
    guard let object, let value = object[value]?.doubleValue,
      let ends = object["interval"]?.arrayValue?.compactMap(\.doubleValue), ends.count == 2,
      ends[0] <= ends[1]
    else { return nil }
    // A percentile interval may miss an estimate at its edge.
    return .estimate(
      value, Interval(lower: min(ends[0], value), upper: max(ends[1], value), level: 0.95))
  }

  private static func row(_ first: Figure, _ second: Figure) throws -> Row? {
    func row(
      _ one: Double, _ two: Double, _ interval: Interval, _ pValue: Double?
    ) -> Row {
      Row(
        coordinates: second.coordinates, payload: second.payload, detail: second.detail,
        metric: second.key.metric, first: one, second: two,
        interval: interval.lower...interval.upper, pValue: pValue)
    }
    switch (first.value, second.value) {
    case (.share(let one), .share(let two)):
      guard let rateOne = one.rate.value, let rateTwo = two.rate.value,
        let interval = try IndependentComparison.difference(two, one).value
      else { return nil }
      return row(rateOne, rateTwo, interval, IndependentComparison.fisher(two, one).value)
    case (.estimate(let one, let around), .estimate(let two, let aroundTwo)):
      let interval = IndependentComparison.difference(two, aroundTwo, one, around)
      return row(
        one, two, interval, try IndependentComparison.pValue(of: two - one, interval).value)
    default: return nil
    }
  }
}
