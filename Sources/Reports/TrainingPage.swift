public import Basics

/// The report on a training run or a training experiment: one page that stands on its own.
public struct TrainingPage {
  private let description: JSONObject
  private let results: JSONObject
  private let seconds: Double?

  /// Whether a run is one of training.
  public static func isTraining(_ record: RunRecord) -> Bool {
    record.description["command"]?.stringValue?.utf8.starts(with: "train-".utf8) == true
  }

  /// A page on a finished run.
  ///
  /// - Parameter record: A run of `ragbench train`.
  /// - Throws: `UsageError` if it is not finished.
  public init(_ record: RunRecord) throws {
    guard let results = record.results else {
      throw UsageError("'\(record.path.shown)' is not finished; run its command again first")
    }
    self.results = results
    description = record.description
    seconds = record.timings?["seconds"]?.doubleValue
  }

  /// The file.
  public var html: String {
    let command = description["command"]?.stringValue ?? ""
    let model = results["model"]?.stringValue ?? description["model"]?.stringValue ?? ""
    let title =
      results["title"]?.stringValue
      ?? (model.isEmpty ? "A new model by \(command)" : "\(model) after \(command)")
    var body: Markup = """
      <header><p class="soft">ragbench train</p>
      <h1>\(title)</h1></header>

      """
    body += results["study"] == nil ? run : study
    body += Provenance(description: description, lines: Provenance.time(seconds)).markup
    return Page(title: title, body: body).html
  }

  // MARK: One run

  private var run: Markup {
    var table = HTMLTable(
      columns: [.init("held-out measure")] + ["before", "after"].map { .init($0, number: true) })
    let before = results["before"]?.objectValue
    let after = results["after"]?.objectValue
    table.rows = (after?.members ?? []).map { name, value in
      [name, Self.number(before?[name]), Self.number(value)]
    }
    let size =
      ["pairs", "texts", "examples", "blocks"].lazy.compactMap { results[$0]?.intValue }.first ?? 0
    let steps = results["steps"]?.intValue ?? 0
    let end: Markup =
      results["endedEarly"]?.boolValue == true
      ? " It ended early, because the held-out examples got no better." : ""
    let account = results["privacy"]?.objectValue
    let weights: Markup =
      account == nil
      ? """
      The weights are those of the best evaluation, at step \(Format.count(
        results["bestStep"]?.intValue ?? steps)): the held-out examples chose them, so other data must judge them.
      """ : "The weights are those of the last step."
    let charts: Markup = "\(chart("losses", "loss"))\(chart("evaluations", "held-out value"))"
    let course: Markup =
      charts.text.isEmpty
      ? .empty
      : """
      <h2>Course of training</h2>
      <figure>\(charts)<figcaption>The mean loss of the steps since the point before; what is \
      measured on held-out examples after each epoch, higher is better.</figcaption></figure>

      """
    return """
      <p>\(Format.count(size)) examples, \(Format.count(results["heldOut"]?.intValue ?? 0)) held out, \(
        Format.count(steps)) steps. \(weights)\(end)</p>
      \(table.markup)
      \(account.map(Self.privacy) ?? .empty)\(course)\(samples)
      """
  }

  /// The account of private training.
  private static func privacy(_ account: JSONObject) -> Markup {
    var table = HTMLTable(columns: [.init("what"), .init("value", number: true)])
    table.rows = [
      ("epsilon (PRV, upper bound)", number(account["epsilonPRV"])),
      ("epsilon (RDP)", number(account["epsilonRDP"])),
      ("delta", account["delta"]?.doubleValue.map { "\($0)" } ?? "n/a"),
      ("neighbours", account["adjacency"]?.stringValue ?? ""),
      ("noise multiplier", number(account["noiseMultiplier"])),
      ("sampling rate", number(account["samplingRate"])),
      ("steps", Format.count(account["steps"]?.intValue ?? 0)),
      ("noise from", account["randomness"]?.stringValue ?? ""),
    ].map { [$0.0, $0.1] }
    return """
      <h2>Privacy</h2>
      \(table.markup)
      <p class="soft">Not covered: \(account["notCovered"]?.stringValue ?? "").</p>

      """
  }

  /// What a generator writes on from prompts of held-out examples.
  private var samples: Markup {
    let samples = results.objects(named: "samples").map { sample -> Markup in
      func text(_ key: String) -> Markup {
        Markup.lines(sample[key]?.stringValue ?? "", limit: 4000)
      }
      return """
        <h3>Prompt</h3><pre>\(text("prompt"))</pre>
        <p class="soft">Before:</p><pre>\(text("before"))</pre>
        <p class="soft">After:</p><pre>\(text("after"))</pre>
        <p class="soft">In the example:</p><pre>\(text("reference"))</pre>

        """
    }
    guard !samples.isEmpty else { return .empty }
    return """
      <h2>What it writes</h2>
      <p>The most probable continuations of held-out prompts, cut after 48 tokens.</p>
      \(samples.joined())
      """
  }

