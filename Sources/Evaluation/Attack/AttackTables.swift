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

  /// Success, geometry and, where it was measured, detection.
  public var sections: [Section] {
    [success, geometry] + (result.detection.isEmpty ? [] : [detection])
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
        + " best: the best clean passage on the same scale; margin: over the"
        + " \(settings.ks.first ?? 1)-th clean passage.")
  }

  private var detection: Section {
    var table = TextTable([
      .init("query set"), .init("payload"), .init("detector"), .init("AUROC", .right),
      .init("TPR at 5 %", .right), .init("TPR at 1 %", .right), .init("observed FPR", .right),
    ])
    for set in result.detection {
      for row in set["rows"]?.arrayValue?.compactMap(\.objectValue) ?? [] {
        table.append(
          ["set", "payload", "detector", "auroc", "tpr5", "tpr1", "fpr5"].map { key in
            switch row[key] {
            case .string(let text)?: text
            case .number(let value)?: Format.decimals(value, 3)
            case .integer(let value)?: Format.decimals(Double(value), 3)
            default: "n/a"
            }
          })
      }
    }
    return Section(
      title: "Caught: poison among the first \(settings.ks.first ?? 1), on held-out questions",
      table: table,
      note: "Detectors are fitted and calibrated on clean passages of other questions. TPR: share of"
        + " poison flagged at a nominal false-positive rate; observed FPR: share of clean passages"
        + " flagged at the nominal 5 %.")
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
