import Basics
import GRDB

/// Turns text into the terms of FTS5's `porter unicode61`: letters and digits in lower case without
/// diacritics, stemmed after Porter.
///
/// No stop words are left out: on SciFact's 300 test questions nDCG@10 is 0.680 so (R@100 0.926) and
/// 0.675 (0.929) without Lucene's 33 English ones; Anserini has 0.679 (0.925).
final class LexicalAnalyzer: Sendable {
  /// What stored postings were made with; another text here makes them stale.
  static let name = "porter unicode61"

  // The tokenizer keeps a buffer and belongs to a connection, so each has its own and is used
  // inside it only.
  private let connection: DatabaseQueue

  init() throws { connection = try DatabaseQueue() }

  /// Calls a closure with a function that gives the terms of a text, one by one, as UTF-8 bytes.
  ///
  /// - Parameter body: May use the function until it returns.
  /// - Returns: What `body` returns.
  /// - Throws: `DatabaseError` if the tokenizer fails, and what `body` throws.
  func withTokenizer<Result>(
    _ body: (_ forEachTerm: (String, @escaping (UnsafeRawBufferPointer) -> Void) throws -> Void)
      throws -> Result
  ) throws -> Result {
    try connection.writeWithoutTransaction { database in
      let tokenizer = try database.makeTokenizer(.porter(wrapping: .unicode61()))
      return try body { text, visit in
        let sink = TermSink(visit)
        var text = text
        let code = text.withUTF8 { bytes in
          bytes.withMemoryRebound(to: CChar.self) { characters in
            tokenizer.tokenize(
              context: Unmanaged.passUnretained(sink).toOpaque(), tokenization: .document,
              pText: characters.baseAddress, nText: CInt(clamping: characters.count),
              tokenCallback: { context, _, token, length, _, _ in
                guard let context, let token else { return 0 }
                Unmanaged<TermSink>.fromOpaque(context).takeUnretainedValue().visit(
                  UnsafeRawBufferPointer(start: token, count: Int(length)))
                return 0
              })
          }
        }
        guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
      }
    }
  }

  /// The distinct terms of a text with their numbers, by ascending bytes.
  func terms(of text: String) throws -> [TermCount] {
    var tokens: [String] = []
    try withTokenizer { forEachTerm in
      try forEachTerm(text) { tokens.append(String(decoding: $0, as: UTF8.self)) }
    }
    tokens.sort(by: utf8Precedes)
    var counts: [TermCount] = []
    for token in tokens {
      if let last = counts.last, utf8Equal(last.term, token) {
        counts[counts.count - 1].count += 1
      } else {
        counts.append(TermCount(term: token, count: 1))
      }
    }
    return counts
  }
}

/// A term with how often it occurs.
struct TermCount: Equatable {
  var term: String
  var count: Int
}

/// Carries a closure through the pointer that a C callback is given.
private final class TermSink {
  let visit: (UnsafeRawBufferPointer) -> Void

  init(_ visit: @escaping (UnsafeRawBufferPointer) -> Void) { self.visit = visit }
}
