public import Basics

/// Vectors of one dimension, row after row, in memory or in a mapped file.
public struct VectorMatrix: Sendable {
  private enum Storage: Sendable {
    case array([Float])
    case mapped(MappedFile, byteOffset: Int)
  }

  /// Number of vectors, 0 or more.
  public let rows: Int
  /// Values in each vector, at least 1.
  public let dimension: Int
  private let storage: Storage

  /// A matrix in memory.
  ///
  /// - Parameters:
  ///   - values: `[rows, dimension]`, row-major.
  ///   - rows: Number of vectors; 0 is fine.
  ///   - dimension: Values in each.
  /// - Throws: `VectorIndexError.shape` if the numbers disagree.
  public init(_ values: [Float], rows: Int, dimension: Int) throws {
    let expected = try Self.checkedCount(rows: rows, dimension: dimension)
    guard values.count == expected else {
      throw VectorIndexError.shape(
        "\(rows) vectors of \(dimension) dimensions are \(expected) values, found \(values.count)")
    }
    self.rows = rows
    self.dimension = dimension
    storage = .array(values)
  }

  /// A matrix of one vector.
  ///
  /// - Parameter vector: The values, at least one.
  /// - Throws: `VectorIndexError.shape` if it is empty.
  public init(vector: [Float]) throws {
    try self.init(vector, rows: 1, dimension: vector.count)
  }

  /// A matrix of little-endian Float32 in a mapped file, which stays mapped as long as it is used.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - byteOffset: Where the first row begins, a multiple of 4.
  ///   - rows: Number of vectors.
  ///   - dimension: Values in each.
  /// - Throws: `InputError` if the file is too short or the offset is odd.
  public init(mapping file: MappedFile, byteOffset: Int, rows: Int, dimension: Int) throws {
    let count = try Self.checkedCount(rows: rows, dimension: dimension)
    guard byteOffset >= 0, byteOffset % 4 == 0 else {
      throw InputError(
        "vectors begin at a multiple of 4 bytes, found offset \(byteOffset)",
        at: Place(file: file.path.shown))
    }
    guard byteOffset <= file.bytes.count, count <= (file.bytes.count - byteOffset) / 4 else {
      throw InputError(
        "\(rows) vectors of \(dimension) dimensions from byte \(byteOffset) on"
          + " do not fit into \(file.bytes.count) bytes",
        at: Place(file: file.path.shown))
    }
    self.rows = rows
    self.dimension = dimension
    storage = .mapped(file, byteOffset: byteOffset)
  }

  /// Calls `body` with the `rows * dimension` values, which are valid only inside it.
  ///
  /// - Parameter body: Reads the values.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func withValues<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch storage {
    case .array(let values):
      return try values.withUnsafeBufferPointer { buffer throws(Failure) in try body(buffer) }
    case .mapped(let file, let byteOffset):
      defer { withExtendedLifetime(file) {} }
      let count = rows * dimension
      guard count > 0 else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[byteOffset..<byteOffset + 4 * count])
      return try body(bytes.assumingMemoryBound(to: Float.self))
    }
  }

  /// A copy of one vector.
  ///
  /// - Parameter row: `0..<rows`.
  public subscript(row: Int) -> [Float] {
    precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
    return withValues { Array($0[row * dimension..<(row + 1) * dimension]) }
  }

  private static func checkedCount(rows: Int, dimension: Int) throws -> Int {
    guard rows >= 0, dimension >= 1 else {
      throw VectorIndexError.shape("\(rows) vectors of \(dimension) dimensions cannot be")
    }
    let (count, overflow) = rows.multipliedReportingOverflow(by: dimension)
    guard !overflow, count <= Int.max / 8 else {
      throw VectorIndexError.shape("\(rows) vectors of \(dimension) dimensions are too many")
    }
    return count
  }
}
