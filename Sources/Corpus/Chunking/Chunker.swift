import Basics

/// A piece of a document.
public struct Chunk: Sendable, Equatable {
  /// The piece, without white space at its ends.
  public var text: String
  /// Where it begins in the document, in Unicode scalars.
  public var offset: Int
  /// Its length in Unicode scalars.
  public var length: Int

  /// A piece of a document.
  public init(text: String, offset: Int, length: Int) {
    self.text = text
    self.offset = offset
    self.length = length
  }
}

/// Cuts documents into pieces of limited length, at ends of sentences where it can.
///
/// A piece takes as many whole sentences as fit. A sentence that does not fit is cut between words,
/// a word that does not fit between graphemes, a grapheme that does not fit between scalars. All
/// scalars but white space at the cuts are in some piece, and each piece is what stands at its
/// offset. The same document always gives the same pieces.
public struct Chunker: Sendable {
  /// What length is counted in.
  public enum Unit: Sendable {
    /// Unicode scalars.
    case characters
    /// Tokens of a text, as the closure counts them, without special tokens.
    case tokens(@Sendable (String) -> Int)
  }

  /// What length is counted in.
  public let unit: Unit
  /// The longest piece, in units.
  public let size: Int
  /// The most that a piece repeats of the one before it, in units: as many sentences as fit in it,
  /// or words of the last sentence if that alone does not fit.
  public let overlap: Int

  /// The pieces of MedRAG: 1,000 characters without overlap.
  public static let medRAG = Chunker(unit: .characters, uncheckedSize: 1000, overlap: 0)

  /// A chunker.
  ///
  /// - Parameters:
  ///   - unit: What length is counted in.
  ///   - size: The longest piece, at least 1. One scalar of more tokens than that stands alone.
  ///   - overlap: At least 0 and less than `size`.
  /// - Throws: `UsageError` if the numbers are out of range.
  public init(unit: Unit, size: Int, overlap: Int = 0) throws {
    guard size >= 1 else { throw UsageError("the chunk size is \(size), at least 1 is needed") }
    guard (0..<size).contains(overlap) else {
      throw UsageError(
        "the overlap is \(overlap), it must be from 0 to the size less 1, \(size - 1)")
    }
    self.init(unit: unit, uncheckedSize: size, overlap: overlap)
  }

  private init(unit: Unit, uncheckedSize size: Int, overlap: Int) {
    self.unit = unit
    self.size = size
    self.overlap = overlap
  }

  /// The pieces of a document.
  ///
  /// - Parameter text: The document.
  /// - Returns: The pieces in their order; one empty piece for a document of nothing but white
  ///   space, so that it stays a document.
  public func chunks(of text: String) -> [Chunk] {
    let document = ChunkedDocument(text, unit: unit)
    guard var start = document.firstVisible(from: 0) else {
      return [Chunk(text: "", offset: 0, length: 0)]
    }
    var chunks: [Chunk] = []
    var covered = start
    while true {
      // Every piece goes beyond the one before it, so that an overlap cannot stop the progress.
      guard let end = document.end(from: start, beyond: covered, limit: size) else {
        start = covered
        continue
      }
      chunks.append(document.chunk(start, end))
      covered = end
      guard let next = document.firstVisible(from: end) else { return chunks }
      covered = next
      start =
        overlap == 0
        ? next
        : document.overlapStart(after: start, end: end, limit: overlap)
          ?? next
    }
  }
}
