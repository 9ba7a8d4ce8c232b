import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The built program with a home of its own.
final class Command: Sendable {
  /// A home with the tiny model and the bundled corpus indexed by it; for tests that only read.
  static let ready = Result { () throws -> Command in
    let command = try Command()
    try command.installModel()
    let built = try command.run(["index", "build", "--corpus", "medqa", "--retriever", model])
    guard built.status == 0 else { throw Failure(text: built.errorText) }
    return command
  }

  struct Failure: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
  }

  /// A home of its own with the same model and index; for tests that kill or change.
  static func withIndex() throws -> Command {
    let command = try Command()
    try FileManager.default.removeItem(atPath: command.home.string)
    try FileManager.default.copyItem(
      atPath: ready.get().home.string, toPath: command.home.string)
    return command
  }

  static let model = "tiny-bert"

  let directory: TemporaryDirectory
  var home: FilePath { directory.file("home") }

  init() throws {
    directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: directory.file("home").string, withIntermediateDirectories: true)
  }

  static func executable() throws -> FilePath {
    let path = try Checkout.executable("ragbench")
    guard FileManager.default.isExecutableFile(atPath: path.string) else {
      throw Failure(text: "\(path) is not built; run: make build")
    }
    return path
  }

  /// Variables of every call; the environment of the tests must not reach the program.
  var environment: [String: String?] {
    [
      "RAGBENCH_HOME": home.string, "RAGBENCH_SHARE": Checkout.root.string, "NO_COLOR": nil,
      "TERM": "xterm", "RAGBENCH_CRASH_AT_WRITE": nil,
    ]
  }

  func run(
    _ arguments: [String], input: String = "", environment extra: [String: String?] = [:],
    timeout: Duration = .seconds(120)
  ) throws -> ChildProcess.Result {
    try ChildProcess.run(
      Self.executable(), arguments, environment: environment.merging(extra) { $1 },
      input: Array(input.utf8), timeout: timeout)
  }

  func start(
    _ arguments: [String], environment extra: [String: String?] = [:]
  ) throws -> ChildProcess {
    let child = try ChildProcess(
      Self.executable(), arguments, environment: environment.merging(extra) { $1 })
    child.closeInput()
    return child
  }

  /// Runs a line of shell in which `$RAGBENCH` is the program.
  func shell(_ line: String, environment extra: [String: String?] = [:]) throws
    -> ChildProcess.Result
  {
    var variables = environment.merging(extra) { $1 }
    variables["RAGBENCH"] = try Self.executable().string
    return try ChildProcess.run("/bin/sh", ["-c", line], environment: variables)
  }

  /// Runs a command that must succeed and parses what it prints.
  func json(_ arguments: [String], input: String = "") throws -> JSONValue {
    let result = try run(arguments + ["--format", "json", "--quiet"], input: input)
    guard result.status == 0 else { throw Failure(text: "\(arguments): \(result.errorText)") }
    return try JSONParser.parse(result.outputText)
  }

  func installModel() throws {
    let result = try run([
      "model", "import", Checkout.fixture("models/tiny-bert").string, "--name", Self.model,
    ])
    guard result.status == 0 else { throw Failure(text: result.errorText) }
  }

  /// Installs a corpus of `count` short passages, with two questions and their judgements.
  func installCorpus(_ name: String, count: Int) throws {
    let words = ["gout", "sleep", "iron", "fever", "heart", "kidney", "asthma", "migraine"]
    let passages = (0..<count).map { number in
      let text = (0..<6).map { words[(number * 7 + $0 * ($0 + number)) % words.count] }
        .joined(separator: " ")
      return
        #"{"_id": "p\#(number)", "title": "Passage \#(number)", "text": "\#(text) \#(number)"}"#
    }
    let file = try directory.write(
      "\(name)/passages.jsonl", text: passages.joined(separator: "\n") + "\n")
    let queries = try directory.write(
      "\(name)/queries.jsonl",
      text: """
        {"_id": "q1", "text": "gout and sleep"}
        {"_id": "q2", "text": "iron in the heart"}

        """)
    let qrels = try directory.write(
      "\(name)/qrels.tsv",
      text: "query-id\tcorpus-id\tscore\nq1\tp0\t1\nq1\tp1\t1\nq2\tp2\t1\n")
    let result = try run([
      "corpus", "import", name, "--passages", file.string, "--queries",
      "test=\(queries.string)", "--qrels", "test=\(qrels.string)",
    ])
    guard result.status == 0 else { throw Failure(text: result.errorText) }
  }
}

extension JSONValue {
  /// A member of an object or an element of an array, for short paths in tests.
  subscript(key: String) -> JSONValue? { objectValue?[key] }
  subscript(index: Int) -> JSONValue? {
    guard let items = arrayValue, items.indices.contains(index) else { return nil }
    return items[index]
  }
}
