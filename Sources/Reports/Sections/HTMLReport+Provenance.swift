import Basics

/// Where the figures come from.
extension HTMLReport {
  var provenance: Markup {
    var lines: [(String, String)] = [
      ("version", data.description["version"]?.stringValue ?? ""),
      ("instruction set", data.description["instructionSet"]?.stringValue ?? ""),
    ]
    for corpus in data.corpora.prefix(Self.maximumUnits) {
      lines.append(
        (
          "corpus \(corpus["name"]?.stringValue ?? "")",
          "\(Format.count(corpus["passages"]?.intValue ?? 0)) passages, checksum"
            + " \(corpus["checksum"]?.stringValue ?? "")"
        ))
    }
    if let seconds = data.seconds {
      lines.append(("time", Format.duration(seconds: seconds)))
    }
    var table = HTMLTable(columns: [.init("what"), .init("value")])
    table.isStacked = true
    table.rows = lines.map { [$0, $1] }
    let description = (try? data.description.serialized(pretty: true)) ?? ""
    return """
      <h2>Where the figures come from</h2>
      \(table.markup)
      <details><summary>The run as it was asked for</summary><pre>\(
        Markup.lines(description, limit: 20_000))</pre></details>
      <p class="soft">Made by ragbench. Test only systems that you are entitled to test.</p>

      """
  }
}
