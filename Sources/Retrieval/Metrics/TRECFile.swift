public import Basics
public import SystemPackage

/// Run files and judgements as trec_eval and BEIR exchange them.
///
/// Fields are separated by runs of spaces and tabs; blank lines are skipped; `.gz` is read.
public enum TRECFile {
  /// What a file held, with its malformed lines.
  public struct Contents<Value: Sendable>: Sendable {
    /// What the well-formed lines say.
    public let value: Value
    /// The error of each malformed line, at most as many as the caller accepted.
    public let rejects: [InputError]
  }

  /// Reads a run: `query Q0 document rank score tag` on each line.
  ///
  /// The order comes from the scores, as in trec_eval; the rank must be an integer and is not used.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - ties: How equal scores are told apart.
  ///   - maximumRejects: How many malformed lines are accepted.
  /// - Returns: One ranking a query, in the order of first appearance.
  /// - Throws: `RejectedLines` past the limit; `FileError` or `InputError` if reading fails. A line
  ///   is rejected with its number for a wrong number of fields, a score that is not a finite
  ///   number, invalid UTF-8, or a document that the query has already (both lines are named).
  public static func readRun(
    _ path: FilePath, ties: TieOrder = .ascendingID, maximumRejects: Int = 0
  ) throws -> Contents<[Ranking]> {
    var order: [UTF8Key] = []
    var documents: [UTF8Key: [RankedDocument]] = [:]
    var firstLines = FirstLines()
    let rejects = try LineFields.forEachLine(of: path, maximumRejects: maximumRejects) { line in
      let fields = try line.separated(expecting: 6, "query Q0 document rank score tag")
      let query = UTF8Key(fields[0])
      let document = UTF8Key(fields[2])
      let place = line.place.inRecord(query.string)
      guard Int(fields[3]) != nil else {
        throw InputError(
          "the rank is '\(TerminalText.escaped(fields[3]))', expected an integer", at: place)
      }
      guard let score = Double(fields[4]), score.isFinite else {
        throw InputError(
          "the score of document '\(TerminalText.escaped(document.string))' is "
            + "'\(TerminalText.escaped(fields[4]))', expected a finite number", at: place)
      }
      try firstLines.record(query: query, document: document, at: place)
      if documents[query] == nil { order.append(query) }
      documents[query, default: []].append(RankedDocument(id: document, score: score))
    }
    let rankings = try order.map {
      try Ranking(query: $0, scored: documents[$0] ?? [], ties: ties)
    }
    return Contents(value: rankings, rejects: rejects)
  }

  /// Reads judgements: TREC's `query iteration document grade`, or BEIR's three columns, with or
  /// without the header `query-id corpus-id score`.
  ///
  /// The first line decides the format. In BEIR's files a tab, where there is one, is the only
  /// separator, so ids may hold spaces.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - maximumRejects: How many malformed lines are accepted.
  /// - Returns: The judgements; negative grades are kept.
  /// - Throws: `RejectedLines` past the limit; `FileError` or `InputError` if reading fails. A line
  ///   is rejected with its number for a wrong number of fields, a grade that is no integer, invalid
  ///   UTF-8, or a pair that is judged already (both lines are named).
  public static func readJudgements(
    _ path: FilePath, maximumRejects: Int = 0
  ) throws -> Contents<Judgements> {
    var judgements = Judgements()
    var firstLines = FirstLines()
    var isBEIR: Bool?
    let rejects = try LineFields.forEachLine(of: path, maximumRejects: maximumRejects) { line in
      if isBEIR == nil {
        let fields = try line.separated()
        isBEIR = line.hasTab ? try line.separatedByTabs().count == 3 : fields.count == 3
        if fields == ["query-id", "corpus-id", "score"] { return }
      }
      let fields =
        isBEIR == true
        ? try line.separatedByTabs(expecting: 3, "query-id corpus-id score")
        : try line.separated(expecting: 4, "query iteration document grade")
      let query = UTF8Key(fields[0])
      let document = UTF8Key(fields[fields.count - 2])
      let place = line.place.inRecord(query.string)
      guard let grade = Int(fields[fields.count - 1]) else {
        throw InputError(
          "the grade of document '\(TerminalText.escaped(document.string))' is "
            + "'\(TerminalText.escaped(fields[fields.count - 1]))', expected an integer",
          at: place)
      }
      try firstLines.record(query: query, document: document, at: place)
      try judgements.add(query: query, document: document, grade: grade)
    }
    return Contents(value: judgements, rejects: rejects)
  }

  /// Remembers where each pair was first seen, so that a duplicate names both lines.
  private struct FirstLines {
    private var lines: [UTF8Key: [UTF8Key: Int]] = [:]

    mutating func record(query: UTF8Key, document: UTF8Key, at place: Place) throws {
      if let first = lines[query]?[document] {
        throw InputError(
          "document '\(TerminalText.escaped(document.string))' stands in line \(first) already",
          at: place)
      }
      lines[query, default: [:]][document] = place.line
    }
  }
}
