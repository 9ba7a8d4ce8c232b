import Basics

/// What detectors catch: maps, curves, histograms, what is left to the attacker.
extension HTMLReport {
  var detection: Markup {
    guard hasFits else { return .empty }
    var figures: [Markup] = []
    for unit in data.units.prefix(Self.maximumUnits) {
      let fits = data.fits(at: unit)
      guard !fits.isEmpty else { continue }
      let map = HeatMap(
        label: "flagged, percent", columns: payloads + ["clean"],
        rows: fits.prefix(Self.maximumRows).map { fit in
          .init(
            name: fit.detector,
            values: payloads.map { fit.found($0, at: Self.nominal)?["rate"]?.doubleValue } + [
              fit.clean(at: Self.nominal)?["pairRate"]?.objectValue?["value"]?.doubleValue
            ])
        }, tone: .calm)
      figures.append("<h3>\(data.name(of: unit))</h3><figure>\(map.markup)</figure>\n")
    }
    return """
      <h2>How much is caught</h2>
      <p>Percent flagged of the poison that reached the first \(k) results, on questions that were neither learnt from \
      nor calibrated with, at a nominal 5 % of clean passages. The last column is the share of clean passages that was \
      flagged: the price.\(calibration)</p>
      \(figures.joined())\(rest(data.units.count, of: Self.maximumUnits, "query sets"))
      """
  }

  /// How often the number of flagged clean questions is what calibration promises.
  private var calibration: String {
    let entries = data.fits.compactMap { fit -> (flagged: Int, bounds: [Int])? in
      guard let clean = fit.clean(at: Self.nominal, per: "query"),
        let flagged = clean["flaggedQueries"]?.intValue,
        let bounds = clean["expectedFlaggedQueries"]?.arrayValue?.compactMap(\.intValue),
        bounds.count == 2
      else { return nil }
      return (flagged, bounds)
    }
    guard !entries.isEmpty else { return "" }
    let within = entries.count { $0.bounds[0] <= $0.flagged && $0.flagged <= $0.bounds[1] }
    return
      " Calibrated by question (the largest score of its clean list, nominal 5 %), the number of"
      + " clean test questions flagged lies in its 95 % beta-binomial interval in"
      + " \(Format.count(within)) of \(Format.count(entries.count)) fits."
  }

  var curves: Markup {
    guard hasFits else { return .empty }
    var figures: [Markup] = []
    for unit in data.units.prefix(Self.maximumUnits) {
      let fits = data.fits(at: unit)
      for payload in payloads.prefix(2) {
        let series = fits.prefix(8).compactMap { fit -> LineChart.Series? in
          guard let drawing = fit.reached(payload)?["drawing"]?.objectValue,
            let points = drawing["roc"]?.arrayValue
          else { return nil }
          return .init(
            name: fit.detector,
            points: points.compactMap { point in
              guard let pair = point.arrayValue?.compactMap(\.doubleValue), pair.count == 2 else {
                return nil
              }
              return (pair[0], pair[1])
            })
        }
        guard !series.isEmpty else { continue }
        let chart = LineChart(
          label: "ROC", xTitle: "clean flagged, %", yTitle: "poison flagged, %",
          xTicks: [0.001, 0.01, 0.1, 1], scale: .logarithmic, series: series, xIsPercent: true)
        figures.append(
          """
          <figure><figcaption>\(data.name(of: unit)) · \(payload)</figcaption>\(chart.markup)</figure>

          """)
      }
      for (fit, payload) in fits.prefix(1).flatMap({ fit in
        payloads.prefix(1).map { (fit, $0) }
      }) {
        guard let drawing = fit.reached(payload)?["drawing"]?.objectValue,
          let scores = drawing["scores"]?.arrayValue?.compactMap(\.doubleValue), scores.count == 2,
          scores[0] < scores[1]
        else { continue }
        func counts(_ key: String) -> [Int] {
          drawing[key]?.arrayValue?.compactMap(\.intValue) ?? []
        }
        let chart = HistogramChart(
          label: "scores", range: scores[0]...scores[1], first: ("clean top 10", counts("clean")),
          second: ("poison, \(payload)", counts("poison")))
        figures.append(
          """
          <figure><figcaption>Scores of \(fit.detector) on \(data.name(of: unit))</figcaption>\(
            chart.markup)</figure>

          """)
      }
    }
    guard !figures.isEmpty else { return .empty }
    return """
      <h2>Curves and scores</h2>
      <p>Each point of a curve is a threshold: how much poison it flags, and what share of the clean top 10 with it. The \
      horizontal axis is logarithmic, because only its left end is affordable.</p>
      <div class="grid">\(figures.joined())</div>

      """
  }

  var evading: Markup {
    guard hasFits else { return .empty }
    var table = HTMLTable(
      columns: data.varyingAxes.map { .init($0) } + [.init("detector")]
        + payloads.map { .init($0, number: true) })
    for fit in data.fits {
      table.rows.append(
        data.varyingAxes.map { fit.coordinates[$0] } + [fit.detector]
          + payloads.map { payload in
            Self.shown(
              fit.found(payload, at: Self.nominal)?["evading"]?.objectValue.flatMap {
                ReportData.Share($0)
              })
          })
    }
    return """
      <h2>What is left to the attacker</h2>
      <details open><summary>Retrieved and not flagged</summary>
      \(table.markup)
      <p class="soft">Test questions with poison among the first \(k) results that is not flagged, of all that were \
      attacked; percent, Wilson 95 % interval. \(attackers)</p></details>

      """
  }

  /// Who knows what, in a sentence.
  private var attackers: String {
    let adaptive = (data.description["plan"]?.objectValue?.objects(named: "attacks") ?? [])
      .filter { $0["among"] != nil }.compactMap { $0["name"]?.stringValue }
    guard !adaptive.isEmpty else { return "Attackers here do not know the detector." }
    return
      "Under “\(adaptive.joined(separator: "”, “"))” the attacker sees each detector's scores and"
      + " puts in, of all the documents he can write, the one that it suspects least among those that"
      + " still enter; elsewhere he does not know the detector."
  }
}
