import Basics
import Corpus
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct ExportTests {
  let folder: TemporaryDirectory
  let importer: CorpusImporter

  init() throws {
    folder = try TemporaryDirectory()
    importer = CorpusImporter(
      library: CorpusLibrary(bundled: nil, installed: folder.file("home/corpora")))
  }

  /// Passages and questions with everything that a row can hold.
  private func bundle(judged: Bool = true) throws -> CorpusBundle {
    let passages = try folder.write(
      "in/passages.jsonl",
      text: """
        {"_id":"a/1","title":"A \\u0301\\"","text":"First\\nline\\u2028é e\\u0301","url":"x","metadata":{"n":1.5}}
        {"_id":"b c","text":"日本 \\ud83d\\ude00 \\u202e"}
        {"_id":"é","title":"","text":""}
        """)
    let queries = try folder.write(
      "in/queries.jsonl",
      text: """
        {"_id":"1","text":"Q?","metadata":{"options":{"A":"x","B":"y"},"answer":"B","gold":["a/1","é"]}}
        {"_id":"2","text":"R?","topic":"t"}
        """)
    var request = ImportRequest(name: "first", passages: [.init(passages, reader: .beir)])
    request.queries = [.init("test", .init(queries))]
    if judged {
      let qrels = try folder.write(
        "in/qrels.tsv", text: "query-id\tcorpus-id\tscore\n1\ta/1\t2\n1\tb c\t-1\n2\té\t0\n")
      request.judgements = [.init(path: qrels)]
    }
    request.replacesExisting = true
    return try importer.run(request).bundle
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: folder.file(path).string, encoding: .utf8)
  }

  @Test func `what was exported imports as the same corpus`() throws {
    let bundle = try bundle()
    var told = 0
    let report = try BEIRExport(bundle, set: "test").write(
      to: folder.file("deep/out"), advance: { told += $0 })
    #expect(report.passages == 3 && report.queries == 2 && report.judgements == 3)
    #expect(told == 3)
    #expect(try folder.file("deep").names() == ["out"])
    #expect(try folder.file("deep/out").names() == ["corpus.jsonl", "qrels", "queries.jsonl"])
    #expect(
      try text("deep/out/qrels/test.tsv")
        == "query-id\tcorpus-id\tscore\n1\ta/1\t2\n1\tb c\t-1\n2\té\t0\n")
    var request = ImportRequest(
      name: "second", passages: [.init(folder.file("deep/out/corpus.jsonl"))])
    request.queries = [.init("test", .init(folder.file("deep/out/queries.jsonl")))]
    request.judgements = [.init(path: folder.file("deep/out/qrels/test.tsv"))]
    let again = try importer.run(request).bundle
    #expect(again.checksum == bundle.checksum)
    #expect(again.passagesChecksum == bundle.passagesChecksum)
    #expect(try again.queries("test") == bundle.queries("test"))
  }

  @Test func `gold passages are judgements where there is no file of them`() throws {
    let bundle = try bundle(judged: false)
    // A bundle as a person may write it: the questions name their passages, and nothing else does.
    try FileManager.default.removeItem(atPath: bundle.directory.appending("qrels").string)
    let path = bundle.directory.appending("bundle.json")
    var manifest = try JSONParser.parse(contentsOf: path).requiredObject()
    manifest["qrels"] = .object(JSONObject())
    try JSONValue.object(manifest).serialized().write(
      toFile: path.string, atomically: true, encoding: .utf8)
    let bare = try importer.library.bundle(named: "first")
    #expect(bare.qrelsPath("test") == nil)
    let report = try BEIRExport(bare, set: "test").write(to: folder.file("out"))
    #expect(report.judgements == 2)
    #expect(
      try text("out/qrels/test.tsv") == "query-id\tcorpus-id\tscore\n1\ta/1\t1\n1\té\t1\n")
    // The passages alone.
    let alone = try BEIRExport(bare, set: nil).write(to: folder.file("alone"))
    #expect(alone.passages == 3 && alone.queries == nil && alone.judgements == nil)
    #expect(try folder.file("alone").names() == ["corpus.jsonl"])
  }

  @Test func `nothing but an earlier export is ever replaced`() throws {
    let bundle = try bundle()
    let export = BEIRExport(bundle, set: "test")
    try FileManager.default.createDirectory(
      atPath: folder.file("out").string, withIntermediateDirectories: false)
    _ = try export.write(to: folder.file("out"))
    _ = try folder.write("out/queries.jsonl", text: "mine\n")
    #expect(throws: UsageError.self) { try export.write(to: folder.file("out")) }
    #expect(try text("out/queries.jsonl") == "mine\n")
    _ = try export.write(to: folder.file("out"), force: true)
    #expect(try text("out/queries.jsonl").hasPrefix(#"{"_id""#))

    _ = try folder.write("out/qrels/dev.tsv", text: "")
    let error = #expect(throws: UsageError.self) {
      try export.write(to: folder.file("out"), force: true)
    }
    #expect(error?.message.contains("holds 'qrels'") == true)
    _ = try folder.write("home2/notes.txt", text: "mine")
    #expect(throws: UsageError.self) { try export.write(to: folder.file("home2"), force: true) }
    #expect(try text("home2/notes.txt") == "mine")

    // A link is not followed and not replaced; a file is not a folder.
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link").string, withDestinationPath: "home2")
    for name in ["link", "home2/notes.txt", "..", "home2/notes.txt/below"] {
      let error = #expect(throws: FileError.self) {
        try export.write(to: folder.file(name), force: true)
      }
      #expect(error?.exitStatus == .cannotCreate)
    }
    #expect(throws: UsageError.self) {
      try BEIRExport(bundle, set: "tset").write(to: folder.file("none"))
    }
    #expect(try folder.path.names() == ["home", "home2", "in", "link", "out"])
  }

  @Test func `a corpus that is damaged leaves nothing behind`() throws {
    let bundle = try bundle()
    let export = BEIRExport(bundle, set: "test")
    _ = try export.write(to: folder.file("out"))
    let before = try text("out/corpus.jsonl")
    // The same size, so that the damage is met on the way.
    let passages = bundle.directory.appending("passages.jsonl")
    var bytes = try FileBytes.read(passages, limit: 1 << 20)
    bytes[bytes.count - 3] = UInt8(ascii: "x")
    try Data(bytes).write(to: URL(fileURLWithPath: passages.string))
    for (target, force) in [("new", false), ("out", true)] {
      #expect(throws: InputError.self) {
        try export.write(to: folder.file(target), force: force)
      }
    }
    #expect(try text("out/corpus.jsonl") == before)
    #expect(try folder.path.names() == ["home", "in", "out"])
  }

  /// What a killed process left beside the target goes with the next export; a living one's stays.
  @Test func `folders of dead processes are removed`() throws {
    let bundle = try bundle()
    let dead = try ChildProcess("/bin/true")
    _ = dead.wait()
    _ = try folder.write(".ragbench-export-\(dead.id)-1/corpus.jsonl", text: "half")
    _ = try folder.write(".ragbench-export-\(getpid())-1/corpus.jsonl", text: "half")
    _ = try BEIRExport(bundle, set: nil).write(to: folder.file("out"))
    #expect(
      try folder.path.names() == [".ragbench-export-\(getpid())-1", "home", "in", "out"])
    // Killed between the two renames: the old export is there again, and needs --force.
    try FileManager.default.moveItem(
      atPath: folder.file("out").string, toPath: folder.file(".out.replaced-\(dead.id)").string)
    #expect(throws: UsageError.self) {
      try BEIRExport(bundle, set: nil).write(to: folder.file("out"))
    }
    #expect(
      try folder.path.names() == [".ragbench-export-\(getpid())-1", "home", "in", "out"])
  }
}
