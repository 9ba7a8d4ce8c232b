import Basics

/// Why it works: retention and angles.
extension HTMLReport {
  var geometry: Markup {
    let shown = data.cells.prefix(Self.maximumCells)
    func rows(
      mark: String? = nil, _ statistic: (ReportData.Cell) -> String
    ) -> [RangeChart.Row] {
      shown.compactMap { cell in
        cell.geometry(statistic(cell)).map {
          .init(
            group: data.name(of: cell.coordinates), name: cell.payload, low: $0.low,
            middle: $0.median, high: $0.high, mark: mark.flatMap { cell.geometry($0)?.mean })
        }
      }
    }
    let retention = rows(mark: "cleanGap") { $0.retention }
    guard !retention.isEmpty else { return .empty }
    let highest = retention.reduce(1.0) { max($0, $1.high, $1.mark ?? 0) }
    let angles = rows { _ in "angle" }
    let premises = rows { _ in "premise" }
    let least = max(0, (angles + premises).map(\.low).min() ?? 0)
    let most = (angles + premises).map(\.high).max() ?? 180
    // Four steps of round degrees.
    let step = [5.0, 10, 15, 20, 30].first { step in
      (least / step).rounded(.down) * step + 4 * step >= most
    }
    let start = step.map { (least / $0).rounded(.down) * $0 } ?? 0
    let range = start...start + 4 * (step ?? 45)
    return """
      <h2>Why it works</h2>
      <figure>\(
        RangeChart(
          label: "retention", unit: "cosine, or f(q)·f(p) / |f(q)|²",
          range: 0...(highest * 10).rounded(.up) / 10, rows: retention
        ).markup)<figcaption>How much of the question's similarity to itself the poisoned document keeps: median and \
      5–95 % of the questions. The upright mark is the best clean passage (mean). Where dots lie right of marks, the \
      attacker wins.</figcaption></figure>
      <figure>\(
        RangeChart(label: "angle", unit: "degrees", range: range, rows: angles).markup)<figcaption>Angle between the \
      question f(q) and the move f(p) − f(q). For encoders that normalise it is 90° plus half the angle of question \
      and poison, always.</figcaption></figure>
      <figure>\(
        RangeChart(label: "premise", unit: "degrees", range: range, rows: premises).markup)<figcaption>Angle between \
      question and payload: near 90° they have nothing to do with each other.</figcaption></figure>
      \(rest(data.cells.count, of: Self.maximumCells, "cells"))
      """
  }
}
