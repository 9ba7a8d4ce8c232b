import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct HelpTests {
  static let commands: [[String]] = [
    [], ["model"], ["model", "list"], ["model", "info"], ["model", "fetch"], ["model", "import"],
    ["corpus"], ["corpus", "list"], ["corpus", "info"], ["corpus", "import"], ["corpus", "export"],
    ["index"],
    ["index", "build"], ["index", "add"], ["index", "remove"], ["index", "verify"],
    ["index", "info"], ["query"], ["serve"], ["eval"], ["attack"], ["detect"], ["detect", "fit"],
    ["sweep"], ["sweep", "run"], ["sweep", "merge"], ["train"], ["train", "contrastive"],
    ["train", "classify"], ["audit"], ["audit", "epsilon"], ["report"], ["env"],
    ["doctor"],
  ]

  @Test(arguments: commands) func everyCommandExplainsItselfWithAnExample(
    path: [String]
  ) throws {
    let command = try Command()
    let result = try command.run(path + ["--help"])
    #expect(result.status == 0, "\(result.errorText)")
    let text = result.outputText
    #expect(text.contains("OVERVIEW: "))
    #expect(text.contains("Example: ragbench \(path.joined(separator: " "))"), "\(text)")
    // Every option of the list has a description, behind its name and value or in the next line.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (number, line) in lines.enumerated() where line.hasPrefix("  -") {
      let hasText = line.split(separator: " ").count > 2
      let next = number + 1 < lines.count ? lines[number + 1] : ""
      #expect(hasText || next.hasPrefix("                    "), "no help: \(line)")
    }
  }

  @Test func versionIsPrinted() throws {
    let result = try Command().run(["--version"])
    #expect(result.status == 0)
    #expect(result.outputText == "0.1.0\n")
  }
}
