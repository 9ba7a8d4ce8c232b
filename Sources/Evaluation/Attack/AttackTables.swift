public import Basics

/// The figures of one retriever as tables for a terminal.
public struct AttackTables {
  /// A table with a title and a line on how to read it.
  public struct Section {
    /// What it shows.
    public let title: String
    /// The figures.
    public let table: TextTable
    /// How to read them.
    public let note: String
  }

  private let result: RetrieverResult
  private let settings: AttackSettings

  /// Prepares the tables.
  public init(_ result: RetrieverResult, settings: AttackSettings) {
    self.result = result
    self.settings = settings
  }

  /// Success, geometry and detection, as far as they were measured.
  public var sections: [Section] {
    (result.cells.isEmpty ? [] : settings.querySets.map(success) + [geometry])
      + (result.detection.isEmpty ? [] : settings.querySets.map(detection))
      + (result.responses.isEmpty ? [] : settings.querySets.map(response))
  }

  /// One row for each payload and way of counting: three intervals fit a line of 80 columns.
  private func success(_ set: String) -> Section {
    let counts: [(mode: PoisonedRetrieval.Mode, key: String, title: String)] =
      settings.modes.flatMap { mode in
        mode == .solo ? [(mode, "own", "solo")] : [(mode, "own", "joint"), (mode, "any", "any")]
      }
    var table = TextTable(
      [.init("payload"), .init("poison")] + settings.ks.map { .init("first \($0)", .right) })
    let cells = result.cells.filter { Self.isEqual($0["set"], set) }
    for cell in cells {
      let rates = cell["success"]?.arrayValue?.compactMap(\.objectValue) ?? []
      for count in counts {
        table.append(
          [cell["payload"]?.stringValue ?? "", count.title]
            + settings.ks.map { k in
              let rate = rates.first {
                $0["mode"]?.stringValue == count.mode.rawValue && $0["k"]?.intValue == k
              }
              return Self.percent(rate?[count.key]?.objectValue)
            })
      }
    }
    let questions = cells.first?["questions"]?.intValue.map(Format.count) ?? "no"
    return Section(
      title: "\(set): percent of \(questions) questions hijacked through \(result.name)"
        + " (\(result.similarity))",
      table: table,
      note: set != settings.querySets.last
        ? ""
        : Self.wrapped(
          "Share of questions with their own poisoned document among the first k results, and"
            + " Wilson 95 % intervals. solo: only that document was added; joint: those of all"
            + " questions at once; any: as joint, but any poisoned document counts."))
  }

  private var geometry: Section {
    let columns = [
      ("angle", "angle"), ("premise", "q,t"), ("cosine", "cosine"), ("retention", "retention"),
      ("dilution", "diluted"), ("cleanGap", "clean"), ("margin", "margin"), ("normGrowth", "norm"),
    ]
    var table = TextTable(
      [.init("query set"), .init("payload")] + columns.map { .init($0.1, .right) })
    for cell in result.cells {
      let geometry = cell["geometry"]?.objectValue ?? JSONObject()
      table.append(
        [cell["set"]?.stringValue ?? "", cell["payload"]?.stringValue ?? ""]
          + columns.map { key, _ in
            guard let mean = geometry[key]?.objectValue?["mean"]?.doubleValue else { return "n/a" }
            return Format.decimals(mean, key == "angle" || key == "premise" ? 1 : 3)
          })
    }
    return Section(
      title: "Why: where concatenation moved the embeddings (means)", table: table,
      note: Self.wrapped(
        "q: question, t: payload, p: poisoned document. angle: between f(q) and f(p) − f(q),"
          + " degrees; q,t: angle between f(q) and f(t); cosine: of f(q) and f(p); retention:"
          + " f(q)·f(p)/|f(q)|²; diluted: what the shares of tokens predict for it; clean: the best"
          + " clean passage on the same scale; margin: score of p over the clean passage of rank"
          + " \(settings.ks.first ?? 1); norm: |f(p)|/|f(q)|."))
  }

