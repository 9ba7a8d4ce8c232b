import Basics

/// How many questions can be hijacked: the map, every count, payload length.
extension HTMLReport {
  var success: Markup {
    guard hasCells else { return .empty }
    let rows = data.units.prefix(Self.maximumRows).map { unit in
      let (group, name) = data.headings(of: unit)
      return HeatMap.Row(
        group: group, name: name,
        values: payloads.map {
          data.cell(at: unit, payload: $0)?.success(k: k, mode: "solo")?.rate
        })
    }
    let map = HeatMap(
      label: "success at \(k) in percent", columns: payloads, rows: rows, tone: .heat)
    return """
      <h2>How many questions can be hijacked</h2>
      <figure>\(map.markup)<figcaption>Percent of questions with their own poisoned document among the first \(k) \
      results, injected alone. Stronger colour is worse.</figcaption></figure>
      \(rest(data.units.count, of: Self.maximumRows, "rows"))
      """
  }

  var counts: Markup {
    guard hasCells else { return .empty }
    var table = HTMLTable(
      columns: data.varyingAxes.map { .init($0) } + [.init("payload"), .init("counted")]
        + ks.map { .init("first \($0)", number: true) })
    for cell in data.cells {
      for (mode, count, name) in [
        ("solo", "own", "solo"), ("joint", "own", "joint"), ("joint", "any", "joint, any"),
      ] {
        let shares = ks.map { cell.success(k: $0, mode: mode, count: count) }
        guard shares.contains(where: { $0 != nil }) else { continue }
        table.rows.append(
          data.varyingAxes.map { cell.coordinates[$0] } + [cell.payload, name]
            + shares.map(Self.shown))
      }
    }
    return """
      <details><summary>Every count, with intervals</summary>
      \(table.markup)
      <p class="soft">Successes of questions, percent, Wilson 95 % interval. “any”: any poisoned document counts, not \
      only the question's own.</p></details>

      """
  }

  static func shown(_ share: ReportData.Share?) -> String {
    guard let share else { return "n/a" }
    func percent(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    return "\(share.successes)/\(share.trials) = \(percent(share.rate))"
      + " [\(percent(share.interval.lowerBound)), \(percent(share.interval.upperBound))]"
  }

  /// Success against the payload's length, where the grid has attacks that differ in it.
  var lengths: Markup {
    let attacks = data.description["plan"]?.objectValue?.objects(named: "attacks") ?? []
    let tokens = attacks.compactMap { attack -> (name: String, tokens: Int)? in
      guard let name = attack["name"]?.stringValue,
        let tokens = attack["parameters"]?.objectValue?["payload_tokens"]?.intValue
      else { return nil }
      return (name, tokens)
    }.sorted { $0.tokens < $1.tokens }
    guard tokens.count > 1, let shortest = tokens.first, hasCells else { return .empty }
    let axes = data.varyingAxes.filter { $0 != "attack" }
    var seen: Set<ReportData.Coordinates> = []
    var figures: [Markup] = []
    for cell in data.cells where utf8Equal(cell.coordinates["attack"], shortest.name) {
      guard figures.count < Self.maximumUnits, seen.insert(cell.coordinates).inserted else {
        continue
      }
      let series = payloads.prefix(8).map { payload in
        LineChart.Series(
          name: payload,
          points: tokens.compactMap { name, tokens in
            let other = cell.coordinates.replacing("attack", by: name)
            return data.cell(at: other, payload: payload)?.success(k: k, mode: "solo")
              .map { (Double(tokens), $0.rate) }
          })
      }
      let chart = LineChart(
        label: "success against payload length", xTitle: "tokens of payload",
        yTitle: "success@\(k), %", xTicks: tokens.map { Double($0.tokens) }, scale: .logarithmic,
        series: series)
      figures.append(
        "<figure><figcaption>\(axes.map { cell.coordinates[$0] }.joined(separator: " · "))</figcaption>\(chart.markup)</figure>\n"
      )
    }
    return """
      <h2>Longer payloads</h2>
      <div class="grid">\(figures.joined())</div>

      """
  }
}
