import Basics
public import SystemPackage
public import Tensors

/// A model file in the GGUF format, versions 2 and 3, mapped into memory.
///
/// The file is checked whole before anything of it is used: no count, length or offset in it is
/// trusted, names are compared by bytes. Float32 tensors are served from the mapping without a copy;
/// all others are expanded to Float32 when they are asked for.
///
/// - SeeAlso: ggml-org/ggml, `docs/gguf.md`.
public struct GGUFFile: Sendable {
  /// One tensor of the file.
  public struct Entry: Sendable, Equatable {
    /// The name, as written, such as `blk.0.attn_q.weight`.
    public let name: String
    /// How its numbers are stored.
    public let type: ElementType
    /// Sizes of the dimensions, slowest first: ggml's order reversed, so that a matrix is
    /// `[outputs, inputs]`. `[]` is a scalar.
    public let shape: [Int]
    /// Where its blocks lie in the file.
    public let bytes: Range<Int>

    /// Numbers in the tensor.
    public var count: Int { bytes.count / type.blockBytes * type.blockCount }

    /// Bytes of memory that ``GGUFFile/tensor(_:allowNonFinite:)`` takes: none for Float32, which is
    /// served from the mapping.
    public var expandedBytes: Int { type == .float32 ? 0 : count * 4 }
  }

  /// Alignment of tensors where the file does not state one, in bytes.
  private static let defaultAlignment = 32
  /// Most dimensions of a tensor in ggml.
  private static let maximumDimensions = 4

  /// The version of the format, 2 or 3.
  public let version: Int
  /// Keys and values at the head of the file.
  public let metadata: GGUFMetadata
  /// The tensors, in the order of their bytes.
  public let entries: [Entry]
  private let file: MappedFile
  private let index: [UTF8Key: Int]

  /// Maps and checks a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FileError` if it cannot be read; `InputError` naming the byte, key or tensor if it is
  ///   no such file, is one part of several, or holds a tensor of a type that is not read.
  public init(_ path: FilePath) throws {
    let file = try MappedFile(path)
    self.file = file
    (version, metadata, entries) = try file.withBytes { bytes in
      try Self.contents(of: file, bytes)
    }
    index = Dictionary(
      uniqueKeysWithValues: entries.enumerated().map { (UTF8Key($1.name), $0) })
  }

  /// The file's path.
  public var path: FilePath { file.path }

  /// The entry of a name, compared by bytes.
  public func entry(_ name: String) -> Entry? { index[UTF8Key(name)].map { entries[$0] } }

  /// The numbers of a tensor as Float32.
  ///
  /// - Parameters:
  ///   - entry: One of `entries`.
  ///   - allowNonFinite: Whether NaN and infinities are let through, for studies.
  /// - Returns: A tensor of the entry's shape.
  /// - Throws: `InputError` at the first number that is not finite, naming its index.
  public func tensor(_ entry: Entry, allowNonFinite: Bool = false) throws -> Tensor {
    guard let base = file.bytes.baseAddress.map({ $0 + entry.bytes.lowerBound }) else {
      return try Tensor([], shape: entry.shape)
    }
    let storage: TensorStorage
    if entry.type == .float32 {
      storage = TensorStorage(
        borrowing: base.assumingMemoryBound(to: Float.self), count: entry.count, from: file)
    } else {
      storage = TensorStorage(capacity: entry.count)
      withExtendedLifetime(file) {
        entry.type.expand(
          base, blocks: entry.bytes.count / entry.type.blockBytes, into: storage.pointer)
      }
    }
    let tensor = Tensor(storage: storage, shape: entry.shape)
    if !allowNonFinite {
      try tensor.requireFinite(
        entry.name, at: Place(file: file.path.shown, byteOffset: entry.bytes.lowerBound))
    }
    return tensor
  }
}

// The header.
extension GGUFFile {
  private static func contents(
    of file: MappedFile, _ bytes: UnsafeRawBufferPointer
  ) throws -> (version: Int, metadata: GGUFMetadata, entries: [Entry]) {
    var cursor = GGUFCursor(bytes, file: file.path.shown)
    guard bytes.starts(with: Array("GGUF".utf8)) else {
      let format = WeightFormat.recognise(bytes)
      throw cursor.refusal(
        format.map { "this is \($0.rawValue), expected a GGUF file" }
          ?? "the file does not begin with 'GGUF'")
    }
    _ = try cursor.take(4, "the magic number")
    let version = try cursor.number(UInt32.self, "the version")
    guard version == 2 || version == 3 else {
      let kind = version.byteSwapped <= 0xFF ? " (a big-endian file?)" : ""
      throw cursor.refusal("GGUF version \(version)\(kind), expected 2 or 3", at: 4)
    }
    // A tensor takes at least its name's length, rank, type and offset; a key its length, type, value.
    let tensors = try cursor.count("tensors", least: 8 + 4 + 4 + 8)
    let keys = try cursor.count("keys", least: 8 + 4 + 1)
    let metadata = try GGUFMetadata(file, count: keys, cursor: &cursor)
    if let parts = try metadata.int("split.count"), parts > 1 {
      throw cursor.refusal("this is one of \(parts) parts of a model, expected one whole file")
    }
    let alignment = try alignment(metadata, cursor)
    var entries = try table(tensors, alignment, &cursor)
    entries.sort {
      ($0.bytes.lowerBound, $0.bytes.upperBound, UTF8Key($0.name))
        < ($1.bytes.lowerBound, $1.bytes.upperBound, UTF8Key($1.name))
    }
    try checkPlaces(of: entries, alignment, cursor, size: bytes.count)
    return (Int(version), metadata, entries)
  }