  private func detection(_ set: String) -> Section {
    let fits = result.detection.flatMap {
      $0["fits"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }.filter { Self.isEqual($0["querySet"], set) }.map { FitFigures($0) }
    var table = TextTable(
      [.init("detector")] + settings.payloadKinds.map { .init($0, .right) }
        + [.init("clean", .right)])
    func percent(_ rate: Double?) -> String { rate.map { Format.decimals(100 * $0, 1) } ?? "n/a" }
    for fit in fits {
      table.append(
        [fit.name] + settings.payloadKinds.map { percent(fit.rate($0)) }
          + [percent(fit.falselyFlagged)])
    }
    let unfitted = result.detection.flatMap {
      $0["unfitted"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }.filter { Self.isEqual($0["querySet"], set) }
    for detector in unfitted {
      table.append(
        [detector["detector"]?.stringValue ?? ""] + settings.payloadKinds.map { _ in "n/a" }
          + ["n/a"])
    }
    if let fit = fits.first {
      table.append(
        ["(documents)"]
          + settings.payloadKinds.map { kind in
            fit.count(kind).map(Format.count) ?? "n/a"
          } + [""])
    }
    return Section(
      title: "\(set): percent of poison caught at a nominal 5 % of clean passages", table: table,
      note: Self.wrapped(
        unfitted.map {
          "\($0["detector"]?.stringValue ?? ""): not applicable,"
            + " \($0["notApplicable"]?.stringValue ?? "")."
        }.joined(separator: " "))
        + (set != settings.querySets.last
          ? ""
          : (unfitted.isEmpty ? "" : "\n")
            + Self.wrapped(
              "Share flagged of the poison that reached the first \(settings.ks.first ?? 1) results, on"
                + " held-out questions; clean: share flagged of the clean first"
                + " \(AttackExperiment.listLength), the observed false positives. Detectors are fitted"
                + " and calibrated on clean passages of other questions; intervals, AUROC and 1 % are"
                + " in results.json.")))
  }

  /// What acting on flags costs on clean rankings and what it keeps away.
  private func response(_ set: String) -> Section {
    let object = result.responses.first { Self.isEqual($0["querySet"], set) }
    let chosen = object?["settings"]?.objectValue
    var table = TextTable([
      .init("detector"), .init("after a flag"), .init("nDCG@10", .right),
      .init("Recall@10", .right),
      .init("lost", .right), .init("relevant", .right), .init("poison", .right),
      .init("unmarked", .right),
    ])
    for entry in object?["responses"]?.arrayValue?.compactMap(\.objectValue) ?? [] {
      let utility = entry["utility"]?.objectValue
      func change(_ name: String) -> String {
        guard let values = utility?[name]?.objectValue,
          let before = values["before"]?.doubleValue, let after = values["after"]?.doubleValue
        else { return "n/a" }
        return "\(Format.decimals(before, 3)) → \(Format.decimals(after, 3))"
      }
      func share(_ part: String, _ whole: String) -> String {
        guard let part = utility?[part]?.intValue, let whole = utility?[whole]?.intValue else {
          return "n/a"
        }
        return "\(Format.count(part))/\(Format.count(whole))"
      }
      let poison = entry["poison"]?.arrayValue?.compactMap(\.objectValue) ?? []
      func total(_ name: String) -> Int { poison.reduce(0) { $0 + ($1[name]?.intValue ?? 0) } }
      table.append([
        entry["detector"]?.stringValue ?? "", entry["policy"]?.stringValue ?? "",
        change("nDCG@10"), change("Recall@10"), share("lost", "shown"),
        share("relevantLost", "relevantShown"),
        poison.isEmpty ? "n/a" : "\(total("before")) → \(total("after"))",
        poison.isEmpty ? "n/a" : "\(total("evading"))",
      ])
    }
    let rate = chosen?["falsePositiveRate"]?.doubleValue ?? 0
    let unit = chosen?["unit"]?.stringValue == "pair" ? "passages" : "questions"
    return Section(
      title:
        "\(set): what acting on flags does, at a nominal \(Format.percent(rate)) of clean \(unit)",
      table: table,
      note: set != settings.querySets.last
        ? ""
        : Self.wrapped(
          "nDCG@10, Recall@10: clean rankings of judged test questions, before and after; lost: clean"
            + " passages that lost their place among the first 10, of all there; relevant: the"
            + " relevant ones among them; poison: test questions (times kinds of payload) with poison"
            + " among the first \(settings.ks.first ?? 1), before and after; unmarked: those where it"
            + " bears no flag either. Intervals are in results.json, times in timings.json. n/a: no"
            + " judgements, or too few calibration questions for the rate."))
  }

  private static func isEqual(_ value: JSONValue?, _ name: String) -> Bool {
    value?.stringValue.map { UTF8Key($0) == UTF8Key(name) } ?? false
  }

  /// A note in lines of at most 80 columns, parted at spaces.
  private static func wrapped(_ text: String) -> String {
    var lines = [""]
    for word in text.split(separator: " ").map(String.init) {
      let line = lines[lines.count - 1]
      if line.isEmpty {
        lines[lines.count - 1] = word
      } else if TextWidth.columns(line) + 1 + TextWidth.columns(word) <= 80 {
        lines[lines.count - 1] = line + " " + word
      } else {
        lines.append(word)
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func percent(_ proportion: JSONObject?) -> String {
    guard let rate = proportion?["rate"]?.doubleValue,
      let bounds = proportion?["wilson95"]?.arrayValue?.compactMap(\.doubleValue), bounds.count == 2
    else { return "n/a" }
    func shown(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    return "\(shown(rate)) [\(shown(bounds[0])), \(shown(bounds[1]))]"
  }
}
