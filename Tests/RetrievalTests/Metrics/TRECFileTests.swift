import Basics
import Foundation
import Retrieval
import SystemPackage
import Testing

@Suite struct TRECFileTests {
  /// Calls `body` with a file that holds `bytes` and is removed afterwards.
  private func withFile<Result>(
    _ bytes: some Sequence<UInt8>, _ body: (FilePath) throws -> Result
  ) throws -> Result {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "trec-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = FilePath(directory.appending(path: "file.txt").path)
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    return try body(path)
  }

  private func ranking(_ query: String, _ documents: [(String, Double)]) throws -> Ranking {
    try Ranking(
      query: UTF8Key(query),
      scored: documents.map { RankedDocument(id: UTF8Key($0.0), score: $0.1) })
  }

  @Test func runWithSpacesTabsCarriageReturnsAndBlankLines() throws {
    let text =
      "\u{FEFF}q2 Q0 b 1 0.5 tag\r\n\nq2\tQ0\ta\t2\t0.5\ttag\n  q1 Q0  c 1 -1e-3 tag \nq2 Q0 c 3 7 t"
    try withFile(text.utf8) { path in
      let run = try TRECFile.readRun(path)
      #expect(run.rejects.isEmpty)
      #expect(run.value.map(\.query) == ["q2", "q1"])
      #expect(run.value[0].documents.map(\.id) == ["c", "a", "b"])
      #expect(run.value[1].documents == [RankedDocument(id: "c", score: -0.001)])
      let other = try TRECFile.readRun(path, ties: .trecEval)
      #expect(other.value[0].documents.map(\.id) == ["c", "b", "a"])
    }
  }

  @Test(arguments: [
    ("q1 Q0 d 1 0.5", "expected 6"),
    ("q1 Q0 d 1 0.5 tag more", "found 7 fields"),
    ("q1 Q0 d one 0.5 tag", "the rank is 'one'"),
    ("q1 Q0 d 1 nan tag", "finite number"),
    ("q1 Q0 d 1 -inf tag", "finite number"),
    ("q1 Q0 d 1 1e400 tag", "finite number"),
    ("q1 Q0 d 1 high tag", "finite number"),
    ("q0 Q0 d 2 0.25 tag", "line 1 already"),
    ("lonely", "found 1 field,"),
  ])
  func malformedRunLinesAreNamed(line: String, message: String) throws {
    try withFile("q0 Q0 d 1 0.5 tag\n\(line)\nq0 Q0 e 2 0.25 tag\n".utf8) { path in
      let error = #expect(throws: RejectedLines.self) { try TRECFile.readRun(path) }
      #expect(error?.exitStatus == .badData)
      #expect(error?.rejects.count == 1)
      #expect(error?.rejects.first?.place.line == 2)
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
      #expect(error?.description.contains("\(path.string):2") == true)
      let accepted = try TRECFile.readRun(path, maximumRejects: 1)
      #expect(accepted.rejects.count == 1)
      #expect(accepted.value.map(\.documents.count) == [2])
    }
  }

