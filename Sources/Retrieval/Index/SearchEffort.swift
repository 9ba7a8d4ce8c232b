/// How hard an approximate index looks; exact kinds take the standard effort only.
public struct SearchEffort: Sendable, Hashable {
  /// Cells that an `IVF` index looks into, 1 to all of them.
  public var nprobe: Int?
  /// Candidates that an `HNSW` index keeps while it walks, 1 to 65,536.
  public var efSearch: Int?

  /// What each kind takes by itself: `nprobe` a sixteenth of the cells, at least 8 and at most
  /// all of them; `efSearch` 64.
  public static let standard = SearchEffort()

  /// An effort; nil is the standard.
  ///
  /// - Parameters:
  ///   - nprobe: Cells looked into.
  ///   - efSearch: Candidates kept.
  public init(nprobe: Int? = nil, efSearch: Int? = nil) {
    self.nprobe = nprobe
    self.efSearch = efSearch
  }

  /// The parameter that a kind takes, nil if it takes none.
  ///
  /// - Parameter kind: The kind of index.
  /// - Returns: FAISS's name and the value.
  /// - Throws: `VectorIndexError.limit` out of range, `.parameter` for another kind.
  func parameter(for kind: IndexKind) throws -> (name: String, value: Int)? {
    if nprobe != nil, !kind.hasCells {
      throw VectorIndexError.parameter(name: "nprobe", kind: kind.description)
    }
    if efSearch != nil, !kind.isGraph {
      throw VectorIndexError.parameter(name: "efSearch", kind: kind.description)
    }
    switch kind.access {
    case .exhaustive:
      return nil
    case .cells(let cells):
      let value = nprobe ?? min(cells, max(8, cells / 16))
      guard (1...cells).contains(value) else {
        throw VectorIndexError.limit(name: "nprobe", value: value, range: "1 to \(cells)")
      }
      return ("nprobe", value)
    case .graph:
      let value = efSearch ?? 64
      guard (1...65536).contains(value) else {
        throw VectorIndexError.limit(name: "efSearch", value: value, range: "1 to 65536")
      }
      return ("efSearch", value)
    }
  }
}

extension IndexKind {
  var isGraph: Bool {
    if case .graph = access { return true }
    return false
  }

  var hasCells: Bool {
    if case .cells = access { return true }
    return false
  }
}
