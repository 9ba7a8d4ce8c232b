/// A kind of index by its FAISS factory string.
///
/// `Flat` (exact), `SQ8`, `PQ48`, `HNSW32`, and `IVF256,` before `Flat`, `SQ8` or `PQ48`.
public struct IndexKind: Sendable, Hashable, CustomStringConvertible {
  /// How the vectors near a query are found.
  public enum Access: Sendable, Hashable {
    /// All vectors are compared.
    case exhaustive
    /// The vectors of the cells nearest to the query are compared.
    case cells(Int)
    /// A graph with this many links a vertex is followed.
    case graph(links: Int)
  }

  /// How a vector is stored.
  public enum Code: Sendable, Hashable {
    /// Float32, exact.
    case float
    /// One byte a value.
    case byte
    /// One byte for each of this many parts of the vector.
    case product(parts: Int)
  }

  /// How the vectors near a query are found.
  public let access: Access
  /// How a vector is stored.
  public let code: Code

  /// Exact search, no training.
  public static let flat = IndexKind(access: .exhaustive, code: .float)

  private init(access: Access, code: Code) {
    self.access = access
    self.code = code
  }

  /// Reads a factory string.
  ///
  /// - Parameter text: Such as `IVF256,PQ48`; case matters, spaces are refused.
  /// - Throws: `VectorIndexError.kind` with what is wrong.
  public init(parsing text: String) throws {
    let parts = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    func refuse(_ reason: String) -> VectorIndexError { .kind(text, reason: reason) }
    let known = "expected Flat, SQ8, PQ<parts>, HNSW<links>, or IVF<cells>, before the first three"
    var access = Access.exhaustive
    var rest = parts[...]
    if let first = rest.first, let cells = try Self.number(in: first, after: "IVF", of: text) {
      guard (1...1_048_576).contains(cells) else { throw refuse("cells are 1 to 1048576") }
      access = .cells(cells)
      rest = rest.dropFirst()
    }
    guard rest.count == 1, let last = rest.first else { throw refuse(known) }
    if last.elementsEqual("Flat".utf8) {
      self.init(access: access, code: .float)
    } else if last.elementsEqual("SQ8".utf8) {
      self.init(access: access, code: .byte)
    } else if let parts = try Self.number(in: last, after: "PQ", of: text) {
      guard (1...65536).contains(parts) else { throw refuse("parts are 1 to 65536") }
      self.init(access: access, code: .product(parts: parts))
    } else if let links = try Self.number(in: last, after: "HNSW", of: text) {
      guard access == .exhaustive else { throw refuse(known) }
      guard (2...256).contains(links) else { throw refuse("links are 2 to 256") }
      self.init(access: .graph(links: links), code: .float)
    } else {
      throw refuse(known)
    }
  }

  /// The factory string, the same for equal kinds.
  public var description: String {
    let stored =
      switch code {
      case .float: "Flat"
      case .byte: "SQ8"
      case .product(let parts): "PQ\(parts)"
      }
    return switch access {
    case .exhaustive: stored
    case .cells(let cells): "IVF\(cells),\(stored)"
    case .graph(let links): "HNSW\(links)"
    }
  }

  /// Whether search misses nothing and scores are those of the vectors given.
  public var isExact: Bool { self == .flat }

  /// Whether vectors can be taken out again.
  public var canRemove: Bool {
    if case .graph = access { return false }
    return true
  }

  /// Training vectors without which it cannot be trained; 0 if it needs no training.
  public var minimumTrainingVectors: Int {
    let cells = if case .cells(let cells) = access { cells } else { 0 }
    let codes =
      switch code {
      case .float: 0
      case .byte: 1
      case .product: 256
      }
    return max(cells, codes)
  }

  /// Checks that vectors of a dimension can be stored.
  ///
  /// - Parameter dimension: Values in each vector.
  /// - Throws: `VectorIndexError.limit` or `.kind`.
  public func validate(dimension: Int) throws {
    guard (1...65536).contains(dimension) else {
      throw VectorIndexError.limit(name: "dimension", value: dimension, range: "1 to 65536")
    }
    if case .product(let parts) = code, !dimension.isMultiple(of: parts) {
      throw VectorIndexError.kind(
        description, reason: "dimension \(dimension) is not a multiple of \(parts) parts")
    }
  }

  /// The number after a prefix, or nil if the prefix is another.
  private static func number(
    in part: Substring.UTF8View, after prefix: String, of text: String
  ) throws -> Int? {
    guard part.starts(with: prefix.utf8) else { return nil }
    let digits = part.dropFirst(prefix.utf8.count)
    let isPlain = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isPlain, digits.first != UInt8(ascii: "0"), let value = Int(String(Substring(digits)))
    else {
      throw VectorIndexError.kind(text, reason: "expected a number after \(prefix)")
    }
    return value
  }
}