  private func chart(_ key: String, _ name: String) -> Markup {
    let points = results.objects(named: key).compactMap { point -> (x: Double, y: Double)? in
      guard let step = point["step"]?.intValue, let value = point["value"]?.doubleValue,
        value.isFinite
      else { return nil }
      return (Double(step), value)
    }
    guard let last = points.last?.x, points.count > 1, last > 0 else { return .empty }
    let values = points.map(\.y)
    let (least, most) = (values.min() ?? 0, values.max() ?? 1)
    let margin = max(0.05 * (most - least), 1e-3 * max(abs(most), abs(least)), 1e-9)
    let low = least >= 0 ? 0 : least - margin
    return LineChart(
      label: name, xTitle: "step", yTitle: name,
      xTicks: (0...4).map { (Double($0) * last / 4).rounded() }, scale: .linear,
      yRange: low...most + margin,
      series: [.init(name: name, points: points)], isPercent: false
    ).markup
  }

  // MARK: An experiment

  private var study: Markup {
    let settings = results.objects(named: "settings")
    var table = HTMLTable(
      columns: [.init("setting"), .init("metric")]
        + ["before", "after", "difference", "95 % interval", "p"].map { .init($0, number: true) }
        + [.init("each seed")])
    table.isStacked = true
    var ranges: [RangeChart.Row] = []
    for setting in settings {
      let name = setting["name"]?.stringValue ?? ""
      for (metric, figures) in setting["metrics"]?.objectValue?.members ?? [] {
        guard let value = figures.objectValue else { continue }
        let difference = value["difference"]?.objectValue
        table.rows.append([
          name, metric, Self.number(value["before"]), Self.number(value["after"]),
          Self.number(difference?["value"], signed: true),
          "\(Self.number(difference?["lower"], signed: true)) to"
            + " \(Self.number(difference?["upper"], signed: true))",
          Self.number(difference?["p"]),
          (value["each"]?.arrayValue ?? []).map { Self.number($0) }.joined(separator: ", "),
        ])
        guard let middle = difference?["value"]?.doubleValue,
          let low = difference?["lower"]?.doubleValue,
          let high = difference?["upper"]?.doubleValue
        else { continue }
        ranges.append(
          .init(group: name, name: metric, low: low, middle: middle, high: high, mark: 0))
      }
    }
    let reach = ranges.map { max($0.high, -$0.low) }.max() ?? 0
    let edge = max(0.1, (reach * 10).rounded(.up) / 10)
    let chart =
      ranges.isEmpty
      ? Markup.empty
      : RangeChart(
        label: "differences", unit: "after less before", range: -edge...edge, rows: ranges
      ).markup
    let data = (results["data"]?.objectValue?.members ?? []).map { name, value in
      [name, value.stringValue ?? value.intValue.map(Format.count) ?? value.summary]
    }
    var facts = HTMLTable(columns: [.init("data"), .init("value")])
    facts.isStacked = true
    facts.rows = data
    let units = settings.first?["units"]?.intValue ?? 0
    return """
      <p>Before: \(results["before"]?.stringValue ?? ""). After: \(
        results["model"]?.stringValue ?? "") trained under \(
        Format.count(results["seeds"]?.arrayValue?.count ?? 0)) seeds, their mean. Intervals are over the \(
        Format.count(units)) test units, which took no part in training or in choosing.</p>
      \(table.markup)
      <figure>\(chart)<figcaption>Differences with 95 % bootstrap intervals.</figcaption></figure>
      \(figures)\(candidates(settings))<h2>Data</h2>
      \(facts.markup)

      """
  }

  private var figures: Markup {
    let figures = TrainingFigures(results)
    guard !figures.rows.isEmpty else { return .empty }
    var table = HTMLTable(
      columns: [.init("setting")] + figures.columns.map { .init($0, number: true) })
    table.isStacked = true
    table.rows = figures.rows.map { [$0.setting] + $0.values }
    return """
      <h2>What it costs and what it tells</h2>
      <p>Means over the seeds, the least and the most in brackets. success@k: the poisoned document of a question among \
      the first k results. Membership: how well somebody who sees the model tells its training records from unseen ones \
      (AUC 0.5: not at all); no attack finds more than the ceiling e<sup>ε</sup> · 1 % + δ. Exposure: of canaries, records \
      that belong to nobody and that a coin put in; at most log<sub>2</sub> of one more than were left out. Extraction: the \
      share of planted people's numbers that a generator writes when it is given the text before them. Audited epsilon: \
      what the canaries refute with 95 % confidence.</p>
      \(figures.warning.map { "<p><b>\($0).</b></p>" as Markup } ?? .empty)
      \(table.markup)

      """
  }

  private func candidates(_ settings: [JSONObject]) -> Markup {
    var table = HTMLTable(
      columns: [
        .init("setting"), .init("candidate"), .init("held-out value", number: true),
        .init("chosen"),
      ])
    for setting in settings {
      for candidate in setting.objects(named: "candidates") {
        let name = candidate["name"]?.stringValue ?? ""
        table.rows.append([
          setting["name"]?.stringValue ?? "", name, Self.number(candidate["value"]),
          setting["chosen"]?.stringValue == name ? "yes" : "",
        ])
      }
    }
    guard !table.rows.isEmpty else { return .empty }
    return """
      <h2>What was chosen</h2>
      <p>Each candidate was trained under the first seed; the best on the held-out share of the training data was \
      taken.</p>
      \(table.markup)

      """
  }

  private static func number(_ value: JSONValue?, signed: Bool = false) -> String {
    guard let number = value?.doubleValue else { return "n/a" }
    return (signed && number > 0 ? "+" : "") + Format.decimals(number, 4)
  }
}
