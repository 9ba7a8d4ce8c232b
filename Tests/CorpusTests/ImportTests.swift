import Basics
import Corpus
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct ImportTests {
  let folder: TemporaryDirectory
  let importer: CorpusImporter

  init() throws {
    folder = try TemporaryDirectory()
    importer = CorpusImporter(
      library: CorpusLibrary(bundled: nil, installed: folder.file("home/corpora")))
  }

  func request(_ passages: String, name: String = "mine") throws -> ImportRequest {
    ImportRequest(
      name: name, passages: [.init(try folder.write("p.jsonl", text: passages), reader: .beir)])
  }

  func passages(_ bundle: CorpusBundle) throws -> [Passage] {
    var passages: [Passage] = []
    try bundle.forEachPassage { passages.append($0) }
    return passages
  }

  static let three = """
    {"_id":"a","title":"A","text":"First. Second."}
    {"_id":"b","text":"Third."}
    {"_id":"c","text":"Fourth."}
    """

  @Test func `a corpus with queries, judgements and payloads is installed and read back`() throws {
    var request = try request(Self.three)
    let queries = try folder.write(
      "q.jsonl",
      text: """
        {"_id":"1","text":"Q?","metadata":{"gold":["a","zz"]}}
        {"_id":"2","text":"R?"}
        """)
    request.queries = [.init("one", .init(queries)), .init("two", .init(queries))]
    request.judgements = [
      .init(set: "two", path: try folder.write("r.tsv", text: "1\tb\t2\n9\tb\t1\n1\tx\t0\n"))
    ]
    request.judgedOnly = ["two"]
    request.payloads = [.init("pay", .init(try folder.write("pay.txt", text: "One.\n\nTwo.\n")))]
    let report = try importer.run(request)
    #expect(report.documents == 3 && report.passages == 3 && report.rejects == 0)
    #expect(report.unknownGold.map(\.set) == ["one", "two"])
    #expect(report.unknownJudgements.map(\.queries) == [1])
    #expect(report.unknownJudgements.map(\.documents) == [1])
    let bundle = try importer.library.bundle(named: "mine")
    try bundle.verify()
    #expect(bundle.origin == .installed)
    #expect(try passages(bundle).map(\.id) == ["a", "b", "c"])
    #expect(try bundle.queries("one").map(\.goldPassages) == [["a"], []])
    #expect(try bundle.queries("two").map(\.id) == ["1"])
    #expect(try bundle.payloads("pay").map(\.text) == ["One.", "Two."])
    let one = try String(contentsOfFile: #require(bundle.qrelsPath("one")).string, encoding: .utf8)
    #expect(one == "query-id\tcorpus-id\tscore\n1\ta\t1\n")
    let two = try String(contentsOfFile: #require(bundle.qrelsPath("two")).string, encoding: .utf8)
    #expect(two == "query-id\tcorpus-id\tscore\n1\tb\t2\n9\tb\t1\n1\tx\t0\n")
    #expect(
      try folder.file("home/corpora").names() == [".mine.lock", "mine"])
  }

  @Test func `an installed corpus is replaced only on request, and the same files give the same`()
    throws
  {
    var request = try request(Self.three)
    let first = try importer.run(request)
    #expect(throws: UsageError.self) { try importer.run(request) }
    request.replacesExisting = true
    let second = try importer.run(request)
    #expect(first.bundle.checksum == second.bundle.checksum)
    _ = try folder.write("p.jsonl", text: Self.three + "\n{\"_id\":\"d\",\"text\":\"x\"}")
    let third = try importer.run(request)
    #expect(third.bundle.passagesChecksum != first.bundle.passagesChecksum)
    #expect(try folder.file("home/corpora").names() == [".mine.lock", "mine"])
  }

  /// FAULTS.md, rows 18 to 21, and 30.
  @Test(arguments: [
    (#"{"_id":"a","text":"x"} {"_id":"b","text":"y"}"#, "expected the end"),
    (#"{"_id":"a","text":"x"#, "p.jsonl:2"),
    (#"{"_id":"a","text":"\ud800"}"#, "surrogate"),
    (#"{"_id":"a","text":"\u0000"}"#, "NUL"),
    (#"{"_id":"a","title":"x\u0000","text":""}"#, "NUL"),
    (#"{"_id":"","text":"x"}"#, "empty"),
    (#"{"_id":"a\tb","text":"x"}"#, "U+0009"),
    (#"{"_id":"a\nb","text":"x"}"#, "U+000A"),
    (#"{"_id":"first","text":"x"}"#, "p.jsonl:1"),
    (#"{"_id":"a"}"#, "'text'"),
    (#"{"_id":"a","text":5}"#, "expected a string"),
    (#"{"_id":true,"text":"x"}"#, "expected a string"),
    (#"["a"]"#, "expected an object"),
  ])
  func `one bad record costs one record`(row: String, hint: String) throws {
    let text =
      "\u{FEFF}{\"_id\":\"first\",\"text\":\"1\"}\r\n\(row)\r\n\r\n{\"_id\":\"last\",\"text\":\"2\"}"
    var request = try request(text)
    let error = #expect(throws: ImportRefused.self) { try importer.run(request) }
    #expect(error?.exitStatus == .badData)
    #expect(error?.count == 1)
    #expect(error?.description.contains(hint) == true, "\(String(describing: error))")
    #expect(
      try folder.file("home/corpora").names() == [".mine.lock", "mine.rejects.jsonl"])
    let list = try FileBytes.read(folder.file("home/corpora/mine.rejects.jsonl"), limit: 1 << 20)
    let entry = try JSONParser.parse(list).requiredObject()
    #expect(try entry.int("line") == 2)

    request.maximumRejects = 1
    let report = try importer.run(request)
    #expect(report.rejects == 1)
    #expect(report.rejectList != nil)
    #expect(try passages(report.bundle).map(\.id) == ["first", "last"])
  }

  @Test func `invalid bytes are refused with their offset, long ids with their length`() throws {
    let head = Array("{\"_id\":\"a\",\"text\":\"".utf8)
    let long = String(repeating: "i", count: 1 << 20)
    let bytes =
      head + [0xC0, 0xAF] + Array("\"}\n{\"_id\":\"\(long)\",\"text\":\"\"}\n".utf8)
    let request = ImportRequest(
      name: "mine", passages: [.init(try folder.write("p.jsonl", bytes), reader: .beir)])
    let error = #expect(throws: ImportRefused.self) { try importer.run(request) }
    #expect(error?.first.first?.place.byteOffset == head.count)
    #expect(error?.first.last?.message.contains("1048576 bytes") == true)
    #expect((error?.description.utf8.count ?? .max) < 2000)
  }

  @Test func `every reject is listed, the first ten are shown`() throws {
    let request = try request(String(repeating: "{\n", count: 25))
    let error = #expect(throws: ImportRefused.self) { try importer.run(request) }
    #expect(error?.count == 25)
    #expect(error?.first.count == RejectLog.shownCount)
    #expect(error?.description.contains("15 more") == true)
    var lines = try LineReader(folder.file("home/corpora/mine.rejects.jsonl"))
    var count = 0
    while try lines.next() != nil { count += 1 }
    #expect(count == 25)
  }

  @Test func `ids are compared by bytes, blank documents are kept`() throws {
    let request = try request(
      """
      {"_id":"\u{E9}","text":""}
      {"_id":"e\u{301}","text":" \\n"}
      {"_id":"E\u{301}","text":"\\u0001\\u200b"}
      {"_id":"a/b","text":"\\u202e[SEP]"}
      """)
    let report = try importer.run(request)
    #expect(report.passages == 4)
    #expect(report.blankPassages == 3)
    #expect(
      try passages(report.bundle).map { Array($0.text.unicodeScalars).map(\.value) } == [
        [], [0x20, 0x0A], [1, 0x200B], [0x202E] + "[SEP]".unicodeScalars.map(\.value),
      ])
  }

  @Test func `no documents, and a name that is not valid`() throws {
    var empty = try request("")
    #expect(try importer.run(empty).passages == 0)
    for name in ["", "A", "a/b", "..", ".a", "payloads", "ä", String(repeating: "a", count: 65)] {
      empty.name = name
      #expect(throws: UsageError.self) { try importer.run(empty) }
    }
  }

  @Test func `documents are cut, and judgements follow`() throws {
    var request = try request(Self.three)
    request.chunker = try Chunker(unit: .characters, size: 8)
    let queries = try folder.write("q.jsonl", text: #"{"_id":"1","text":"Q","gold":["a","b"]}"#)
    request.queries = [.init("s", .init(queries))]
    let report = try importer.run(request)
    #expect(report.documents == 3)
    #expect(try passages(report.bundle).map(\.id) == ["a#1", "a#2", "b", "c"])
    let second = try passages(report.bundle)[1]
    #expect(second.text == "Second." && second.title == "A")
    #expect(second.metadata == ["document": "a", "offset": 7, "length": 7])
    #expect(try report.bundle.queries("s")[0].goldPassages == ["a#1", "a#2", "b"])
  }

  @Test func `samples and limits`() throws {
    let rows = (0..<100).map { "{\"_id\":\"\($0)\",\"text\":\"t\"}" }
    var request = try request(rows.joined(separator: "\n") + "\n{broken")
    request.replacesExisting = true
    request.selection = .first(7)
    // What is behind the limit is not read.
    #expect(try passages(importer.run(request).bundle).map(\.id) == (0..<7).map(String.init))
    request.maximumRejects = 1
    request.selection = .sample(10, seed: 3)
    let one = try passages(importer.run(request).bundle).map(\.id)
    #expect(Set(one).count == 10)
    #expect(one == one.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) })
    #expect(try passages(importer.run(request).bundle).map(\.id) == one)
    request.selection = .sample(10, seed: 4)
    let report = try importer.run(request)
    #expect(try passages(report.bundle).map(\.id) != one)
    #expect(report.rejects == 1)
    request.selection = .sample(100, seed: 4)
    #expect(try importer.run(request).passages == 100)
    request.selection = .sample(101, seed: 4)
    #expect(throws: UsageError.self) { try importer.run(request) }
  }

  @Test func `requests that contradict themselves are refused`() throws {
    let file = try folder.write("q", text: #"{"_id":"1","text":"Q"}"#)
    let good = try request(Self.three)
    let changes: [(inout ImportRequest) -> Void] = [
      { $0.passages = [] },
      { $0.queries = [.init("s", .init(file)), .init("s", .init(file))] },
      { $0.queries = [.init("S", .init(file))] },
      { $0.judgements = [.init(path: file)] },
      { $0.judgements = [.init(set: "s", path: file)] },
      {
        $0.queries = [.init("s", .init(file))]
        $0.judgedOnly = ["s"]
      },
      { $0.selection = .first(0) },
      { $0.maximumRejects = -1 },
      { $0.queries = [.init("s", .init(file, key: "k", reader: .beir))] },
    ]
    for change in changes {
      var request = good
      change(&request)
      #expect(throws: UsageError.self) { try importer.run(request) }
    }
    var missing = good
    missing.passages = [.init(folder.file("none"))]
    #expect(throws: FileError.self) { try importer.run(missing) }
    #expect(!folder.file("home/corpora/mine").exists)
  }

  @Test func `arguments of the command line`() throws {
    #expect(ImportRequest.Source(argument: "f.json#set") == .init("f.json", key: "set"))
    let odd = try folder.write("a#b", text: "")
    #expect(ImportRequest.Source(argument: odd.string) == .init(odd))
    #expect(
      try ImportRequest.NamedSource(argument: "s=f=g#k", option: "--queries")
        == .init("s", .init("f=g", key: "k")))
    for bad in ["f.json", "=f", "s="] {
      #expect(throws: UsageError.self) {
        try ImportRequest.NamedSource(argument: bad, option: "--queries")
      }
    }
    #expect(ImportRequest.Judgements(argument: "s=f").set == "s")
    #expect(ImportRequest.Judgements(argument: "f").set == nil)
  }

  @Test func `shared payloads serve every corpus, its own kinds come first`() throws {
    let shared = try folder.write("x.txt", text: "shared")
    let own = try folder.write("y.txt", text: "own")
    try importer.installSharedPayloads([.init("x", .init(shared)), .init("y", .init(shared))])
    try importer.installSharedPayloads([.init("z", .init(shared))])
    var request = try request(Self.three)
    request.payloads = [.init("y", .init(own))]
    let bundle = try importer.run(request).bundle
    try bundle.verify()
    #expect(bundle.payloadKinds == ["y", "x", "z"])
    #expect(try bundle.payloads("y").map(\.text) == ["own"])
    #expect(try bundle.payloads("x").map(\.text) == ["shared"])
    #expect(try importer.library.names() == ["mine"])
  }

  @Test func `a damaged bundle is refused by name`() throws {
    let bundle = try importer.run(try request(Self.three)).bundle
    let file = bundle.directory.appending("passages.jsonl")
    let bytes = try FileBytes.read(file, limit: 1 << 20)
    try AtomicFile.write(bytes.dropLast(), to: file)
    let error = #expect(throws: InputError.self) { try importer.library.bundle(named: "mine") }
    #expect(error?.message.contains("bytes, the manifest states") == true)
    #expect(try importer.library.list().isEmpty)
    #expect(try importer.library.names() == ["mine"])
    var flipped = bytes
    flipped[20] ^= 1
    try AtomicFile.write(flipped, to: file)
    #expect(throws: InputError.self) { try importer.library.bundle(named: "mine").verify() }

    let manifest = bundle.directory.appending("bundle.json")
    let text = try #require(
      String(validating: FileBytes.read(manifest, limit: 1 << 20), as: UTF8.self))
    for (old, new) in [
      ("passages.jsonl", "../x"), ("\"passages.jsonl\"", "\"/etc/passwd\""),
      ("\"format\": 1", "\"format\": 2"), ("\"name\": \"mine\"", "\"name\": \"../mine\""),
    ] {
      try AtomicFile.write(text.replacingOccurrences(of: old, with: new), to: manifest)
      #expect(throws: InputError.self) { try importer.library.bundle(named: "mine") }
    }
  }

  @Test func `what a killed import left is cleared up`() throws {
    let request = try request(Self.three)
    let corpora = folder.file("home/corpora")
    _ = try importer.run(request)
    // Killed while writing, and killed between setting the old aside and taking its place.
    try folder.write("home/corpora/.mine.importing-1/passages.jsonl", text: "half")
    try FileManager.default.moveItem(
      atPath: corpora.appending("mine").string,
      toPath: corpora.appending(".mine.replaced-1").string)
    var again = request
    again.replacesExisting = true
    again.passages = [.init(folder.file("p.jsonl"), key: "none", reader: .beir)]
    #expect(throws: UsageError.self) { try importer.run(again) }
    #expect(try importer.library.bundle(named: "mine").passageCount == 3)
    #expect(try corpora.names() == [".mine.lock", "mine"])
  }

  @Test func `two imports of one name at once: the second is refused`() throws {
    try DirectoryListing.create(folder.file("home/corpora"))
    let lock = try FileLock(folder.file("home/corpora/.mine.lock"))
    let request = try request(Self.three)
    #expect(throws: LockedError.self) { try importer.run(request) }
    withExtendedLifetime(lock) {}
  }
}

extension FilePath {
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: string).sorted()
  }
}
