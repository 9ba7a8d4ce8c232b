public import SystemPackage

/// One row of a table.
public struct CSVRecord: Sendable {
  /// The line on which the row begins, from 1.
  public let line: Int
  /// The bytes before the row in the (unpacked) file.
  public let byteOffset: Int
  /// The fields, as many as the header has.
  public let fields: [String]
  fileprivate let columns: [UTF8Key: Int]

  /// The field of a column, `nil` if the table has no such column.
  public subscript(column: String) -> String? {
    columns[UTF8Key(column)].map { fields[$0] }
  }
}

/// The rows of a comma- or tab-separated table with a header row, read strictly (RFC 4180).
///
/// Fields may stand in double quotes and then hold delimiters, newlines and doubled quotes. Lines
/// end with a newline, which a carriage return may precede. Gzip and a byte order mark are
/// accepted. After an error in one row (number of fields, UTF-8, NUL) reading can go on with the
/// next; after one in quoting or size, which leaves the position in doubt, the reader is at its end.
public struct CSVReader {
  /// What separates fields.
  public enum Delimiter: UInt8, Sendable {
    /// A comma.
    case comma = 0x2C
    /// A tab.
    case tab = 0x09
  }

  /// The names of the columns.
  public private(set) var header: [String] = []

  private let stream: ByteStream
  private let delimiter: UInt8
  private let acceptsQuotes: Bool
  private let maximumColumns: Int
  private let maximumRowBytes: Int
  private var columns: [UTF8Key: Int] = [:]
  private var chunk: [UInt8] = []
  private var chunkPosition = 0
  private var chunkStart = 0
  private var line = 1
  private var isBroken = false
  /// The fields of the row being read, one behind another, and where each ends.
  private var rowBytes: [UInt8] = []
  private var fieldEnds: [Int] = []

  /// Opens a table and reads its header.
  ///
  /// - Parameters:
  ///   - path: A regular file, or `-` for standard input.
  ///   - delimiter: What separates fields.
  ///   - acceptsQuotes: Whether double quotes quote; if not, they are ordinary characters.
  ///   - maximumColumns: Columns that are accepted.
  ///   - maximumRowBytes: Bytes of one row that are accepted.
  ///   - files: The system calls.
  /// - Throws: `FileError` if the file cannot be read; `InputError` for a missing header, or one
  ///   with an empty or repeated name.
  public init(
    _ path: FilePath, delimiter: Delimiter = .comma, acceptsQuotes: Bool = true,
    maximumColumns: Int = 1000, maximumRowBytes: Int = 64 << 20,
    files: any FileSystem = LiveFileSystem()
  ) throws {
    stream = try ByteStream(path, files: files)
    self.delimiter = delimiter.rawValue
    self.acceptsQuotes = acceptsQuotes
    self.maximumColumns = maximumColumns
    self.maximumRowBytes = maximumRowBytes
    guard let row = try readRow() else {
      throw InputError("the table is empty, expected a header row", at: Place(file: stream.name))
    }
    header = try decode(row)
    for (index, name) in header.enumerated() {
      let place = Place(file: stream.name, line: 1, column: index + 1)
      if name.isEmpty { throw InputError("the column has no name", at: place) }
      if let first = columns.updateValue(index, forKey: UTF8Key(name)) {
        throw InputError(
          "the column name '\(TerminalText.excerpt(name))' is also that of column \(first + 1)",
          at: place)
      }
    }
  }

  /// What errors call the file.
  public var name: String { stream.name }

  /// The next row, `nil` at the end.
  ///
  /// - Returns: The row, with as many fields as the header.
  /// - Throws: `InputError` with line and, as the column, the number of the field.
  public mutating func next() throws -> CSVRecord? {
    guard !isBroken, let row = try readRow() else { return nil }
    guard fieldEnds.count == header.count else {
      throw InputError(
        "the row has \(fieldEnds.count) fields, expected \(header.count)",
        at: Place(file: stream.name, line: row.line, byteOffset: row.offset))
    }
    return CSVRecord(
      line: row.line, byteOffset: row.offset, fields: try decode(row), columns: columns)
  }

