/// Reads and checks the central directory of a zip file.
struct ZipDirectoryReader {
  private let bytes: UnsafeRawBufferPointer
  private let integers: LittleEndianBytes

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    integers = LittleEndianBytes(bytes)
  }

  /// The files of the archive.
  func entries() throws -> [ZipArchive.Entry] {
    let directory = try findDirectory()
    var entries: [ZipArchive.Entry] = []
    var kinds: [UTF8Key: Bool] = [:]  // whether the name is a folder
    var position = directory.offset
    for _ in 0..<directory.count {
      let (entry, isFolder, next) = try readEntry(at: position, end: directory.end)
      var name = entry.name
      if isFolder { name.unicodeScalars.removeLast() }
      if kinds.updateValue(isFolder, forKey: UTF8Key(name)) != nil {
        throw InputError(
          "the name stands twice in the archive", at: Place(byteOffset: position, record: name))
      }
      if !isFolder { entries.append(try locate(entry, before: directory.offset)) }
      position = next
    }
    guard position == directory.end else {
      throw InputError(
        "\(directory.end - position) bytes follow the last entry of the directory",
        at: Place(byteOffset: position))
    }
    try checkFolders(entries, kinds)
    try checkOverlap(entries)
    return entries
  }

  // MARK: The end record

  private func findDirectory() throws -> (offset: Int, end: Int, count: Int) {
    guard bytes.count >= 22 else {
      throw InputError("\(bytes.count) bytes are too few for a zip archive")
    }
    // The record is at the end, behind it only a comment of at most 65,535 bytes.
    var position = bytes.count - 22
    let lowest = max(0, position - 0xFFFF)
    while position >= lowest {
      if integers.uint32(at: position) == 0x0605_4B50,
        integers.uint16(at: position + 20) == bytes.count - position - 22
      {
        return try readEndRecord(at: position)
      }
      position -= 1
    }
    throw InputError("no end record: this is no zip archive, or it is cut off")
  }

  private func readEndRecord(at position: Int) throws -> (offset: Int, end: Int, count: Int) {
    let place = Place(byteOffset: position)
    guard let disk = integers.uint16(at: position + 4), disk == 0 || disk == 0xFFFF,
      var count = integers.uint16(at: position + 10),
      var size = integers.uint32(at: position + 12),
      var offset = integers.uint32(at: position + 16)
    else { throw InputError("the archive has more than one part", at: place) }
    var end = position
    if integers.uint32(at: position - 20) == 0x0706_4B50 {
      guard let large = integers.uint64(at: position - 12),
        integers.uint32(at: large) == 0x0606_4B50,
        let largeCount = integers.uint64(at: large + 32),
        let largeSize = integers.uint64(at: large + 40),
        let largeOffset = integers.uint64(at: large + 48)
      else { throw InputError("the zip64 end record is damaged", at: place) }
      (count, size, offset, end) = (largeCount, largeSize, largeOffset, large)
    }
    guard offset <= end, size == end - offset else {
      throw InputError(
        "the directory is said to have \(size) bytes from byte \(offset), "
          + "but its end is at byte \(end)", at: place)
    }
    guard count <= ZipArchive.maximumEntries else {
      throw InputError(
        "the archive has \(count) entries, at most \(ZipArchive.maximumEntries) are accepted",
        at: place)
    }
    guard count <= size / 46 else {
      throw InputError(
        "\(count) entries do not fit into a directory of \(size) bytes", at: place)
    }
    return (offset, end, count)
  }

  // MARK: One entry

  private func readEntry(
    at position: Int, end: Int
  ) throws -> (entry: ZipArchive.Entry, isFolder: Bool, next: Int) {
    let place = Place(byteOffset: position)
    guard position + 46 <= end, integers.uint32(at: position) == 0x0201_4B50,
      let flags = integers.uint16(at: position + 8),
      let method = integers.uint16(at: position + 10),
      let checksum = integers.uint32(at: position + 16),
      var packedSize = integers.uint32(at: position + 20),
      var size = integers.uint32(at: position + 24),
      let nameCount = integers.uint16(at: position + 28),
      let extraCount = integers.uint16(at: position + 30),
      let commentCount = integers.uint16(at: position + 32),
      let attributes = integers.uint32(at: position + 38),
      var offset = integers.uint32(at: position + 42),
      let nameBytes = integers.slice(at: position + 46, count: nameCount),
      let extra = integers.slice(at: position + 46 + nameCount, count: extraCount),
      position + 46 + nameCount + extraCount + commentCount <= end
    else { throw InputError("the directory of the archive is damaged", at: place) }

    let (name, isFolder) = try Self.checkedName(nameBytes, at: place)
    let named = place.inRecord(name)
    guard flags & 0x2061 == 0 else { throw InputError("the entry is encrypted", at: named) }
    guard method == 0 || method == 8 else {
      throw InputError(
        "compression method \(method) is not read, only 0 (stored) and 8 (deflate)", at: named)
    }
    // The upper half holds the Unix mode where there is one.
    let format = (attributes >> 16) & 0xF000
    guard format == 0 || format == (isFolder ? 0x4000 : 0x8000) else {
      throw InputError("the entry is a link or device (mode \(format >> 12))", at: named)
    }
    try readLargeValues(extra, &size, &packedSize, &offset, at: named)
    guard method == 8 || size == packedSize else {
      throw InputError("a stored entry of \(size) bytes takes \(packedSize)", at: named)
    }
    // Deflate packs at most 1032 to 1: refuse a false size before memory is taken for it.
    guard size / 1032 <= packedSize else {
      throw InputError("\(packedSize) packed bytes cannot hold \(size) bytes", at: named)
    }
    guard !isFolder || size == 0 else {
      throw InputError("a folder has \(size) bytes of content", at: named)
    }
    let entry = ZipArchive.Entry(
      name: name, size: size, packedSize: packedSize, crc32: UInt32(checksum),
      isDeflated: method == 8, headerOffset: offset, dataOffset: 0)
    return (entry, isFolder, position + 46 + nameCount + extraCount + commentCount)
  }

  /// Replaces the sizes and the offset that are all ones by those of the zip64 extra field.
  private func readLargeValues(
    _ extra: UnsafeRawBufferPointer, _ size: inout Int, _ packedSize: inout Int,
    _ offset: inout Int, at place: Place
  ) throws {
    let marker = 0xFFFF_FFFF
    guard size == marker || packedSize == marker || offset == marker else { return }
    let fields = LittleEndianBytes(extra)
    var position = 0
    while let id = fields.uint16(at: position), let count = fields.uint16(at: position + 2) {
      guard id == 1 else {
        position += 4 + count
        continue
      }
      var field = position + 4
      let end = field + count
      func next() throws -> Int {
        guard field + 8 <= end, let value = fields.uint64(at: field) else {
          throw InputError("the zip64 field of the entry is damaged", at: place)
        }
        field += 8
        return value
      }
      if size == marker { size = try next() }
      if packedSize == marker { packedSize = try next() }
      if offset == marker { offset = try next() }
      return
    }
    throw InputError("the zip64 field of the entry is missing", at: place)
  }

  /// Follows the entry to its own header, which must agree, and to its data.
  private func locate(
    _ entry: ZipArchive.Entry, before end: Int
  ) throws -> ZipArchive.Entry {
    let place = Place(byteOffset: entry.headerOffset, record: entry.name)
    let header = entry.headerOffset
    guard integers.uint32(at: header) == 0x0403_4B50,
      let method = integers.uint16(at: header + 8),
      let nameCount = integers.uint16(at: header + 26),
      let extraCount = integers.uint16(at: header + 28),
      let name = integers.slice(at: header + 30, count: nameCount)
    else { throw InputError("the entry's header is damaged or outside of the archive", at: place) }
    guard withUTF8Bytes(of: entry.name, { bytesEqual($0, name) }),
      method == (entry.isDeflated ? 8 : 0)
    else { throw InputError("the entry's header differs from the directory", at: place) }
    let data = header + 30 + nameCount + extraCount
    guard data <= end, entry.packedSize <= end - data else {
      throw InputError(
        "the entry needs \(entry.packedSize) bytes from byte \(data), "
          + "but the directory begins at byte \(end)", at: place)
    }
    return ZipArchive.Entry(
      name: entry.name, size: entry.size, packedSize: entry.packedSize, crc32: entry.crc32,
      isDeflated: entry.isDeflated, headerOffset: header, dataOffset: data)
  }

  // MARK: Checks over all entries

  private static func checkedName(
    _ bytes: UnsafeRawBufferPointer, at place: Place
  ) throws -> (name: String, isFolder: Bool) {
    guard let name = String(validating: bytes, as: UTF8.self) else {
      throw InputError("an entry's name is not UTF-8", at: place)
    }
    let named = place.inRecord(name)
    let isFolder = bytes.last == UInt8(ascii: "/")
    if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) {
      throw InputError("the entry's name holds a control character or '\\'", at: named)
    }
    if bytes.first == UInt8(ascii: "/") || (bytes.count >= 2 && bytes[1] == UInt8(ascii: ":")) {
      throw InputError("the entry's name is an absolute path", at: named)
    }
    let parts = (isFolder ? bytes.dropLast() : bytes[...]).split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for part in parts where part.isEmpty || part.allSatisfy({ $0 == UInt8(ascii: ".") }) {
      throw InputError("the entry's name has an empty, '.' or '..' part", at: named)
    }
    return (name, isFolder)
  }

  /// No file may stand where another entry needs a folder.
  private func checkFolders(
    _ entries: [ZipArchive.Entry], _ kinds: [UTF8Key: Bool]
  ) throws {
    for entry in entries {
      var parent = entry.name.utf8[...]
      while let slash = parent.lastIndex(of: UInt8(ascii: "/")) {
        parent = parent[..<slash]
        if kinds[UTF8Key(String(Substring(parent)))] == false {
          throw InputError(
            "the entry lies below a file",
            at: Place(byteOffset: entry.headerOffset, record: entry.name))
        }
      }
    }
  }

  /// Entries that share bytes make a small archive unpack to a huge one.
  private func checkOverlap(_ entries: [ZipArchive.Entry]) throws {
    var end = 0
    for entry in entries.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      guard entry.headerOffset >= end else {
        throw InputError(
          "the entry overlaps the one before it",
          at: Place(byteOffset: entry.headerOffset, record: entry.name))
      }
      end = entry.dataOffset + entry.packedSize
    }
  }
}
