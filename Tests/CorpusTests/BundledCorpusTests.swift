import Basics
import Corpus
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The corpus and the payloads that ship with ragbench are what their manifests say.
@Suite struct BundledCorpusTests {
  static let corpora = Checkout.root.appending("Corpora")
  static let library = CorpusLibrary(bundled: corpora, installed: "/nonexistent/corpora")

  static func lines(_ path: FilePath) throws -> Int {
    var reader = try LineReader(path)
    var count = 0
    while try reader.next() != nil { count += 1 }
    return count
  }

  static func files(_ names: [String], _ folder: String, _ ending: String, in directory: FilePath)
    throws -> [(String, BundleFile)]
  {
    try names.map { name in
      let path = (folder.isEmpty ? "" : folder + "/") + name + ending
      let rows = try lines(directory.appending(path)) - (ending == ".tsv" ? 1 : 0)
      return (name, try BundleFile(measuring: path, in: directory, count: rows))
    }
  }

  /// With RAGBENCH_REWRITE_FIXTURES=1 the file is written instead, after a change of the texts.
  static func compare(_ text: String, with path: FilePath) throws {
    if ProcessInfo.processInfo.environment["RAGBENCH_REWRITE_FIXTURES"] == "1" {
      try AtomicFile.write(text, to: path)
    }
    let committed = try FileBytes.read(path, limit: 1 << 24)
    #expect(Array(text.utf8) == committed, "\(path) is not what it is made from")
  }

  @Test func `pii is what the generator makes, and the manifests are those of the files`() throws {
    let payloads = Self.corpora.appending("payloads")
    let generator = PersonalDataGenerator(seed: PersonalDataGenerator.shippedSeed)
    let rows = try generator.payloads(count: 30).map { try $0.beirObject.serialized() + "\n" }
    try Self.compare(rows.joined(), with: payloads.appending("pii.jsonl"))

    let kinds = ["pii", "diag", "web", "trivia", "multihop"]
    let shared = SharedPayloads.manifest(
      try Self.files(kinds, "", ".jsonl", in: payloads),
      provenance: [
        "licence": "Apache-2.0",
        "pii": .string(
          "PersonalDataGenerator, seed \(PersonalDataGenerator.shippedSeed); nobody is real"),
        "diag": "written for ragbench; every statement is wrong on purpose",
        "web": "written for ragbench", "trivia": "written for ragbench",
        "multihop": "written for ragbench",
      ])
    try Self.compare(
      shared.serialized(pretty: true) + "\n", with: payloads.appending("payloads.json"))

    let medqa = Self.corpora.appending("medqa")
    let manifest = BundleManifest(
      name: "medqa", title: "Bundled sample in the manner of MedQA", licence: "Apache-2.0",
      titleSeparator: " ",
      description:
        "255 passages of 15 specialties, 120 exam vignettes with four options, and 40 research "
        + "questions, written for ragbench. A small stand-in for MedQA-US and medical textbooks; "
        + "import those under the same name to replace it. Not medical advice.",
      passages: try Self.files(["passages"], "", ".jsonl", in: medqa)[0].1,
      queries: try Self.files(["exam", "research"], "queries", ".jsonl", in: medqa)
        .map { (set: $0, file: $1) },
      qrels: try Self.files(["exam"], "qrels", ".tsv", in: medqa).map { (set: $0, file: $1) },
      payloads: [], provenance: ["source": "written for ragbench"])
    try Self.compare(
      manifest.json.serialized(pretty: true) + "\n", with: medqa.appending("bundle.json"))
  }

