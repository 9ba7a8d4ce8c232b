import Basics

/// Detectors under harder conditions: carried to where they were not fitted, fitted on poison.
extension HTMLReport {
  /// Matrices of detectors fitted on one unit and tested on others.
  var transfer: Markup {
    let figures = ["set", "corpus"].flatMap { axis in
      data.detectors.prefix(Self.maximumUnits).compactMap { transfer(along: axis, $0) }
    }
    guard !figures.isEmpty else { return .empty }
    return """
      <h2>Detectors elsewhere</h2>
      <p>Fitted and calibrated in the row, tested in the column, on questions that neither part has learnt from. Percent \
      of the poison that reached the first \(k) results, and of clean passages, flagged at a nominal 5 % where it was \
      calibrated; means over payloads and whatever else the grid crosses. On the diagonal is the detector at home.</p>
      \(figures.joined())

      """
  }

  private func transfer(along axis: String, _ detector: String) -> Markup? {
    let carried = data.transfers.filter {
      !utf8Equal($0.coordinates[axis], $0.tested[axis])
    }
    guard !carried.isEmpty else { return nil }
    var names: [String] = []
    for unit in carried.map(\.coordinates)
    where !names.contains(where: { utf8Equal($0, unit[axis]) }) {
      names.append(unit[axis])
    }
    func fits(from: String, to: String) -> [ReportData.Fit] {
      let found =
        utf8Equal(from, to)
        ? data.fits.filter { utf8Equal($0.coordinates[axis], from) }
        : carried.filter {
          utf8Equal($0.coordinates[axis], from) && utf8Equal($0.tested[axis], to)
        }.flatMap(\.fits)
      return found.filter { utf8Equal($0.detector, detector) }
    }
    func map(_ label: String, _ tone: HeatMap.Tone, _ value: ([ReportData.Fit]) -> Double?)
      -> Markup
    {
      HeatMap(
        label: label, columns: names,
        rows: names.map { from in
          .init(group: label, name: from, values: names.map { value(fits(from: from, to: $0)) })
        }, tone: tone
      ).markup
    }
    return """
      <h3>\(detector), from \(axis) to \(axis)</h3>
      <figure>\(map("poison flagged", .calm, flagged))\(
        map("clean flagged", .heat, falselyFlagged))</figure>

      """
  }

  /// Lines of what detectors catch against the share of poisoned anchors.
  var contamination: Markup {
    guard !data.contaminations.isEmpty else { return .empty }
    let shares = Set(data.contaminations.map(\.contamination)).sorted()
    var seen: Set<ReportData.Coordinates> = []
    // Seeds are drawn together.
    let units = data.contaminations.map { $0.coordinates.replacing("seed", by: "") }
      .filter { seen.insert($0).inserted }
    let axes = data.varyingAxes.filter { $0 != "seed" }
    let figures = units.prefix(Self.maximumUnits).flatMap { unit -> [Markup] in
      let name = axes.map { unit[$0] }.joined(separator: " · ")
      func chart(_ title: String, _ value: ([ReportData.Fit]) -> Double?) -> Markup {
        let series = data.detectors.prefix(8).map { detector in
          LineChart.Series(
            name: detector,
            points: shares.compactMap { share in
              value(
                data.contaminations.filter {
                  $0.contamination == share && $0.coordinates.replacing("seed", by: "") == unit
                }.flatMap(\.fits).filter { utf8Equal($0.detector, detector) }
              ).map { (share, $0) }
            })
        }
        let chart = LineChart(
          label: title, xTitle: "anchor questions that were attacked, %", yTitle: "\(title), %",
          xTicks: shares.filter { $0 > 0 }, scale: .logarithmic, series: series, xIsPercent: true)
        return "<figure><figcaption>\(name): \(title)</figcaption>\(chart.markup)</figure>\n"
      }
      return [chart("poison flagged", flagged), chart("clean flagged", falselyFlagged)]
    }
    return """
      <h2>Poisoned anchors</h2>
      <p>The defender believes his corpus clean when he fits and calibrates; in a share of the questions he learns from, \
      the attacker's document stands among the first ten. Percent flagged at a nominal 5 %, means over payloads and \
      seeds; no poison stands at the left edge.</p>
      <div class="grid">\(figures.joined())</div>

      """
  }

  /// The mean share of poison flagged that reached the user.
  private func flagged(_ fits: [ReportData.Fit]) -> Double? {
    mean(
      fits.flatMap { fit in
        payloads.compactMap { fit.found($0, at: Self.nominal)?["rate"]?.doubleValue }
      })
  }

  /// The mean share of clean passages flagged.
  private func falselyFlagged(_ fits: [ReportData.Fit]) -> Double? {
    mean(
      fits.compactMap {
        $0.clean(at: Self.nominal)?["pairRate"]?.objectValue?["value"]?.doubleValue
      })
  }

  private func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}
