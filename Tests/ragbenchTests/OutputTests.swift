import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Output into pipes, closed descriptors and terminals (FAULTS.md, rows 80 and 83).
@Suite struct OutputTests {
  @Test func aReaderThatStopsEarlyIsNoFailure() throws {
    let command = try Command.ready.get()
    let result = try command.shell(
      #"yes gout | head -400 | "$RAGBENCH" query --corpus medqa --retriever tiny-bert | head -1"#)
    #expect(result.status == 0)
    #expect(result.errors.isEmpty, "\(result.errorText)")
    #expect(try JSONParser.parse(result.outputText)["query"]?.stringValue == "gout")
  }

  @Test(arguments: [
    "env", "corpus list", "query gout --corpus medqa --retriever tiny-bert", "doctor", "--help",
  ]) func closedOutputEndsQuietly(_ arguments: String) throws {
    let command = try Command.ready.get()
    let result = try command.shell(#""$RAGBENCH" \#(arguments) >&-"#)
    #expect(result.signal == nil)
    #expect(result.status == 0, "\(result.errorText)")
  }

  /// What is printed must not land in a file that was given the number of a closed descriptor.
  @Test func closedOutputDoesNotReachAFile() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 20)
    let build = "index build --corpus tiny --retriever tiny-bert --kind Flat"
    #expect(try command.shell(#""$RAGBENCH" \#(build) >&- 2>&- <&-"#).status == 0)
    let checked = try command.run(["index", "verify", "--corpus", "tiny"])
    #expect(checked.status == 0, "\(checked.outputText)")
  }

  @Test func pipesGetNeitherColoursNorBars() throws {
    let command = try Command.ready.get()
    for arguments in [["corpus", "list"], ["query", "gout", "--corpus", "medqa"] + retriever] {
      let plain = try command.run(arguments)
      #expect(plain.status == 0)
      #expect(!plain.outputText.contains("\u{1B}") && !plain.errorText.contains("\u{1B}"))
      #expect(!plain.errorText.contains("\r"))
      let coloured = try command.run(arguments + ["--color", "always"])
      #expect(coloured.outputText.contains("\u{1B}[1m"))
    }
  }

  @Test(arguments: [("", true), ("1", false)]) func noColorTurnsColoursOffOnATerminal(
    value: String, isColoured: Bool
  ) throws {
    let command = try Command.ready.get()
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/script") else { return }
    let result = try command.shell(
      #"/usr/bin/script -qec "'$RAGBENCH' corpus list" /dev/null"#,
      environment: ["NO_COLOR": value])
    #expect(result.outputText.contains("medqa"))
    #expect(result.outputText.contains("\u{1B}[") == isColoured, "\(result.outputText)")
  }

  @Test func textFromDocumentsCannotActOnATerminal() throws {
    let command = try Command()
    try command.installModel()
    let passages = try command.directory.write(
      "p.jsonl",
      text: #"{"_id": "p\u202e1", "title": "\u001b]0;owned\u0007", "text": "gout\r\u001b[2Jx"}"#
        + "\n")
    let imported = try command.run([
      "corpus", "import", "hostile", "--passages", passages.string,
    ])
    #expect(imported.status == 0, "\(imported.errorText)")
    let result = try command.run(["query", "gout", "--corpus", "hostile"] + retriever)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.outputText.contains("pU+202E1"))
    #expect(result.outputText.contains("U+001B]0;ownedU+0007"))
    #expect(result.outputText.contains("goutU+000DU+001B[2Jx"))
    #expect(!result.output.contains(0x1B) && !result.output.contains(0x0D))
  }

  private var retriever: [String] { ["--retriever", Command.model] }
}