  private static func alignment(_ metadata: GGUFMetadata, _ cursor: GGUFCursor) throws -> Int {
    let key = "general.alignment"
    guard let value = try metadata.int(key) else { return defaultAlignment }
    guard (8...1 << 16).contains(value), value & (value - 1) == 0 else {
      throw cursor.refusal("'\(key)' is \(value), expected a power of two from 8 to 65536")
    }
    return value
  }

  /// The table of tensors; their offsets are counted from the end of the table, aligned.
  private static func table(
    _ count: Int, _ alignment: Int, _ cursor: inout GGUFCursor
  ) throws -> [Entry] {
    var seen: Set<UTF8Key> = []
    var raw: [(name: String, type: ElementType, shape: [Int], offset: Int, size: Int)] = []
    for number in 0..<count {
      let start = cursor.offset
      let name = cursor.text(try cursor.string("the name of tensor \(number)"))
      let shown = "tensor '\(TerminalText.excerpt(name))'"
      func refuse(_ message: String) -> InputError {
        cursor.refusal("\(shown) \(message)", at: start)
      }
      guard seen.insert(UTF8Key(name)).inserted else { throw refuse("occurs twice") }
      let rank = try cursor.number(UInt32.self, "the rank of \(shown)")
      guard rank <= maximumDimensions else {
        throw refuse("has \(rank) dimensions, at most \(maximumDimensions) are read")
      }
      let sizes = try (0..<rank).map { _ in
        try cursor.number(UInt64.self, "the shape of \(shown)")
      }
      let typeNumber = try cursor.number(UInt32.self, "the type of \(shown)")
      let offset = try cursor.number(UInt64.self, "the offset of \(shown)")
      guard let type = ElementType(rawValue: typeNumber) else {
        let known = ElementType.allCases.map(\.name).joined(separator: ", ")
        throw refuse("has type \(ElementType.name(typeNumber)), expected one of \(known)")
      }
      let shape = sizes.reversed().compactMap { Int(exactly: $0) }
      guard shape.count == sizes.count, let count = elementCount(of: shape),
        case (let size, let overflow) = (count / type.blockCount)
          .multipliedReportingOverflow(by: type.blockBytes), !overflow
      else {
        throw refuse("has the dimensions \(sizes), whose product overflows")
      }
      guard (shape.last ?? 1) % type.blockCount == 0 else {
        throw refuse(
          "has rows of \(shape.last ?? 1) numbers, \(type.name) has blocks of \(type.blockCount)")
      }
      guard let place = Int(exactly: offset), place % alignment == 0 else {
        throw refuse("begins at byte \(offset) of the data, expected a multiple of \(alignment)")
      }
      raw.append((name, type, shape, place, size))
    }
    let dataStart = (cursor.offset + alignment - 1) / alignment * alignment
    return try raw.map { name, type, shape, offset, size in
      let (start, overflow) = dataStart.addingReportingOverflow(offset)
      let (end, overflowToo) = start.addingReportingOverflow(size)
      guard !overflow, !overflowToo else {
        throw cursor.refusal(
          "tensor '\(TerminalText.excerpt(name))' ends beyond any file: offset \(offset), \(size) bytes"
        )
      }
      return Entry(name: name, type: type, shape: shape, bytes: start..<end)
    }
  }

  /// Tensors lie one behind the other, each at the next aligned byte, and end with the file.
  private static func checkPlaces(
    of entries: [Entry], _ alignment: Int, _ cursor: GGUFCursor, size: Int
  ) throws {
    func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
    var end = cursor.offset
    for entry in entries {
      let shown = "tensor '\(TerminalText.excerpt(entry.name))'"
      // First, so that the sums below cannot overflow.
      guard entry.bytes.upperBound <= size || entry.bytes.isEmpty else {
        throw cursor.refusal(
          "\(shown) ends at byte \(entry.bytes.upperBound), the file has \(size):"
            + " \(entry.bytes.upperBound - size) bytes are missing", at: entry.bytes.lowerBound)
      }
      guard entry.bytes.lowerBound == aligned(end) else {
        let fault =
          entry.bytes.lowerBound < aligned(end) ? "overlaps what is before" : "leaves a hole"
        throw cursor.refusal(
          "\(shown) \(fault): begins at byte \(entry.bytes.lowerBound), expected \(aligned(end))",
          at: entry.bytes.lowerBound)
      }
      end = entry.bytes.upperBound
    }
    guard size <= aligned(end) else {
      throw cursor.refusal("\(size - end) bytes after the last tensor", at: end)
    }
  }
}
