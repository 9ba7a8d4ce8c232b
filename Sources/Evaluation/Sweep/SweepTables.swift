public import Basics

/// The figures of a grid as tables for a terminal: success, and what the detectors catch.
public struct SweepTables {
  private let results: JSONObject

  /// Prepares the tables.
  ///
  /// - Parameter results: The content of `results.json`.
  public init(_ results: JSONObject) { self.results = results }

  private var cells: [JSONObject] { objects(results["cells"]) }
  private var plan: JSONObject { results["plan"]?.objectValue ?? JSONObject() }
  private var payloads: [String] {
    plan["payloads"]?.arrayValue?.compactMap(\.stringValue) ?? []
  }

  private func objects(_ value: JSONValue?) -> [JSONObject] {
    value?.arrayValue?.compactMap(\.objectValue) ?? []
  }

  /// Success at the smallest k, then detection.
  public var sections: [AttackTables.Section] {
    [success] + (objects(results["detection"]).isEmpty ? [] : [detection])
  }

  private static let axes = ["corpus", "retriever", "set", "attack", "seed"]

  /// The axes on which something differs, which are all that a line has to name.
  private func varying(_ rows: [JSONObject]) -> [String] {
    let axes = Self.axes.filter { axis in
      Set(rows.map { $0[axis]?.summary ?? "" }).count > 1
    }
    return axes.isEmpty ? ["set"] : axes
  }

  private func text(_ value: JSONValue?) -> String {
    value?.stringValue ?? value?.intValue.map(String.init) ?? ""
  }

  private var success: AttackTables.Section {
    let axes = varying(cells)
    let k = plan["k"]?.arrayValue?.first?.intValue ?? 1
    var table = TextTable(axes.map { .init($0) } + payloads.map { .init($0, .right) })
    var lines: [[String]: [String: String]] = [:]
    var order: [[String]] = []
    for cell in cells {
      let key = axes.map { text(cell[$0]) }
      if lines[key] == nil { order.append(key) }
      let rate = objects(cell["success"]).first {
        $0["mode"]?.stringValue == "solo" && $0["k"]?.intValue == k
      }?["own"]?.objectValue?["rate"]?.doubleValue
      lines[key, default: [:]][text(cell["payload"])] = percent(rate)
    }
    for key in order { table.append(key + payloads.map { lines[key]?[$0] ?? "n/a" }) }
    return .init(
      title: "Percent of questions hijacked: own document among the first \(k), injected alone",
      table: table, note: "")
  }

  private var detection: AttackTables.Section {
    let units = objects(results["detection"])
    let axes = varying(units)
    var table = TextTable(
      axes.map { .init($0) } + [.init("detector")] + payloads.map { .init($0, .right) }
        + [.init("clean", .right)])
    for unit in units {
      for fit in objects(unit["fits"]).map({ FitFigures($0) }) {
        table.append(
          axes.map { text(unit[$0]) } + [fit.name] + payloads.map { percent(fit.rate($0)) }
            + [percent(fit.falselyFlagged)])
      }
    }
    return .init(
      title: "Percent of poison caught at a nominal 5 % of clean passages", table: table, note: "")
  }

  private func percent(_ rate: Double?) -> String {
    rate.map { Format.decimals(100 * $0, 1) } ?? "n/a"
  }
}
