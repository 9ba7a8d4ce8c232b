import CZlib
public import SystemPackage

/// A zip file, such as a Python wheel, read with every length checked and every name refused that
/// could lead out of a directory.
///
/// Read: stored and deflated entries, zip64. Refused with the entry's name: encryption, other
/// methods, links and devices, absolute names, `..`, `\`, names twice, overlapping entries.
/// Source of the format: PKWARE APPNOTE 6.3.9, sections 4.3 to 4.5.
public struct ZipArchive: Sendable {
  /// Entries that are accepted in one archive.
  public static let maximumEntries = 100_000

  /// A file in the archive.
  public struct Entry: Sendable, Equatable {
    /// The relative path with `/` between its parts, checked as the type says.
    public let name: String
    /// Unpacked size in bytes.
    public let size: Int
    /// Size in the archive in bytes.
    public let packedSize: Int
    /// The checksum stated for the unpacked bytes.
    public let crc32: UInt32
    let isDeflated: Bool
    let headerOffset: Int
    let dataOffset: Int
  }

  /// The archive's file.
  public let path: FilePath
  /// The files in the order of the directory; folders are left out.
  public let entries: [Entry]

  private let file: MappedFile
  private let positions: [UTF8Key: Int]

  /// Opens an archive and checks its whole directory.
  ///
  /// - Parameter path: A regular file.
  /// - Throws: `FileError` if it cannot be read; `InputError` with byte offset and entry name.
  public init(_ path: FilePath) throws {
    self.path = path
    file = try MappedFile(path)
    do {
      entries = try file.withBytes { try ZipDirectoryReader($0).entries() }
    } catch var error as InputError {
      error.place.file = path.shown
      throw error
    }
    positions = Dictionary(
      uniqueKeysWithValues: entries.enumerated().map { (UTF8Key($1.name), $0) })
  }

  /// The entry of a name, compared by bytes.
  public func entry(named name: String) -> Entry? {
    positions[UTF8Key(name)].map { entries[$0] }
  }

  /// The bytes of an entry.
  ///
  /// - Parameters:
  ///   - entry: An entry of this archive.
  ///   - limit: Unpacked bytes that are accepted.
  /// - Returns: The bytes, whose checksum has been compared.
  /// - Throws: `InputError` for damage, or if the entry is larger than `limit`.
  public func read(_ entry: Entry, limit: Int) throws -> [UInt8] {
    guard entry.size <= limit else {
      throw InputError(
        "the entry has \(entry.size) bytes, at most \(limit) are accepted", at: place(of: entry))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entry.size)
    try forEachPiece(of: entry) { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Writes an entry to a file, which appears only if the checksum is right.
  ///
  /// - Parameters:
  ///   - entry: An entry of this archive.
  ///   - target: The file; its directory must exist.
  ///   - files: The system calls.
  /// - Throws: `InputError` for damage, `FileError` if the file cannot be written.
  public func extract(
    _ entry: Entry, to target: FilePath, files: any FileSystem = LiveFileSystem()
  ) throws {
    let writer = try AtomicFile.Writer(target, files: files)
    do {
      try forEachPiece(of: entry) { try writer.write($0) }
      try writer.commit()
    } catch {
      writer.abandon()
      throw error
    }
  }

  /// Hands out the bytes of an entry in pieces.
  ///
  /// - Parameters:
  ///   - entry: An entry of this archive.
  ///   - body: Called with each piece; the pieces are trustworthy only if this method returns.
  /// - Throws: `InputError` for damage; what `body` throws.
  public func forEachPiece(
    of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try file.withBytes { try forEachPiece(of: entry, in: $0, body) }
  }

  private func forEachPiece(
    of entry: Entry, in bytes: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard
      let packed = LittleEndianBytes(bytes)
        .slice(at: entry.dataOffset, count: entry.packedSize)
    else { throw InputError("the entry lies outside of the archive", at: place(of: entry)) }
    var checksum = CZlib.crc32(0, nil, 0)
    var count = 0
    func take(_ piece: UnsafeRawBufferPointer) throws {
      checksum = CZlib.crc32_z(
        checksum, piece.baseAddress?.assumingMemoryBound(to: Bytef.self), piece.count)
      count += piece.count
      try body(piece)
    }
    if entry.isDeflated {
      do {
        let inflater = try Inflater(.raw, maximumBytes: entry.size)
        try inflater.inflateAll(packed, take)
      } catch var error as InputError where error.place.record == nil {
        error.place = place(of: entry)
        throw error
      }
    } else {
      for start in stride(from: 0, to: packed.count, by: 1 << 20) {
        let end = min(start + 1 << 20, packed.count)
        try take(UnsafeRawBufferPointer(rebasing: packed[start..<end]))
      }
    }
    guard count == entry.size else {
      throw InputError("expected \(entry.size) bytes, found \(count)", at: place(of: entry))
    }
    guard UInt32(truncatingIfNeeded: checksum) == entry.crc32 else {
      throw InputError(
        "the CRC-32 is \(hexadecimal(UInt32(truncatingIfNeeded: checksum), digits: 8)), "
          + "expected \(hexadecimal(entry.crc32, digits: 8))", at: place(of: entry))
    }
  }

  private func place(of entry: Entry) -> Place {
    Place(file: path.shown, byteOffset: entry.headerOffset, record: entry.name)
  }
}
