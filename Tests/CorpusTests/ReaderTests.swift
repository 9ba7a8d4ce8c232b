import Basics
import Corpus
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct ReaderTests {
  struct Read {
    var passages: [Passage] = []
    var queries: [Query] = []
    var payloads: [Payload] = []
    var rejects: [InputError] = []
  }

  /// Writes a file, recognises it, and reads what it holds.
  static func read(
    _ bytes: [UInt8], name: String = "data", key: String? = nil, as kind: ReaderKind? = nil
  ) throws -> (kind: ReaderKind, read: Read) {
    let folder = try TemporaryDirectory()
    let path = try folder.write(name, bytes)
    let kind = try kind ?? SourceFormat.detect(path)
    var read = Read()
    let rejects = RejectLog(maximum: .max)
    try? kind.reader.forEachPassage(in: path, key: key, rejects: rejects) { passage, _ in
      read.passages.append(passage)
    }
    let passageRejects = rejects.count
    let queryRejects = RejectLog(maximum: .max)
    try? kind.reader.forEachQuery(in: path, key: key, rejects: queryRejects) { query, _ in
      read.queries.append(query)
    }
    try? kind.reader.forEachPayload(
      in: path, key: key, kind: "k", rejects: RejectLog(maximum: .max)
    ) { payload, _ in read.payloads.append(payload) }
    read.rejects = passageRejects > 0 ? rejects.first : queryRejects.first
    return (kind, read)
  }

  static func read(
    _ text: String, name: String = "data", key: String? = nil, as kind: ReaderKind? = nil
  )
    throws -> (kind: ReaderKind, read: Read)
  { try read(Array(text.utf8), name: name, key: key, as: kind) }

  @Test func `BEIR rows, plain and gzip`() throws {
    let text = """
      {"_id":"d1","title":"T","text":"Body.","metadata":{"year":1},"extra":true}
      {"_id":"d2","text":""}

      """
    for bytes in [Array(text.utf8), try Gzip.compress(Array(text.utf8))] {
      let (kind, read) = try Self.read(bytes)
      #expect(kind == .beir)
      #expect(
        read.passages == [
          Passage(id: "d1", title: "T", text: "Body.", metadata: ["year": 1, "extra": true]),
          Passage(id: "d2", text: ""),
        ])
    }
  }

  @Test func `BEIR queries with options, answer and gold`() throws {
    let (_, read) = try Self.read(
      #"""
      {"_id":"q","text":"Why?","metadata":{"options":{"A":"x","B":"y"},"answer":"B","gold":["d"],"rationale":"r"}}
      """#)
    let query = Query(
      id: "q", text: "Why?",
      options: [AnswerOption(label: "A", text: "x"), AnswerOption(label: "B", text: "y")],
      answer: "B", goldPassages: ["d"], metadata: ["rationale": "r"])
    #expect(read.queries == [query])
    #expect(query.textWithOptions == "Why?\nA. x\nB. y")
    #expect(try Query(beir: query.beirObject, at: Place()) == query)
  }

  @Test func `chunk files of MedRAG and FlashRAG`() throws {
    let (kind, medrag) = try Self.read(
      #"{"id":"a_0","title":"Book > One","content":"Text.","contents":"Book > One. Text.","book":"B"}"#
    )
    #expect(kind == .chunks)
    #expect(
      medrag.passages == [
        Passage(id: "a_0", title: "Book > One", text: "Text.", metadata: ["book": "B"])
      ])
    let (_, flashrag) = try Self.read(
      "{\"id\":\"0\",\"contents\":\"\\\"Title\\\"\\nText\\u0301.\"}\n{\"id\":1,\"contents\":\"No title\"}"
    )
    #expect(
      flashrag.passages == [
        Passage(id: "0", title: "Title", text: "Text\u{301}."), Passage(id: "1", text: "No title"),
      ])
  }

  @Test func `plain JSON Lines and a JSON array`() throws {
    let (kind, lines) = try Self.read(
      #"""
      {"question":"Q1","answer":["x","y"],"_id":"one"}

      {"question":"Q2"}
      """#)
    #expect(kind == .jsonl)
    #expect(lines.queries.map(\.id) == ["one", "3"])
    #expect(lines.queries[0].metadata == ["answer": ["x", "y"]])
    let (arrayKind, array) = try Self.read(#"[{"text":"a"},{"text":"b","id":"x"}]"#)
    #expect(arrayKind == .jsonl)
    #expect(array.passages.map(\.id) == ["1", "x"])
    let (_, keyed) = try Self.read(#"{"text":"no","summary":"yes"}"#, key: "summary")
    #expect(keyed.payloads.map(\.text) == ["yes"])
  }

  @Test func `MedQA's own rows`() throws {
    let (_, read) = try Self.read(
      #"{"question":"Q","answer":"y","options":{"A":"x","B":"y"},"answer_idx":"B"}"#)
    #expect(read.queries.map(\.answer) == ["B"])
  }

  @Test func `tables`() throws {
    let (kind, comma) = try Self.read(
      "id,title,Text,year\r\nd1,\"a, \"\"b\"\"\",\"line\nbreak\",1\r\nd2,,\u{301}x,2")
    #expect(kind == .csv)
    #expect(
      comma.passages == [
        Passage(id: "d1", title: "a, \"b\"", text: "line\nbreak", metadata: ["year": "1"]),
        Passage(id: "d2", text: "\u{301}x", metadata: ["year": "2"]),
      ])
    let (tsvKind, tab) = try Self.read("docid\tquery\nq1\tIs it?\nq2\tragged\tmore\n")
    #expect(tsvKind == .tsv)
    #expect(tab.queries == [Query(id: "q1", text: "Is it?")])
    #expect(tab.rejects.map(\.place.line) == [3])
    let error = #expect(throws: InputError.self) {
      let folder = try TemporaryDirectory()
      let path = try folder.write("x.csv", text: "a,b\n1,2\n")
      try ReaderKind.csv.reader.forEachPassage(in: path, key: nil, rejects: RejectLog()) { _, _ in }
    }
    #expect(error?.message.contains("there are: a, b") == true)
  }

  @Test func `a folder in the order of bytes, without links and other files`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("c/b.txt", text: "two")
    try folder.write("c.md", text: "one")
    try folder.write("a.txt", [0xEF, 0xBB, 0xBF] + Array("zero".utf8))
    try folder.write("d.txt.gz", try Gzip.compress(Array("three".utf8)))
    try folder.write("e.pdf", text: "no")
    try folder.write("z.txt", [0x61, 0xFF])
    try FilePath.link("..", at: folder.file("c/loop"))
    try FilePath.link("/dev/zero", at: folder.file("zero.txt"))
    #expect(try SourceFormat.detect(folder.path) == .text)
    let rejects = RejectLog(maximum: 1)
    var passages: [Passage] = []
    try ReaderKind.text.reader.forEachPassage(in: folder.path, key: nil, rejects: rejects) {
      passage, _ in passages.append(passage)
    }
    #expect(passages.map(\.id) == ["a.txt", "c.md", "c/b.txt", "d.txt.gz"])
    #expect(passages.map(\.text) == ["zero", "one", "two", "three"])
    #expect(rejects.first.map(\.place.byteOffset) == [1])
  }

  @Test func `MIRAGE sets are selected by key`() throws {
    let text = """
      {"medqa": {"0": {"question": "Q", "options": {"A": "x", "B": "y"}, "answer": "A"}},
       "bioasq": {"b1": {"question": "R", "options": {"A": "yes", "B": "no"}, "answer": "B",
                         "PMID": [12, "34"]},
                  "b2": {"question": 5}}}
      """
    let (kind, read) = try Self.read(text, key: "bioasq")
    #expect(kind == .mirage)
    #expect(read.queries.map(\.id) == ["b1"])
    #expect(read.queries.first?.goldPassages == ["12", "34"])
    #expect(read.rejects.map(\.place.record) == ["b2"])
    let folder = try TemporaryDirectory()
    let path = try folder.write("m.json", text: text)
    for (key, hint) in [(nil, "medqa, bioasq"), ("medqua", "did you mean 'medqa'?")] {
      let error = #expect(throws: UsageError.self) {
        try ReaderKind.mirage.reader.forEachQuery(in: path, key: key, rejects: RejectLog()) {
          _, _ in
        }
      }
      #expect(error?.message.contains(hint) == true)
    }
  }

  @Test func `PubMedQA, MedQuAD, BioASQ, SQuAD, PoisonedRAG`() throws {
    let (pubmedKind, pubmed) = try Self.read(
      """
      {"12": {"QUESTION": "Q?", "CONTEXTS": ["a.", "b."], "final_decision": "no",
              "LONG_ANSWER": "because"},
       "13": {"QUESTION": "Q?", "CONTEXTS": ["c"], "final_decision": "perhaps"}}
      """)
    #expect(pubmedKind == .pubmedqa)
    #expect(pubmed.passages.map(\.text) == ["a. b.", "c"])
    #expect(pubmed.queries.map(\.answer) == ["B"])
    #expect(pubmed.queries.first?.goldPassages == ["12"])
    #expect(pubmed.rejects.map(\.place.record) == ["13"])

    let (medquadKind, medquad) = try Self.read(
      #"{"id":"G/1","focus":"F","qtype":"t","question":"Q","answer":"A","url":"u"}"#)
    #expect(medquadKind == .medquad)
    #expect(
      medquad.passages == [
        Passage(id: "G/1", title: "F", text: "A", metadata: ["url": "u", "qtype": "t"])
      ])
    #expect(medquad.queries.map(\.id) == ["q-G/1"])
    #expect(medquad.queries.map(\.goldPassages) == [["G/1"]])

    let snippets =
      #"[{"pmid":"7","section":"title","text":"T"},{"pmid":"7","section":"abstract","text":"x"},{"pmid":"7","section":"abstract","text":"x"},{"pmid":"8","section":"abstract","text":"z"}]"#
    let (bioasqKind, bioasq) = try Self.read(
      #"{"id":"b","type":"yesno","question":"Q","exact_answer":"Yes","pmids":["7"],"snippets":\#(snippets)}"#
    )
    #expect(bioasqKind == .bioasq)
    #expect(
      bioasq.passages == [Passage(id: "7", title: "T", text: "x"), Passage(id: "8", text: "z")])
    #expect(bioasq.queries.first?.answer == "A")
    let (_, original) = try Self.read(
      #"""
      {"questions": [{"id": "b", "type": "factoid", "body": "Q", "exact_answer": [["x"]],
        "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/77"], "snippets": [
        {"document": "http://www.ncbi.nlm.nih.gov/pubmed/77", "beginSection": "abstract", "text": "s"}]}]}
      """#)
    #expect(original.passages == [Passage(id: "77", text: "s")])
    #expect(original.queries.first?.goldPassages == ["77"])

    let (squadKind, squad) = try Self.read(
      """
      {"data": [{"title": "T", "paragraphs": [{"context": "C", "qas": [
        {"id": "s", "question": "Q", "answers": [{"text": "a", "answer_start": 0}]}]}]}]}
      """)
    #expect(squadKind == .squad)
    #expect(squad.passages == [Passage(id: "1-1", title: "T", text: "C")])
    #expect(squad.queries.first?.goldPassages == ["1-1"])
    #expect(squad.queries.first?.answer == "a")

    let (poisonKind, poison) = try Self.read(
      #"""
      {"t1": {"id": "t1", "question": "Q", "correct answer": "r", "incorrect answer": "w",
              "adv_texts": ["x", "y"]}}
      """#)
    #expect(poisonKind == .poisonedrag)
    #expect(poison.payloads.map(\.id) == ["t1-1", "t1-2"])
    #expect(poison.queries.first?.answer == "r")
  }

  @Test(arguments: ["", "\n\n", "just words", "{\"a\":", "{\"a\":1}\n{\"b\":2}", "[1,2]"])
  func `unknown formats are refused`(text: String) throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write("x", text: text)
    #expect(throws: InputError.self) { try SourceFormat.detect(path) }
  }

  @Test func `a format without what is asked for says so`() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write("m.json", text: #"{"s":{}}"#)
    #expect(throws: UsageError.self) {
      try ReaderKind.mirage.reader.forEachPassage(in: path, key: nil, rejects: RejectLog()) {
        _, _ in
      }
    }
    #expect(throws: UsageError.self) {
      try ReaderKind.beir.reader.forEachPassage(in: path, key: "k", rejects: RejectLog()) { _, _ in
      }
    }
    #expect(throws: UsageError.self) { try ReaderKind(named: "biers") }
  }

  @Test func `judgements of BEIR and TREC`() throws {
    let folder = try TemporaryDirectory()
    let beir = try folder.write(
      "a", text: "query-id\tcorpus-id\tscore\nq 1\td1\t1\nq 1\td1\t2\nq2\td2\tx\nq2\td3\t-1\r\nq2\n"
    )
    let trec = try folder.write("b", text: "q1 0 d1 2\nq1 Q0 d2 0")
    let rejects = RejectLog(maximum: 9)
    var found: [Judgement] = []
    try JudgementReader.forEach(in: beir, rejects: rejects) { judgement, _ in
      found.append(judgement)
    }
    try JudgementReader.forEach(in: trec, rejects: rejects) { judgement, _ in
      found.append(judgement)
    }
    #expect(
      found == [
        Judgement(query: "q 1", document: "d1", grade: 1),
        Judgement(query: "q2", document: "d3", grade: -1),
        Judgement(query: "q1", document: "d1", grade: 2),
        Judgement(query: "q1", document: "d2", grade: 0),
      ])
    #expect(rejects.first.map(\.place.line) == [3, 4, 6])
  }
}

extension FilePath {
  static func link(_ target: String, at path: FilePath) throws {
    try FileManager.default.createSymbolicLink(
      atPath: path.string, withDestinationPath: target)
  }
}
