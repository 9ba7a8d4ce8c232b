import CZlib

/// Gzip in memory; files are read unpacked by ``ByteStream`` and ``LineReader``.
public enum Gzip {
  /// Whether bytes begin like a gzip file.
  public static func isGzip(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: [0x1F, 0x8B])
  }

  /// Packs bytes into one member without name and time, so that equal bytes pack equally.
  ///
  /// - Parameters:
  ///   - bytes: The content.
  ///   - level: 1 is fastest, 9 smallest.
  /// - Returns: The gzip file.
  /// - Throws: `InputError` if zlib cannot start.
  public static func compress(_ bytes: [UInt8], level: Int = 6) throws -> [UInt8] {
    precondition((1...9).contains(level), "Gzip.compress: level \(level) is not in 1...9")
    var stream = z_stream()
    let status = deflateInit2_(
      &stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw InputError("cannot start compression (zlib status \(status))")
    }
    defer { deflateEnd(&stream) }
    var packed: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 17)
    try bytes.withUnsafeBytes { input in
      var position = 0
      while true {
        let count = min(input.count - position, 1 << 30)
        stream.next_in = UnsafeMutablePointer(
          mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self).advanced(by: position))
        stream.avail_in = uInt(count)
        let isLast = position + count == input.count
        let (status, produced) = chunk.withUnsafeMutableBufferPointer { output in
          stream.next_out = output.baseAddress
          stream.avail_out = uInt(output.count)
          let status = deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          return (status, output.count - Int(stream.avail_out))
        }
        packed.append(contentsOf: chunk[..<produced])
        position += count - Int(stream.avail_in)
        if status == Z_STREAM_END { return }
        guard status == Z_OK || status == Z_BUF_ERROR else {
          throw InputError("compression failed (zlib status \(status))")
        }
      }
    }
    return packed
  }

  /// Unpacks a gzip file of one or more members.
  ///
  /// - Parameters:
  ///   - bytes: The file.
  ///   - limit: Unpacked bytes that are accepted.
  ///   - file: What errors name as the file.
  /// - Returns: The content.
  /// - Throws: `InputError` for data that is damaged, cut off, or unpacks to more than `limit`, or
  ///   to more than 1000 times its size beyond 64 MiB.
  public static func decompress(
    _ bytes: [UInt8], limit: Int, file: String? = nil
  ) throws -> [UInt8] {
    do {
      let inflater = try Inflater(.gzip, maximumBytes: limit)
      return try bytes.withUnsafeBytes { try inflater.inflateAll($0) }
    } catch var error as InputError {
      error.place.file = file
      throw error
    }
  }
}

extension Inflater {
  /// Unpacks all of the input, which must end where the data ends.
  func inflateAll(_ input: UnsafeRawBufferPointer) throws -> [UInt8] {
    var unpacked: [UInt8] = []
    try inflateAll(input) { unpacked.append(contentsOf: $0) }
    return unpacked
  }

  /// Unpacks all of the input, which must end where the data ends, in pieces.
  func inflateAll(
    _ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
    defer { chunk.deallocate() }
    var rest = input
    while true {
      let (consumed, produced) = try inflate(rest, into: chunk)
      rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
      if produced > 0 { try body(UnsafeRawBufferPointer(rebasing: chunk[..<produced])) }
      if consumed == 0, produced == 0 { break }
    }
    guard isAtEnd else { throw truncated() }
    guard rest.isEmpty else {
      throw InputError(
        "\(rest.count) bytes follow the compressed data", at: Place(byteOffset: inputBytes))
    }
  }
}