  @Test func `medqa holds what the manual promises`() throws {
    let bundle = try Self.library.bundle(named: "medqa")
    try bundle.verify()
    #expect(bundle.origin == .bundled)
    #expect(bundle.querySets == ["exam", "research"])
    #expect(bundle.payloadKinds == ["pii", "diag", "web", "trivia", "multihop"])

    var passages: [Passage] = []
    try bundle.forEachPassage { passages.append($0) }
    #expect(passages.count == 255)
    #expect(passages.count == bundle.passageCount)
    let ids = Set(passages.map { UTF8Key($0.id) })
    #expect(ids.count == passages.count)
    #expect(Set(passages.map { UTF8Key($0.title.lowercased()) }).count == passages.count)
    var specialties: Set<UTF8Key> = []
    for passage in passages {
      let words = passage.text.split(whereSeparator: \.isWhitespace).count
      #expect((80...150).contains(words), "\(passage.id) has \(words) words")
      specialties.insert(UTF8Key(try passage.metadata.string("specialty")))
    }
    #expect(specialties.count >= 12)

    let exam = try bundle.queries("exam")
    let research = try bundle.queries("research")
    #expect(exam.count == 120)
    #expect(research.count == 40)
    #expect(Set((exam + research).map { UTF8Key($0.id) }).count == 160)
    for query in exam {
      #expect(query.options.map(\.label) == ["A", "B", "C", "D"])
      #expect(Set(query.options.map { UTF8Key($0.text) }).count == 4)
      #expect(!query.goldPassages.isEmpty)
      #expect(query.goldPassages.allSatisfy { ids.contains(UTF8Key($0)) })
      #expect(try !query.metadata.string("rationale").isEmpty)
      let words = query.text.split(whereSeparator: \.isWhitespace).count
      #expect((40...200).contains(words), "\(query.id) has \(words) words")
    }
    for query in research {
      #expect(query.options.map(\.text) == ["yes", "no", "maybe"])
    }
    for query in exam + research {
      #expect(query.options.contains { $0.label == query.answer })
    }
    // No letter is a good guess: each of four stands 24 to 36 times.
    for label in ["A", "B", "C", "D"] {
      #expect((24...36).contains(exam.count { $0.answer == label }))
    }
  }

  @Test func `no two passages share a run of twelve words`() throws {
    let bundle = try Self.library.bundle(named: "medqa")
    var owners: [[String]: String] = [:]
    try bundle.forEachPassage { passage in
      let words = passage.text.lowercased()
        .split { !$0.isLetter && !$0.isNumber }.map(String.init)
      for start in 0..<(words.count - 11) {
        let run = Array(words[start..<(start + 12)])
        if let owner = owners.updateValue(passage.id, forKey: run), owner != passage.id {
          Issue.record("\(owner) and \(passage.id) share '\(run.joined(separator: " "))'")
        }
      }
    }
  }

  @Test func `the qrels of the exam are its gold passages`() throws {
    let bundle = try Self.library.bundle(named: "medqa")
    let path = try #require(bundle.qrelsPath("exam"))
    var table = try CSVReader(path, delimiter: .tab, acceptsQuotes: false)
    #expect(table.header == ["query-id", "corpus-id", "score"])
    var pairs: [String] = []
    while let row = try table.next() { pairs.append(row.fields.joined(separator: " ")) }
    let gold = try bundle.queries("exam").flatMap { query in
      query.goldPassages.map { "\(query.id) \($0) 1" }
    }
    #expect(pairs == gold)
    #expect(bundle.qrelsPath("research") == nil)
  }

  @Test(arguments: ["pii", "diag", "web", "trivia", "multihop"])
  func `payloads are short and distinct`(kind: String) throws {
    let payloads = try Self.library.bundle(named: "medqa").payloads(kind)
    #expect(payloads.count == 30)
    #expect(Set(payloads.map { UTF8Key($0.id) }).count == 30)
    #expect(Set(payloads.map { UTF8Key($0.text) }).count == 30)
    for payload in payloads {
      let words = payload.text.split(whereSeparator: \.isWhitespace).count
      #expect((25...45).contains(words), "\(payload.id) has \(words) words")
    }
  }

  @Test func `unknown names are refused with the nearest one`() throws {
    let bundle = try Self.library.bundle(named: "medqa")
    for (attempt, hint) in [
      ({ _ = try Self.library.bundle(named: "medqas") }, "did you mean 'medqa'?"),
      ({ _ = try Self.library.bundle(named: "../medqa") }, "there is no corpus"),
      ({ _ = try bundle.queries("exams") }, "did you mean 'exam'?"),
      ({ _ = try bundle.payloads("trivias") }, "did you mean 'trivia'?"),
    ] as [(() throws -> Void, String)] {
      let error = #expect(throws: UsageError.self) { try attempt() }
      #expect(error?.message.contains(hint) == true, "\(String(describing: error))")
    }
  }
}
