import CZlib

/// Streaming decompression over zlib, with limits against small files that unpack to huge ones.
final class Inflater {
  enum Format {
    /// One or more gzip members.
    case gzip
    /// A bare deflate stream, as in a zip entry.
    case raw
  }

  /// Beyond this many bytes of output the ratio is checked.
  static let ratioFloor = 64 << 20
  /// Output bytes per input byte that are accepted beyond the floor; deflate itself ends at 1032.
  static let maximumRatio = 1000

  private let format: Format
  private let maximumBytes: Int
  private let stream: UnsafeMutablePointer<z_stream>
  /// Bytes read and written over all members.
  private(set) var inputBytes = 0
  private(set) var outputBytes = 0
  /// Whether the last member ended, and nothing of another has come.
  private(set) var isAtEnd = false

  init(_ format: Format, maximumBytes: Int) throws {
    self.format = format
    self.maximumBytes = maximumBytes
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let windowBits: Int32 = format == .gzip ? 15 + 16 : -15
    let status = inflateInit2_(
      stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      stream.deallocate()
      throw InputError("cannot start decompression (zlib status \(status))")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Unpacks as much of the input as fits into the output.
  ///
  /// - Returns: The bytes taken from `input` and put into `output`; both are 0 only if the input is
  ///   empty, or if it ended (raw).
  func inflate(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws -> (consumed: Int, produced: Int) {
    if isAtEnd {
      guard format == .gzip, !input.isEmpty else { return (0, 0) }
      inflateReset(stream)  // another member follows
      isAtEnd = false
    }
    let inputCount = min(input.count, 1 << 30)
    let outputCount = min(output.count, 1 << 30)
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
    stream.pointee.avail_in = uInt(inputCount)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_out = uInt(outputCount)
    let status = CZlib.inflate(stream, Z_NO_FLUSH)
    let consumed = inputCount - Int(stream.pointee.avail_in)
    let produced = outputCount - Int(stream.pointee.avail_out)
    inputBytes += consumed
    outputBytes += produced
    switch status {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isAtEnd = true
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
      throw fault("the compressed data is damaged: \(reason)")
    }
    if outputBytes > maximumBytes {
      throw fault("the compressed data unpacks to more than \(maximumBytes) bytes")
    }
    if outputBytes > Self.ratioFloor, outputBytes / Self.maximumRatio > inputBytes {
      throw fault(
        "the compressed data unpacks to more than \(Self.maximumRatio) times its size "
          + "(\(inputBytes) bytes to \(outputBytes) so far)")
    }
    return (consumed, produced)
  }

  /// The error for input that ends in the middle.
  func truncated() -> InputError { fault("the compressed data is cut off") }

  private func fault(_ message: String) -> InputError {
    InputError(message, at: Place(byteOffset: inputBytes))
  }
}
