import Basics

/// The end of every page: which program made the figures, and how it was asked.
struct Provenance {
  /// The content of `run.json`.
  var description: JSONObject
  /// What else there is to say, by its name.
  var lines: [(String, String)] = []

  /// How long the run took, where it is known.
  static func time(_ seconds: Double?) -> [(String, String)] {
    seconds.map { [("time", Format.duration(seconds: $0))] } ?? []
  }

  var markup: Markup {
    var table = HTMLTable(columns: [.init("what"), .init("value")])
    table.isStacked = true
    table.rows =
      [
        ["version", description["version"]?.stringValue ?? ""],
        ["instruction set", description["instructionSet"]?.stringValue ?? ""],
      ] + lines.map { [$0, $1] }
    let text = (try? description.serialized(pretty: true)) ?? ""
    return """
      <h2>Where the figures come from</h2>
      \(table.markup)
      <details><summary>The run as it was asked for</summary><pre>\(
        Markup.lines(text, limit: 20_000))</pre></details>
      <p class="soft">Made by ragbench. Test only systems that you are entitled to test.</p>

      """
  }
}
