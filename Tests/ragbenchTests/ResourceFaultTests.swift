import Basics
import Foundation
import GRDB
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Full disks, places that cannot be written, other processes, and too little memory, through the
/// program (FAULTS 47 to 51).
@Suite struct ResourceFaultTests {
  private static let retriever = ["--retriever", Command.model]

  /// A home with the tiny model and a corpus of 400 passages, not yet indexed.
  private func home() throws -> Command {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 400)
    return command
  }

  private func quoted(_ arguments: [String]) -> String {
    arguments.map { "'\($0)'" }.joined(separator: " ")
  }

  // MARK: - 47: no room

  /// A limit on the size of files stands for a full disk: no privileges are needed for it.
  @Test(arguments: [1, 4, 16, 64, 128, 256]) func whatDoesNotFitEndsWith74AndGoesOnLater(
    blocks: Int
  ) throws {
    let command = try home()
    let run = command.directory.file("run").string
    let passages = command.directory.file("tiny/passages.jsonl").string
    let written = command.directory.file("written.trec").string
    let steps = [
      ["corpus", "import", "second", "--passages", passages],
      ["model", "import", Checkout.fixture("models/tiny-bert").string, "--name", "second"],
      ["index", "build", "--corpus", "tiny", "--kind", "Flat"] + Self.retriever,
      ["eval", "--corpus", "tiny", "--bm25", "--write-run", written],
      ["attack", "--corpus", "tiny", "--payload", "pii", "--output", run] + Self.retriever,
      ["corpus", "export", "tiny", "--output", command.directory.file("out").string],
    ]
    var failures = 0
    for arguments in steps {
      // Blocks of 512 bytes, as POSIX has it for sh.
      let limited = try command.shell(
        "ulimit -f \(blocks); exec \"$RAGBENCH\" \(quoted(arguments)) --quiet")
      #expect(limited.signal == nil, "\(arguments)")
      #expect(limited.status == 74 || limited.status == 0, "\(arguments): \(limited.errorText)")
      if limited.status == 74 {
        failures += 1
        #expect(
          limited.errorText.contains(command.directory.path.string), "\(limited.errorText)")
      }
      // With room again the same command does its work; nothing was left in its way.
      let again = limited.status == 0 ? limited : try command.run(arguments + ["--quiet"])
      #expect(again.status == 0, "\(arguments): \(again.errorText)")
    }
    #expect(failures > 0 || blocks > 128)
    let doctor = try command.run(["doctor", "--quiet"])
    #expect(doctor.status == 0, "\(doctor.outputText)")
    let left = try FileManager.default.subpathsOfDirectory(atPath: command.directory.path.string)
      .filter {
        $0.contains(".ragbench-") || $0.contains(".importing-") || $0.contains(".install-")
      }
    #expect(left == [])
  }

  /// A real full disk, where the test may mount one.
  @Test func aFullDiskEndsWith74AndGoesOnLater() throws {
    let command = try home()
    let disk = command.directory.file("disk").string
    let mounted = try command.shell(
      "mkdir '\(disk)' && mount -t tmpfs -o size=700k tmpfs '\(disk)'")
    guard mounted.status == 0 else {
      FileHandle.standardError.write(
        Data("\n*** SKIPPED \(#function): no tmpfs can be mounted: \(mounted.errorText)".utf8))
      return
    }
    defer { _ = try? command.shell("umount '\(disk)'") }
    let home: [String: String?] = ["RAGBENCH_HOME": disk]
    for folder in ["models", "corpora"] {
      try FileManager.default.copyItem(
        atPath: command.home.appending(folder).string, toPath: "\(disk)/\(folder)")
    }
    let build =
      ["index", "build", "--corpus", "tiny", "--kind", "Flat", "--quiet"] + Self.retriever
    let attack =
      ["attack", "--corpus", "tiny", "--payload", "pii", "--output", "\(disk)/run", "--quiet"]
      + Self.retriever
    let full = try command.run(build, environment: home)
    #expect(full.status == 74, "\(full.errorText)")
    #expect(full.errorText.contains(disk), "\(full.errorText)")
    #expect(try command.shell("mount -o remount,size=8m '\(disk)'").status == 0)
    let built = try command.run(build, environment: home)
    #expect(built.status == 0, "\(built.errorText)")
    // All but a few pages are taken: the run's own files do not fit.
    #expect(
      try command.shell(
        "dd if=/dev/zero of='\(disk)/filler' bs=4k 2>/dev/null; truncate -s -12k '\(disk)/filler'"
      ).status == 0)
    let stopped = try command.run(attack, environment: home)
    #expect(stopped.status == 74, "\(stopped.errorText)")
    #expect(stopped.errorText.contains(disk))
    try FileManager.default.removeItem(atPath: "\(disk)/filler")
    let resumed = try command.run(attack, environment: home)
    #expect(resumed.status == 0, "\(resumed.errorText)")
    let doctor = try command.run(["doctor", "--quiet"], environment: home)
    #expect(doctor.status == 0, "\(doctor.outputText)")
  }

  // MARK: - 48: places that cannot be written

  @Test func placesThatCannotBeEndWith73BeforeTheWork() throws {
    let command = try Command.ready.get()
    let directory = try TemporaryDirectory()
    let file = try directory.write("file", text: "in the way")
    let long = String(repeating: "x", count: 5000)
    let deep = directory.path.appending(Array(repeating: "d", count: 2100).joined(separator: "/"))
    for target in [file.appending("x").string, directory.file(long).string, deep.string] {
      for arguments in [
        ["attack", "--corpus", "medqa", "--output", target] + Self.retriever,
        ["detect", "--corpus", "medqa", "--output", target] + Self.retriever,
        ["detect", "fit", "--corpus", "medqa", "--output", target] + Self.retriever,
        ["eval", "--corpus", "medqa", "--bm25", "--write-run", target],
        ["corpus", "export", "medqa", "--output", target],
      ] {
        let result = try command.run(arguments)
        #expect(result.status == 73, "\(arguments.prefix(3)): \(result.errorText.prefix(300))")
        #expect(result.output.isEmpty)
      }
    }
    // A missing parent is made for a directory, and is 73 for a file.
    let missing = directory.file("missing/run.trec").string
    let refused = try command.run([
      "eval", "--corpus", "medqa", "--bm25", "--write-run", missing,
    ])
    #expect(refused.status == 73 && refused.errorText.contains("No such file"))
    let exported = try command.run([
      "corpus", "export", "medqa", "--output", directory.file("a/new\nline").string,
    ])
    #expect(exported.status == 0, "\(exported.errorText)")
    #expect(try directory.file("a").entries() == ["new\nline"])
  }

  /// Root may write anywhere, so a user without rights runs the program.
  @Test func aReadOnlyHomeIsReadAndNotWritten() throws {
    let command = try home()
    let build = ["index", "build", "--corpus", "tiny", "--kind", "Flat"] + Self.retriever
    _ = try command.json(build)
    let queries = ["eval", "--corpus", "tiny"] + Self.retriever
    _ = try command.json(queries)
    let locked = try command.shell(
      "chmod -R a+rX '\(command.directory.path)' && chmod -R a-w '\(command.home)'")
    #expect(locked.status == 0)
    defer { _ = try? command.shell("chmod -R u+w '\(command.home)'") }
    let asNobody =
      getuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
    guard try command.shell(asNobody + "true").status == 0 else {
      FileHandle.standardError.write(
        Data("\n*** SKIPPED \(#function): no setpriv\n".utf8))
      return
    }
    func run(_ arguments: [String]) throws -> ChildProcess.Result {
      try command.shell("cd / && exec \(asNobody)\"$RAGBENCH\" \(quoted(arguments)) --quiet")
    }
    for arguments in [
      [
        "corpus", "import", "x", "--passages", command.directory.file("tiny/passages.jsonl").string,
      ],
      ["model", "import", Checkout.fixture("models/tiny-bert").string, "--name", "x"],
      ["index", "add", command.directory.file("tiny/passages.jsonl").string, "--corpus", "tiny"]
        + Self.retriever,
      ["attack", "--corpus", "tiny"] + Self.retriever,
    ] {
      let result = try run(arguments)
      #expect(result.status == 73, "\(arguments): \(result.errorText)")
      #expect(result.errorText.contains(command.home.string), "\(result.errorText)")
    }
    for arguments in [
      ["query", "gout", "--corpus", "tiny"] + Self.retriever,
      ["query", "gout", "--corpus", "tiny", "--kind", "Flat"] + Self.retriever,
      ["corpus", "list"], ["model", "list"], ["env"], ["index", "verify", "--corpus", "tiny"],
    ] {
      let result = try run(arguments)
      #expect(result.status == 0, "\(arguments): \(result.errorText)")
    }
    // What could not be checked is no damage.
    let doctor = try run(["doctor"])
    #expect(doctor.status == 0, "\(doctor.outputText)\(doctor.errorText)")
  }

  // MARK: - 49 and 50: other processes

  @Test func aRunDirectoryHasOneWriter() throws {
    let command = try Command.ready.get()
    let directory = try TemporaryDirectory()
    let run = directory.file("run").string
    let arguments =
      [
        "attack", "--corpus", "medqa", "--payload", "pii", "--limit", "3", "--no-detection",
        "--output", run,
      ] + Self.retriever
    let refused = try command.shell(
      """
      mkdir '\(run)'; exec 9>>'\(run)/lock'; flock -n 9 || exit 99
      "$RAGBENCH" \(quoted(arguments))
      """)
    #expect(refused.status == 75, "\(refused.errorText)")
    #expect(refused.errorText.contains("is locked by"))
    #expect(try FilePath(run).entries() == ["lock"])
    let free = try command.run(arguments)
    #expect(free.status == 0, "\(free.errorText)")
  }

  /// Another program inside the database: readers go on, a writer waits, then says why not.
  @Test func anotherWriterInTheDatabase() throws {
    let command = try home()
    let build = ["index", "build", "--corpus", "tiny"] + Self.retriever
    let folder = try #require(command.json(build)["folder"]?.stringValue)
    let more = try command.directory.write(
      "more.jsonl", text: #"{"_id": "new", "text": "gout"}"# + "\n")
    let add = ["index", "add", more.string, "--corpus", "tiny"] + Self.retriever
    let query = ["query", "gout", "--corpus", "tiny", "--k", "1"] + Self.retriever

    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let queue = try DatabaseQueue(path: folder + "/store.sqlite", configuration: configuration)
    try queue.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
    let read = try command.run(query)
    #expect(read.status == 0, "\(read.errorText)")
    let clock = ContinuousClock.now
    let refused = try command.run(add)
    #expect(refused.status == 75, "\(refused.errorText)")
    #expect(refused.errorText.contains("kept busy by another process"))
    #expect(ContinuousClock.now - clock < .seconds(60))

    // Given back while the writer waits: it goes on, and nothing is lost.
    let waiting = try command.start(add)
    usleep(700_000)
    try queue.inDatabase { try $0.execute(sql: "COMMIT") }
    let done = waiting.wait()
    #expect(done.status == 0, "\(String(decoding: done.errors, as: UTF8.self))")
    let verified = try command.run(["index", "verify", "--corpus", "tiny"])
    #expect(verified.status == 0, "\(verified.outputText)")
    let info = try command.json(["index", "info", "--corpus", "tiny"])
    #expect(info[0]?["documents"]?.intValue == 401)
  }

  // MARK: - 51: too little memory

  /// A BERT of 300 MB whose numbers are a hole in the file: refused by an estimate, not by a crash.
  @Test(arguments: [0, 1]) func aModelLargerThanMemoryIsRefused(padding: Int) throws {
    let command = try Command()
    let folder = command.directory.file("large")
    // At an odd place the numbers cannot be used where they lie and are copied as well.
    try Self.writeLargeModel(to: folder, padding: padding)
    var refused = 0
    for kilobytes in stride(from: 400_000, through: 1_300_000, by: 100_000) {
      let result = try command.shell(
        #"ulimit -v \#(kilobytes); exec "$RAGBENCH" model info '\#(folder)'"#)
      #expect(result.signal == nil, "\(kilobytes) KiB: \(result.errorText.prefix(200))")
      #expect(result.status == 74 || result.status == 0, "\(kilobytes) KiB: \(result.errorText)")
      if result.errorText.contains("the model in '") { refused += 1 }
    }
    // There is room to start and to map the file, and none to pack it.
    #expect(refused > 0)
    let enough = try command.run(["model", "info", folder.string])
    #expect(enough.status == 0, "\(enough.errorText)")
  }

  /// Under a limit a sentence or the answer, and an end in any case: OpenBLAS' threads wait for memory
  /// for ever.
  @Test(arguments: [260_000, 400_000, 600_000]) func littleMemoryIsNoWaitWithoutEnd(
    kilobytes: Int
  ) throws {
    let command = try Command.ready.get()
    for arguments in [
      ["query", "gout", "--corpus", "medqa", "--threads", "2"] + Self.retriever, ["env"],
      ["corpus", "list"], ["eval", "--corpus", "medqa", "--bm25"],
    ] {
      let child = try ChildProcess(
        "/bin/sh",
        [
          "-c",
          "ulimit -v \(kilobytes); exec '\(try Command.executable())' \(quoted(arguments)) --quiet",
        ], environment: command.environment)
      child.closeInput()
      let result = child.wait(timeout: .seconds(60))
      #expect(!result.isTimedOut, "\(arguments) at \(kilobytes) KiB")
      #expect(
        result.status == (kilobytes < 524_288 ? 74 : 0), "\(arguments): \(result.errorText)")
      #expect(result.errorText.contains("ragbench needs about 512 MiB") == (kilobytes < 524_288))
    }
  }

  private static func writeLargeModel(to folder: FilePath, padding: Int) throws {
    let (hidden, wide, layers, vocabulary) = (1024, 4096, 6, 200)
    try FileManager.default.createDirectory(
      atPath: folder.string, withIntermediateDirectories: true)
    for name in ["tokenizer.json", "vocab.txt"] {
      try FileManager.default.copyItem(
        atPath: Checkout.fixture("models/tiny-bert/\(name)").string,
        toPath: folder.appending(name).string)
    }
    var configuration = try JSONParser.parse(
      contentsOf: Checkout.fixture("models/tiny-bert/config.json")
    ).requiredObject()
    configuration["hidden_size"] = JSONValue(hidden)
    configuration["intermediate_size"] = JSONValue(wide)
    configuration["num_hidden_layers"] = JSONValue(layers)
    configuration["num_attention_heads"] = JSONValue(16)
    try AtomicFile.write(
      JSONValue.object(configuration).serialized(), to: folder.appending("config.json"))
    var tensors: [(String, [Int])] = [
      ("embeddings.word_embeddings.weight", [vocabulary, hidden]),
      ("embeddings.position_embeddings.weight", [160, hidden]),
      ("embeddings.token_type_embeddings.weight", [2, hidden]),
      ("embeddings.LayerNorm.weight", [hidden]), ("embeddings.LayerNorm.bias", [hidden]),
    ]
    for layer in 0..<layers {
      let name = "encoder.layer.\(layer)."
      for part in ["attention.self.query", "attention.self.key", "attention.self.value"] {
        tensors += [
          ("\(name)\(part).weight", [hidden, hidden]), ("\(name)\(part).bias", [hidden]),
        ]
      }
      for (part, outputs, inputs) in [
        ("attention.output.dense", hidden, hidden), ("intermediate.dense", wide, hidden),
        ("output.dense", hidden, wide),
      ] {
        tensors += [
          ("\(name)\(part).weight", [outputs, inputs]), ("\(name)\(part).bias", [outputs]),
        ]
      }
      for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
        tensors += [("\(name)\(part).weight", [hidden]), ("\(name)\(part).bias", [hidden])]
      }
    }
    var header = JSONObject()
    var offset = 0
    for (name, shape) in tensors {
      let end = offset + shape.reduce(4, *)
      header[name] = .object([
        "dtype": .string("F32"), "shape": .array(shape.map { JSONValue($0) }),
        "data_offsets": .array([JSONValue(offset), JSONValue(end)]),
      ])
      offset = end
    }
    var text = Array(try JSONValue.object(header).serialized().utf8)
    while text.count % 8 != padding { text.append(UInt8(ascii: " ")) }
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    let path = folder.appending("model.safetensors")
    try Data(length + text).write(to: URL(fileURLWithPath: path.string))
    #expect(truncate(path.string, off_t(8 + text.count + offset)) == 0)
  }
}