  private func decode(_ row: (line: Int, offset: Int)) throws -> [String] {
    var start = 0
    return try fieldEnds.enumerated().map { index, end in
      defer { start = end }
      let field = rowBytes[start..<end]
      var place = Place(file: stream.name, line: row.line, column: index + 1)
      if field.contains(0) { throw InputError("the field holds a NUL byte", at: place) }
      guard let text = String(validating: field, as: UTF8.self) else {
        place.byteOffset = row.offset
        throw InputError("the field is not valid UTF-8 in the row that begins here", at: place)
      }
      return text
    }
  }

  // MARK: The machine over bytes

  private enum State {
    case fieldStart, plain, quoted, quoteInQuoted, carriageReturn
  }

  /// Reads one row into `rowBytes` and `fieldEnds`; `nil` at the end of the file.
  private mutating func readRow() throws -> (line: Int, offset: Int)? {
    rowBytes.removeAll(keepingCapacity: true)
    fieldEnds.removeAll(keepingCapacity: true)
    let row = (line: line, offset: chunkStart + chunkPosition + stream.skippedBytes)
    var quoteLine = line
    var state = State.fieldStart
    while let byte = try nextByte() {
      switch (state, byte) {
      case (.fieldStart, 0x22) where acceptsQuotes:
        state = .quoted
        quoteLine = line
      case (.fieldStart, delimiter), (.plain, delimiter), (.quoteInQuoted, delimiter):
        try endField(row)
        state = .fieldStart
      case (.fieldStart, 0x0A), (.plain, 0x0A), (.quoteInQuoted, 0x0A), (.carriageReturn, 0x0A):
        try endField(row)
        line += 1
        return row
      case (.fieldStart, 0x0D), (.plain, 0x0D), (.quoteInQuoted, 0x0D):
        state = .carriageReturn
      case (.carriageReturn, _):
        throw broken("a carriage return without a newline behind it", line)
      case (.plain, 0x22) where acceptsQuotes:
        throw broken("a double quote inside a field that does not begin with one", line)
      case (.quoteInQuoted, 0x22):
        rowBytes.append(byte)
        state = .quoted
      case (.quoteInQuoted, _):
        throw broken("expected a delimiter after the closing quote", line)
      case (.quoted, 0x22):
        state = .quoteInQuoted
      case (.quoted, _):
        if byte == 0x0A { line += 1 }
        rowBytes.append(byte)
      case (.fieldStart, _), (.plain, _):
        rowBytes.append(byte)
        state = .plain
      }
      if rowBytes.count > maximumRowBytes {
        throw broken(
          "the row has more than the \(maximumRowBytes) bytes that are accepted", row.line)
      }
    }
    switch state {
    case .quoted: throw broken("the quote that opens here is not closed", quoteLine)
    case .carriageReturn: throw broken("a carriage return without a newline behind it", line)
    case .fieldStart where fieldEnds.isEmpty: return nil
    default:
      try endField(row)
      return row
    }
  }

  private mutating func endField(_ row: (line: Int, offset: Int)) throws {
    fieldEnds.append(rowBytes.count)
    if fieldEnds.count > maximumColumns {
      throw broken("more than the \(maximumColumns) columns that are accepted", row.line)
    }
  }

  private mutating func broken(_ message: String, _ line: Int) -> InputError {
    isBroken = true
    return InputError(
      message, at: Place(file: stream.name, line: line, column: fieldEnds.count + 1))
  }

  private mutating func nextByte() throws -> UInt8? {
    if chunkPosition == chunk.count {
      chunkStart += chunk.count
      chunk.append(contentsOf: repeatElement(0, count: Self.chunkBytes - chunk.count))
      let count = try chunk.withUnsafeMutableBytes { try stream.read(into: $0) }
      chunk.removeLast(chunk.count - count)
      chunkPosition = 0
      if count == 0 { return nil }
    }
    defer { chunkPosition += 1 }
    return chunk[chunkPosition]
  }

  private static let chunkBytes = 1 << 17
}
