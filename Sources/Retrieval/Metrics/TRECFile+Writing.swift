import Basics
public import SystemPackage

extension TRECFile {
  /// How judgements are written.
  public enum JudgementFormat: String, Sendable, CaseIterable {
    /// `query 0 document grade`, separated by spaces.
    case trec
    /// `query-id`, `corpus-id`, `score`, separated by tabs, with a header.
    case beir
  }

  /// Writes a run: `query Q0 document rank score tag`, rank from 1.
  ///
  /// Tools order a run by score and break ties in their own ways, some after narrowing to 32 bits.
  /// So the scores written are Float32, and one that would not be below its predecessor becomes the
  /// next smaller number: every tool then sees our order.
  ///
  /// - Parameters:
  ///   - rankings: The rankings, written in this order; one without documents leaves no line.
  ///   - tag: The name of the run, without spaces.
  ///   - path: The file, replaced at once.
  /// - Throws: `InputError` for an id or tag that the format cannot hold (empty, with a space, a
  ///   control character or NUL) or a score beyond Float32; `FileError` if writing fails.
  public static func writeRun(
    _ rankings: [Ranking], tag: String, to path: FilePath
  ) throws {
    try checkField(tag, name: "tag", allowingSpaces: false)
    var seen = Set<UTF8Key>()
    var text = ""
    for ranking in rankings {
      try checkField(ranking.query.string, name: "query id", allowingSpaces: false)
      guard seen.insert(ranking.query).inserted else {
        throw InputError("the query has two rankings", at: Place(record: ranking.query.string))
      }
      var previous = Float.infinity
      for (index, document) in ranking.documents.enumerated() {
        try checkField(document.id.string, name: "document id", allowingSpaces: false)
        let narrowed = Float(document.score)
        let score = narrowed < previous ? narrowed : previous.nextDown
        guard narrowed.isFinite, score.isFinite else {
          throw InputError(
            "the score of document '\(TerminalText.escaped(document.id.string))' is "
              + "\(document.score), beyond what a run file can order",
            at: Place(record: ranking.query.string))
        }
        text += "\(ranking.query.string) Q0 \(document.id.string) \(index + 1) \(score) \(tag)\n"
        previous = score
      }
    }
    try AtomicFile.write(text, to: path)
  }

  /// Writes judgements, ordered by query and document id.
  ///
  /// - Parameters:
  ///   - judgements: The judgements.
  ///   - format: TREC or BEIR.
  ///   - path: The file, replaced at once.
  /// - Throws: `InputError` for an id that the format cannot hold; `FileError` if writing fails.
  public static func writeJudgements(
    _ judgements: Judgements, format: JudgementFormat, to path: FilePath
  ) throws {
    let allowsSpaces = format == .beir
    var text = allowsSpaces ? "query-id\tcorpus-id\tscore\n" : ""
    for query in judgements.queries {
      try checkField(query.string, name: "query id", allowingSpaces: allowsSpaces)
      let grades = judgements.grades[query] ?? [:]
      for (document, grade) in grades.sorted(by: { $0.key < $1.key }) {
        try checkField(document.string, name: "document id", allowingSpaces: allowsSpaces)
        switch format {
        case .trec: text += "\(query.string) 0 \(document.string) \(grade)\n"
        case .beir: text += "\(query.string)\t\(document.string)\t\(grade)\n"
        }
      }
    }
    try AtomicFile.write(text, to: path)
  }

  private static func checkField(
    _ value: String, name: String, allowingSpaces: Bool
  ) throws {
    let lowest = UInt8(ascii: " ") + (allowingSpaces ? 0 : 1)
    if value.isEmpty { throw InputError("an empty \(name) cannot be written") }
    if let fault = value.utf8.first(where: { $0 < lowest || $0 == 0x7F }) {
      throw InputError(
        "\(name) '\(TerminalText.escaped(value))' holds byte \(fault), which the format cannot hold"
      )
    }
  }
}
