public import Basics

/// What an experiment tells of trained models beside its comparison: ε, the attack's success, what leaks.
/// Each figure is the mean over the seeds, with the least and the most.
public struct TrainingFigures {
  /// A setting's figures, in the order of the columns.
  public struct Row {
    /// Its name.
    public let setting: String
    /// Mean, and range where the seeds differ by 0.005 and more; `n/a` for what was not measured.
    public let values: [String]
  }

  /// What is told.
  public let columns: [String]
  /// That noise came from seeds, where it did: such models are not private.
  public let warning: String?
  /// The model before training, then one row a setting; empty if nothing is told.
  public let rows: [Row]

  private typealias Figure = (name: String, value: (JSONObject) -> Double?)

  /// Reads them.
  ///
  /// - Parameter results: Those of `ragbench train study`.
  public init(_ results: JSONObject) {
    let settings = results.objects(named: "settings")
    let before = results["figures"]?.objectValue ?? [:]
    let all = [before] + settings.flatMap { $0.objects(named: "figures") }
    var ks: [Int] = []
    for entry in all.flatMap({ $0.objects(named: "attack") }) {
      if let k = entry["k"]?.intValue, !ks.contains(k) { ks.append(k) }
    }
    var figures: [Figure] = [("epsilon", { $0.number("privacy", "epsilonPRV") })]
    for k in ks {
      figures.append(("success@\(k)", { Self.success(at: k, $0) }))
    }
    figures.append(("membership AUC", { $0.number("leakage", "auc", "value") }))
    figures.append(("TPR at 1 %", { Self.rate($0)?.number("truePositiveRate", "value") }))
    figures.append(("ceiling", { Self.rate($0)?.number("ceiling") }))
    figures.append(("canary exposure, bits", { $0.number("leakage", "exposure") }))
    figures.append(("extraction", { $0.number("leakage", "extraction", "rate") }))
    figures.append(("audited epsilon", { $0.number("leakage", "epsilonLowerBound") }))
    let told = figures.filter { figure in all.contains { figure.value($0) != nil } }
    columns = told.map(\.name)
    let isInsecure = all.contains {
      $0["privacy"]?.objectValue?["randomness"]?.stringValue?.contains("INSECURE") == true
    }
    warning =
      isInsecure
      ? "INSECURE: the noise comes from seeds, so that the figures can be had again; nobody is protected"
      : nil
    guard !told.isEmpty else {
      rows = []
      return
    }
    func row(_ name: String, _ entries: [JSONObject]) -> Row {
      Row(setting: name, values: told.map { Self.text(entries.compactMap($0.value)) })
    }
    rows =
      [row("before training", [before])]
      + settings.map { row($0["name"]?.stringValue ?? "", $0.objects(named: "figures")) }
  }

  private static func success(at k: Int, _ entry: JSONObject) -> Double? {
    entry.objects(named: "attack").first { $0["k"]?.intValue == k }?["rate"]?.doubleValue
  }

  private static func rate(_ entry: JSONObject) -> JSONObject? {
    entry["leakage"]?.objectValue?.objects(named: "rates")
      .first { $0["falsePositiveRate"]?.doubleValue == 0.01 }
  }

  private static func text(_ values: [Double]) -> String {
    guard let least = values.min(), let most = values.max() else { return "n/a" }
    let mean = values.reduce(0, +) / Double(values.count)
    let shown = Format.decimals(mean, 3)
    guard most - least >= 0.005 else { return shown }
    return "\(shown) (\(Format.decimals(least, 3)) to \(Format.decimals(most, 3)))"
  }
}

extension JSONObject {
  /// The number at the end of a path of keys.
  fileprivate func number(_ path: String...) -> Double? {
    var object: JSONObject? = self
    for key in path.dropLast() { object = object?[key]?.objectValue }
    return path.last.flatMap { object?[$0]?.doubleValue }
  }
}
