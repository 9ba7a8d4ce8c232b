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
    (result.cells.isEmpty ? [] : [success, geometry])
      + (result.detection.isEmpty ? [] : [detection])
  }

  private var success: Section {
    var table = TextTable([.init("query set"), .init("payload"), .init("questions", .right)])
    let columns: [(mode: PoisonedRetrieval.Mode, k: Int, key: String, title: String)] =
      settings.modes.flatMap { mode in
        settings.ks.map { k in (mode, k, "own", "\(mode.rawValue) @\(k)") }
      }
      + (settings.modes.contains(.joint)
        ? settings.ks.prefix(1).map { (.joint, $0, "any", "any @\($0)") } : [])
    table = TextTable(table.columns + columns.map { .init($0.title, .right) })
    for cell in result.cells {
      let rates = cell["success"]?.arrayValue?.compactMap(\.objectValue) ?? []
      table.append(
        heading(cell) + [cell["questions"]?.intValue.map(Format.count) ?? ""]
          + columns.map { column in
            let rate = rates.first {
              $0["mode"]?.stringValue == column.mode.rawValue && $0["k"]?.intValue == column.k
            }
            return Self.percent(rate?[column.key]?.objectValue)
          })
    }
    return Section(
      title: "Questions hijacked through \(result.name) (\(result.similarity))", table: table,
      note: "Share of questions whose own poisoned document is among the first k results, with"
        + " Wilson 95 % intervals. solo: only that document was added; joint: those of all"
        + " questions at once; any: any poisoned document counts.")
  }

  private var geometry: Section {
    let columns = [
      ("angle", "angle"), ("premise", "q,t angle"), ("cosine", "cos(q,p)"),
      ("retention", "retention"), ("dilution", "diluted"), ("cleanGap", "clean best"),
      ("margin", "margin"), ("normGrowth", "norm"),
    ]
    var table = TextTable(
      [.init("query set"), .init("payload")] + columns.map { .init($0.1, .right) })
    for cell in result.cells {
      let geometry = cell["geometry"]?.objectValue ?? JSONObject()
      table.append(
        heading(cell)
          + columns.map { key, _ in
            guard let mean = geometry[key]?.objectValue?["mean"]?.doubleValue else { return "n/a" }
            return Format.decimals(mean, key == "angle" || key == "premise" ? 1 : 3)
          })
    }
    return Section(
      title: "Why: where concatenation moved the embeddings (means)", table: table,
      note: "angle: between f(q) and f(p) − f(q), degrees, signed; q,t angle: between question and"
        + " payload; retention: f(q)·f(p)/|f(q)|², and what token shares predict (diluted); clean"
        + " best: the best clean passage on the same scale; margin: score of p"
        + " over the clean passage of rank \(settings.ks.first ?? 1).")
  }

  private var detection: Section {
    let fits = result.detection.flatMap {
      $0["fits"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }
    var detectors: [String] = []
    for fit in fits {
      if let name = fit["detector"]?.stringValue, !detectors.contains(name) {
        detectors.append(name)
      }
    }
    var table = TextTable(
      [.init("query set"), .init("documents"), .init("number", .right)]
        + detectors.map { .init($0, .right) })
    for set in settings.querySets {
      let fits = fits.filter { $0["querySet"]?.stringValue == set }
      func row(_ name: String, _ count: Int?, _ value: (JSONObject) -> Double?) {
        table.append(
          [set, name, count.map(Format.count) ?? ""]
            + detectors.map { detector in
              guard let fit = fits.first(where: { $0["detector"]?.stringValue == detector }),
                let value = value(fit)
              else { return "n/a" }
              return Format.decimals(100 * value, 1)
            })
      }
      for kind in settings.payloadKinds {
        let count = fits.first.flatMap { Self.reached($0, kind)?["positiveCount"]?.intValue }
        row("poison: \(kind)", count) { fit in
          Self.atNominal(Self.reached(fit, kind)?["truePositives"])?["rate"]?.doubleValue
        }
      }
      row("clean passages", nil) { fit in
        Self.atNominal(fit["falsePositives"])?["pairRate"]?.objectValue?["value"]?.doubleValue
      }
    }
    return Section(
      title: "Caught at a nominal 5 % of clean passages, on held-out questions, percent",
      table: table,
      note:
        "Poison: share flagged of what reached the first \(settings.ks.first ?? 1) results. Clean"
        + " passages: share flagged of the clean first \(AttackExperiment.listLength), the observed"
        + " false positives. Detectors are fitted and calibrated on clean passages of other"
        + " questions; intervals, AUROC and 1 % are in results.json.")
  }

  private static func reached(_ fit: JSONObject, _ kind: String) -> JSONObject? {
    fit["cells"]?.arrayValue?.compactMap(\.objectValue).first {
      $0["payload"]?.stringValue == kind && $0["positives"]?.stringValue == "reached"
        && $0["negatives"]?.stringValue == "hard"
    }
  }

  private static func atNominal(_ rates: JSONValue?) -> JSONObject? {
    rates?.arrayValue?.compactMap(\.objectValue).first {
      $0["nominal"]?.doubleValue == 0.05 && $0["unit"]?.stringValue == "pair"
    }
  }

  private func heading(_ cell: JSONObject) -> [String] {
    [cell["set"]?.stringValue ?? "", cell["payload"]?.stringValue ?? ""]
  }

  private static func percent(_ proportion: JSONObject?) -> String {
    guard let rate = proportion?["rate"]?.doubleValue,
      let bounds = proportion?["wilson95"]?.arrayValue?.compactMap(\.doubleValue), bounds.count == 2
    else { return "n/a" }
    func shown(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    return "\(shown(rate)) [\(shown(bounds[0])), \(shown(bounds[1]))]"
  }
}
