import Basics
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Files, names and corpora that are not what a command hopes for, through the program.
@Suite struct SourceFaultTests {
  private static let retriever = ["--retriever", Command.model]

  /// FAULTS 27: 66 with the reason, and no endless read.
  @Test(arguments: [
    ("pipe", "a named pipe"), ("loop", "symbolic links"), ("zero", "a device"),
    ("missing", "No such file"),
  ]) func whatIsNoRegularFileEndsWith66(name: String, reason: String) throws {
    let command = try Command.ready.get()
    let directory = try TemporaryDirectory()
    _ = directory.file("pipe").withPlatformString { mkfifo($0, 0o600) }
    for (link, target) in [("loop", "loop"), ("zero", "/dev/zero")] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file(link).string, withDestinationPath: target)
    }
    let path = directory.file(name).string
    let medqa = ["--corpus", "medqa"]
    for arguments in [
      ["corpus", "import", "x", "--passages", path],
      ["eval", "--run", path] + medqa, ["eval", "--bm25", "--qrels", path] + medqa,
      ["index", "add", path] + medqa + Self.retriever,
      ["attack", "--paraphrases", path, "--output", directory.file("run").string] + medqa
        + Self.retriever,
    ] {
      let result = try command.run(arguments, timeout: .seconds(30))
      #expect(result.status == 66, "\(arguments): \(result.errorText)")
      #expect(result.errorText.contains(reason), "\(arguments): \(result.errorText)")
    }
  }

  /// FAULTS 27: a folder is a corpus of texts and nothing else.
  @Test func aFolderIsNoRunAndNoJudgements() throws {
    let command = try Command.ready.get()
    for option in [["--run"], ["--bm25", "--qrels"]] {
      let result = try command.run(["eval", "--corpus", "medqa"] + option + ["/"])
      #expect(result.status == 66 && result.errorText.contains("a directory"))
    }
  }

  /// FAULTS 81: names that are hostile to a shell, to SQL or to an option parser are names.
  @Test(arguments: ["it's \"; DROP TABLE documents;-- ", "-dash", "--k", "new\nline", "%s%n ü"])
  func namesAreOnlyNames(name: String) throws {
    let command = try Command()
    try command.installModel()
    let file = try command.directory.write(
      "\(name)/\(name).jsonl", text: #"{"_id": "a'b\"c; --", "text": "gout"}"# + "\n")
    // With `=` an option takes any value, also one that looks like an option.
    let source = command.directory.file(name).appending("\(name).jsonl").string
    let imported = try command.run(["corpus", "import", "named", "--passages=\(source)"])
    #expect(imported.status == 0, "\(imported.errorText)")
    #expect(file.string == source)
    let home = command.directory.file("home of \(name)").string
    try FileManager.default.moveItem(atPath: command.home.string, toPath: home)
    let answer = try command.run(
      ["query", "--corpus", "named", "--hybrid", "bm25", "--format", "json", "--quiet"]
        + Self.retriever + ["--", "'; DROP TABLE documents; -- \" OR 1=1 NEAR( \(name)"],
      environment: ["RAGBENCH_HOME": home])
    #expect(answer.status == 0, "\(answer.errorText)")
    let results = try JSONParser.parse(answer.outputText)["results"]
    #expect(results?[0]?["id"]?.stringValue == "a'b\"c; --")
  }

  /// FAULTS 19 and 81: bytes that are no text are never repaired on the quiet.
  @Test func whatIsNotUTF8IsRefused() throws {
    let command = try Command.ready.get()
    let question = try command.shell(
      #""$RAGBENCH" query --corpus medqa --retriever tiny-bert "$(printf 'gout \377')""#)
    #expect(question.status == 64, "\(question.errorText)")
    #expect(question.errorText.contains("argument 6, 'gout \u{FFFD}', is not valid UTF-8"))
    let home = try command.shell(
      #"RAGBENCH_HOME="$(printf '/tmp/x\377')" "$RAGBENCH" env"#)
    #expect(home.status == 64 && home.errorText.contains("RAGBENCH_HOME is not valid UTF-8"))
    // In a folder such a name costs one record.
    let own = try Command()
    try own.directory.write("folder/good.txt", text: "gout")
    let folder = own.directory.file("folder").string
    let made = try own.shell("cd '\(folder)' && touch \"$(printf 'bad\\377.txt')\"")
    #expect(made.status == 0)
    let refused = try own.run(["corpus", "import", "texts", "--passages", folder])
    #expect(refused.status == 65, "\(refused.errorText)")
    #expect(refused.errorText.contains("the name is not valid UTF-8"), "\(refused.errorText)")
    let taken = try own.run([
      "corpus", "import", "texts", "--passages", folder, "--max-rejects", "1",
    ])
    #expect(taken.status == 0 && taken.errorText.contains("1 passages"), "\(taken.errorText)")
  }

  /// FAULTS 30 and 84: corpora at the edge work, and what cannot be measured is not called 0 %.
  @Test(arguments: [
    (0, "text"), (1, "gout"), (6, "gout and pain"), (5, ""),
  ]) func cornerCorporaWork(count: Int, text: String) throws {
    let command = try Command()
    try command.installModel()
    let rows = (0..<count).map { #"{"_id": "d\#($0)", "text": "\#(text)"}"# + "\n" }.joined()
    let passages = try command.directory.write("p.jsonl", text: rows)
    let queries = try command.directory.write(
      "q.jsonl", text: #"{"_id": "q", "text": "gout"}"# + "\n" + #"{"_id": "r", "text": "x"}"#)
    let imported = try command.run([
      "corpus", "import", "corner", "--passages", passages.string, "--reader", "beir", "--queries",
      "test=\(queries.string)",
    ])
    #expect(imported.status == 0, "\(imported.errorText)")
    let embedded = text.isEmpty ? 0 : count
    let corner = ["--corpus", "corner"] + Self.retriever
    for kind in ["Flat", "HNSW8"] {
      let built = try command.json(["index", "build", "--kind", kind] + corner)
      #expect(built["passages"]?.intValue == count)
      #expect(built["vectors"]?.intValue == embedded)
      let answer = try command.json(["query", "gout", "--kind", kind] + corner)
      #expect(answer["results"]?.arrayValue?.count == embedded)
    }
    let exact = try command.json(["query", "gout"] + corner)["results"]?.arrayValue ?? []
    #expect(exact.compactMap { $0["id"]?.stringValue } == (0..<embedded).map { "d\($0)" })
    #expect(try command.run(["index", "verify", "--corpus", "corner"]).status == 0)

    let run = command.directory.file("run").string
    let attack = try command.json(
      ["attack", "--payload", "pii", "--k", "10", "--output", run] + corner)
    let cells = try #require(attack["retrievers"]?[0]?["cells"]?.arrayValue)
    #expect(cells.compactMap { $0["questions"]?.intValue } == [2])
    // Fewer competitors than k: whatever is added is found.
    #expect(cells[0]["success"]?[0]?["own"]?["rate"]?.doubleValue == 1)
    let detection = try #require(attack["retrievers"]?[0]?["detection"])
    let unfitted = detection[0]?["unfitted"]?.arrayValue ?? []
    #expect(!unfitted.isEmpty, "\(detection)")
    #expect(unfitted.allSatisfy { $0["notApplicable"]?.stringValue?.isEmpty == false })
    let shown = try command.run(
      ["attack", "--payload", "pii", "--output", run, "--force"] + corner)
    #expect(shown.status == 0 && shown.outputText.contains("n/a"), "\(shown.errorText)")
    #expect(shown.outputText.contains("not applicable"), "\(shown.outputText)")
  }

  /// FAULTS 82: what a finished run, or somebody's folder, holds is left alone.
  @Test func aDirectoryWithSomethingInItIsNotOverwritten() throws {
    let command = try Command.ready.get()
    let directory = try TemporaryDirectory()
    let run = directory.file("run")
    let arguments = [
      "attack", "--corpus", "medqa", "--payload", "pii", "--queries", "research", "--limit", "3",
      "--no-detection", "--output", run.string,
    ]
    #expect(try command.run(arguments + Self.retriever).status == 0)
    let before = try FileBytes.read(run.appending("results.json"), limit: 1 << 20)
    for (extra, reason) in [([], "--force"), (["--seed", "2"], "seed")] as [([String], String)] {
      let refused = try command.run(arguments + Self.retriever + extra)
      #expect(refused.status == 64 && refused.errorText.contains(reason), "\(refused.errorText)")
    }
    try directory.write("mine/notes.txt", text: "mine")
    let mine = directory.file("mine").string
    for extra in [[], ["--force"]] {
      let refused = try command.run(
        arguments.dropLast() + [mine] + Self.retriever + extra)
      #expect(refused.status == 64 && refused.errorText.contains("notes.txt"))
    }
    #expect(try directory.file("mine").entries() == ["notes.txt"])
    #expect(try FileBytes.read(run.appending("results.json"), limit: 1 << 20) == before)
  }

  /// FAULTS 31 and 32: a damaged index file is refused, with the command that makes it again.
  @Test(arguments: ["Flat", "HNSW8", "IVF4,Flat"])
  func aDamagedIndexFileNamesTheCommand(kind: String) throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 40)
    let tiny = ["--corpus", "tiny"] + Self.retriever
    let built = try command.json(["index", "build", "--kind", kind] + tiny)
    let index = FilePath(try #require(built["folder"]?.stringValue))
    let name = try #require(try index.entries().first { $0.hasPrefix("\(Command.model)-") })
    let folder = index.appending(name)
    for name in ["index.faiss", "index.json"] {
      let path = folder.appending(name)
      let bytes = try FileBytes.read(path, limit: 1 << 24)
      var damaged: [[UInt8]] = [0, 1, 4, bytes.count / 2, bytes.count - 2].map {
        Array(bytes[..<$0])
      }
      for position in [0, 5, bytes.count / 3, bytes.count - 2] {
        var changed = bytes
        changed[position] ^= 0xFF
        damaged.append(changed)
      }
      damaged.append(bytes + [0])
      for content in damaged {
        try Data(content).write(to: URL(fileURLWithPath: path.string))
        let result = try command.run(["query", "gout", "--kind", kind] + tiny)
        #expect(result.status == 65, "\(name), \(content.count) bytes: \(result.errorText)")
        #expect(
          result.errorText.contains("ragbench index build --corpus tiny"), "\(result.errorText)")
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    }
    #expect(try command.run(["query", "gout", "--kind", kind] + tiny).status == 0)
  }
}

extension FilePath {
  /// The names in a folder, sorted.
  func entries() throws -> [String] { try DirectoryListing.names(in: self) }
}