  @Test func everyRejectIsListed() throws {
    let lines = (1...25).map { "broken \($0)\n" }.joined()
    try withFile(lines.utf8) { path in
      let error = #expect(throws: RejectedLines.self) {
        try TRECFile.readRun(path, maximumRejects: 24)
      }
      #expect(error?.rejects.compactMap(\.place.line) == Array(1...25))
      #expect(error?.description.contains("and 15 more") == true)
    }
  }

  @Test func invalidUTF8AndNULAreRejectedWithTheirLine() throws {
    var bytes = Array("q1 0 d1 1\nq1 0 ".utf8) + [0xC3, 0x28]
    bytes += Array(" 1\nq1 0 d\0 1\nq1 0 d2 0\n".utf8)
    try withFile(bytes) { path in
      let error = #expect(throws: RejectedLines.self) { try TRECFile.readJudgements(path) }
      #expect(error?.rejects.compactMap(\.place.line) == [2, 3])
      #expect(error?.rejects.first?.place.byteOffset == 15)
    }
  }

  @Test(arguments: [
    "q1 0 d1 2\nq1 0 d2 -1\nq2 Q0 d1 0\n",
    "q1\t0\td1\t2\r\nq1\t0\td2\t-1\r\nq2\t0\td1\t0",
    "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t-1\nq2\td1\t0\n",
    "query-id corpus-id score\nq1 d1 2\nq1 d2 -1\nq2 d1 0\n",
    "q1\td1\t2\nq1\td2\t-1\nq2\td1\t0\n",
  ])
  func judgementsInEachLayout(text: String) throws {
    try withFile(text.utf8) { path in
      let contents = try TRECFile.readJudgements(path)
      #expect(contents.rejects.isEmpty)
      #expect(contents.value.grades == ["q1": ["d1": 2, "d2": -1], "q2": ["d1": 0]])
    }
  }

  @Test func idsWithSpacesInBEIR() throws {
    try withFile("query-id\tcorpus-id\tscore\nq 1\td 1\t1\n".utf8) { path in
      let judgements = try TRECFile.readJudgements(path).value
      #expect(judgements.grades == ["q 1": ["d 1": 1]])
    }
  }

  @Test(arguments: [
    ("query-id\tcorpus-id\tscore\nq1\td1\n", 2, "expected 3"),
    ("query-id\tcorpus-id\tscore\nq1\t\t1\n", 2, "field 2 is empty"),
    ("query-id\tcorpus-id\tscore\nq1\td1\t1.0\n", 2, "'1.0'"),
    ("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td1\t1\n", 3, "line 2 already"),
    ("qid\tdocid\trel\n", 1, "'rel', expected an integer"),
    ("q1 0 d1 1\nq1 d2 1\n", 2, "found 3 fields, expected 4"),
    ("q1 0 d1 99999999999999999999\n", 1, "expected an integer"),
    ("q1 0 d1 1\nq1 0 d1 2\n", 2, "line 1 already"),
  ])
  func malformedJudgementsAreNamed(text: String, line: Int, message: String) throws {
    try withFile(text.utf8) { path in
      let error = #expect(throws: RejectedLines.self) { try TRECFile.readJudgements(path) }
      #expect(error?.rejects.map(\.place.line) == [line])
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
  }

  @Test func missingFileIsNoInput() {
    let error = #expect(throws: (any Error).self) {
      try TRECFile.readRun("/nonexistent/run.txt")
    }
    #expect((error as? any ReportableError)?.exitStatus == .noInput)
  }

  /// Ties, differences below Float32 and both zeros come out strictly ordered for any tool.
  @Test func writtenRunsAreStrictlyOrdered() throws {
    let scores = [2, 1 + 1e-12, 1, 1, 1, 0.999_999_99, 0.5, 0, -0.0, -1e-300, -3]
    let original = try ranking("q1", scores.enumerated().map { ("d\($0.offset)", $0.element) })
    let second = try ranking("\u{E9}", [("b", 1), ("a", 1)])
    try withFile([]) { path in
      try TRECFile.writeRun([original, second], tag: "ours", to: path)
      let lines = try String(contentsOfFile: path.string, encoding: .utf8)
        .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      #expect(lines.count == scores.count + 2)
      #expect(lines.allSatisfy { $0.count == 6 && $0[1] == "Q0" && $0[5] == "ours" })
      #expect(lines.prefix(scores.count).map { $0[3] } == (1...scores.count).map(String.init))
      let written = try lines.prefix(scores.count).map { try #require(Float($0[4])) }
      #expect(zip(written, written.dropFirst()).allSatisfy { $0 > $1 })
      for ties in TieOrder.allCases {
        let read = try TRECFile.readRun(path, ties: ties).value
        #expect(read.map(\.query) == ["q1", "\u{E9}"])
        #expect(read[0].documents.map(\.id) == original.documents.map(\.id))
        #expect(read[1].documents.map(\.id) == second.documents.map(\.id))
      }
    }
  }

  @Test(arguments: ["", "a b", "a\tb", "a\nb", "a\0"])
  func idsThatTheFormatCannotHoldAreRefused(id: String) throws {
    let good = try ranking("q", [("d", 1)])
    try withFile(Array("kept".utf8)) { path in
      #expect(throws: InputError.self) {
        try TRECFile.writeRun([try ranking("q", [(id, 1)])], tag: "t", to: path)
      }
      #expect(throws: InputError.self) {
        try TRECFile.writeRun([try ranking(id, [("d", 1)])], tag: "t", to: path)
      }
      #expect(throws: InputError.self) { try TRECFile.writeRun([good], tag: id, to: path) }
      #expect(throws: InputError.self) {
        try TRECFile.writeRun([good, good], tag: "t", to: path)
      }
      #expect(throws: InputError.self) {
        try TRECFile.writeRun([try ranking("q", [("d", 1e200)])], tag: "t", to: path)
      }
      let text = try String(contentsOfFile: path.string, encoding: .utf8)
      #expect(text == "kept")
    }
  }

  @Test(arguments: TRECFile.JudgementFormat.allCases)
  func judgementsRoundTrip(format: TRECFile.JudgementFormat) throws {
    var judgements = Judgements()
    for (query, document, grade) in [
      ("q2", "e\u{301}", 1), ("q2", "\u{E9}", -2), ("q10", "d", 0), ("😀", "d/1", 3),
    ] {
      try judgements.add(query: UTF8Key(query), document: UTF8Key(document), grade: grade)
    }
    try withFile([]) { path in
      try TRECFile.writeJudgements(judgements, format: format, to: path)
      #expect(try TRECFile.readJudgements(path).value == judgements)
    }
    try judgements.add(query: "q", document: "d d", grade: 1)
    try withFile([]) { path in
      switch format {
      case .trec:
        #expect(throws: InputError.self) {
          try TRECFile.writeJudgements(judgements, format: format, to: path)
        }
      case .beir:
        try TRECFile.writeJudgements(judgements, format: format, to: path)
        #expect(try TRECFile.readJudgements(path).value == judgements)
      }
    }
  }
}
