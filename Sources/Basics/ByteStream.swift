import Glibc
public import SystemPackage

/// The bytes of a file in pieces: gzip unpacked, a byte order mark at the start left out.
///
/// Gzip is recognised by its first bytes, whatever the file is called; its members are read one
/// after another. Gzip inside gzip is refused. Not safe for use from two threads at once.
public final class ByteStream {
  /// What errors call the file.
  public let name: String
  /// Bytes of a byte order mark that were left out, 0 or 3.
  public private(set) var skippedBytes = 0
  /// Whether the file is gzip, known after the first read.
  public private(set) var isCompressed = false

  private let path: FilePath
  private let files: any FileSystem
  private let maximumBytes: Int
  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private let input: UnsafeMutableRawBufferPointer
  private var inputRange = 0..<0
  private var isStarted = false
  private var isAtEnd = false
  private var inflater: Inflater?
  /// Unpacked bytes read to find a byte order mark and not handed out yet.
  private var pending: ArraySlice<UInt8> = []

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: A regular file, or `-` for standard input.
  ///   - maximumBytes: Unpacked bytes that are accepted.
  ///   - files: The system calls.
  /// - Throws: `FileError` with exit status 66.
  public init(
    _ path: FilePath, maximumBytes: Int = 1 << 40, files: any FileSystem = LiveFileSystem()
  ) throws {
    self.path = path
    self.files = files
    self.maximumBytes = maximumBytes
    if path == "-" {
      name = "standard input"
      descriptor = STDIN_FILENO
      ownsDescriptor = false
    } else {
      name = path.shown
      descriptor = try files.openRegular(path).descriptor
      ownsDescriptor = true
    }
    input = .allocate(byteCount: 1 << 17, alignment: 64)
  }

  deinit {
    input.deallocate()
    if ownsDescriptor { try? files.close(descriptor) }
  }

  /// Reads the next bytes.
  ///
  /// - Parameter buffer: Filled from the front, not always wholly; must not be empty.
  /// - Returns: The number of bytes, 0 at the end.
  /// - Throws: `FileError` if reading fails, `InputError` for damaged gzip or too many bytes.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    precondition(!buffer.isEmpty, "ByteStream.read: the buffer is empty")
    if !isStarted { try start() }
    if !pending.isEmpty {
      let count = min(buffer.count, pending.count)
      buffer.copyBytes(from: pending.prefix(count))
      pending = pending.dropFirst(count)
      return count
    }
    return try readUnpacked(into: buffer)
  }

  /// Reads all that is left.
  ///
  /// - Returns: The bytes.
  /// - Throws: `FileError` if reading fails, `InputError` for damaged gzip or too many bytes.
  public func readAll() throws -> [UInt8] {
    var bytes: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { chunk.deallocate() }
    while true {
      let count = try read(into: chunk)
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  private var outputBytes = 0

  private func start() throws {
    isStarted = true
    // Two bytes tell gzip, and a pipe may hand them out one at a time.
    while inputRange.count < 2, try refill() {}
    if inputRange.count >= 2, input[inputRange.lowerBound] == 0x1F,
      input[inputRange.lowerBound + 1] == 0x8B
    {
      isCompressed = true
      inflater = try Inflater(.gzip, maximumBytes: maximumBytes)
    }
    var head: [UInt8] = []
    try withUnsafeTemporaryAllocation(byteCount: 3, alignment: 1) { buffer in
      while head.count < 3 {
        let count = try readUnpacked(
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<(3 - head.count)]))
        if count == 0 { break }
        head.append(contentsOf: buffer[..<count])
      }
    }
    if isCompressed, head.starts(with: [0x1F, 0x8B]) {
      throw InputError("gzip inside gzip is not accepted", at: Place(file: name))
    }
    if head == [0xEF, 0xBB, 0xBF] {
      skippedBytes = 3
    } else {
      pending = head[...]
    }
  }

  private func readUnpacked(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let inflater else {
      if inputRange.isEmpty, !(try refill()) { return 0 }
      let count = min(buffer.count, inputRange.count)
      buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: input[inputRange.prefix(count)]))
      inputRange = inputRange.dropFirst(count)
      outputBytes += count
      guard outputBytes <= maximumBytes else {
        throw InputError(
          "the input has more than the \(maximumBytes) bytes that are accepted",
          at: Place(file: name))
      }
      return count
    }
    do {
      while true {
        if inputRange.isEmpty, !(try refill()) {
          // The window may still hold output although all input is taken.
          let (_, produced) = try inflater.inflate(
            UnsafeRawBufferPointer(start: nil, count: 0), into: buffer)
          if produced > 0 { return produced }
          if inflater.isAtEnd { return 0 }
          throw inflater.truncated()
        }
        let (consumed, produced) = try inflater.inflate(
          UnsafeRawBufferPointer(rebasing: input[inputRange]), into: buffer)
        inputRange = inputRange.dropFirst(consumed)
        if produced > 0 { return produced }
      }
    } catch var error as InputError {
      error.place.file = name
      throw error
    }
  }

  /// Reads more input behind what is there; `false` at the end.
  private func refill() throws -> Bool {
    if isAtEnd { return false }
    if inputRange.isEmpty { inputRange = 0..<0 }
    let space = UnsafeMutableRawBufferPointer(rebasing: input[inputRange.upperBound...])
    do {
      let count = try files.retrying { () throws(Errno) in
        try files.read(descriptor, into: space)
      }
      if count == 0 { isAtEnd = true }
      inputRange = inputRange.lowerBound..<(inputRange.upperBound + count)
      return count > 0
    } catch {
      throw FileError(cannot: "read", path, errno: error, exitStatus: .inputOutput)
    }
  }
}
