import Basics

/// Limits and what met or missed them, as CI systems read it.
public struct JUnitReport {
  private let results: [(gate: Gate, findings: [Gate.Finding])]

  /// A report of limits.
  public init(_ results: [(gate: Gate, findings: [Gate.Finding])]) { self.results = results }

  /// The file. Not applicable counts as a failure: nobody has shown that the limit is met.
  public var xml: String {
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ragbench\">\n"
    for (gate, findings) in results {
      let missed = findings.count { $0.isMissed }
      text +=
        "  <testsuite name=\"\(Self.escaped(gate.text))\" tests=\"\(findings.count)\""
        + " failures=\"\(missed)\">\n"
      for finding in findings {
        let name = Self.escaped(finding.name)
        text += "    <testcase classname=\"\(Self.escaped(gate.text))\" name=\"\(name)\""
        guard finding.isMissed else {
          text += "/>\n"
          continue
        }
        let value = finding.value.map { "\($0)" } ?? "not applicable"
        let side = gate.side == .over ? "at most" : "at least"
        text += ">\n      <failure message=\"\(value), \(side) \(gate.limit)\"/>\n    </testcase>\n"
      }
      text += "  </testsuite>\n"
    }
    return text + "</testsuites>\n"
  }

  /// Text for XML attributes; what XML cannot hold is shown as `U+XXXX`.
  private static func escaped(_ text: String) -> String { HTMLText.escapedVisibly(text) }
}
