public import SystemPackage

/// A file that cannot be opened, read, created or written.
public struct FileError: ReportableError, Equatable {
  /// What was attempted, as a verb: `read`, `create`.
  public var action: String
  /// The file.
  public var path: FilePath
  /// The reason as text, with the name of the system error if there is one.
  public var reason: String
  /// The system error, if the system reported one.
  public var errno: Errno?
  /// 66 for missing input, 73 for output that cannot be created, 74 for a failure on the way.
  public var exitStatus: ExitStatus

  /// An error with a reason of our own.
  ///
  /// - Parameters:
  ///   - action: The verb.
  ///   - path: The file.
  ///   - reason: Why.
  ///   - exitStatus: 66, 73 or 74.
  public init(
    cannot action: String, _ path: FilePath, reason: String, exitStatus: ExitStatus
  ) {
    self.action = action
    self.path = path
    self.reason = reason
    self.exitStatus = exitStatus
  }

  /// An error that the system reported.
  ///
  /// - Parameters:
  ///   - action: The verb.
  ///   - path: The file.
  ///   - errno: The system error.
  ///   - exitStatus: 66, 73 or 74; `ENOSPC`, `EDQUOT`, `EFBIG` and `EIO` are always 74.
  ///   - bytesNeeded: Bytes still to be written, named when the disk is full.
  public init(
    cannot action: String, _ path: FilePath, errno: Errno, exitStatus: ExitStatus,
    bytesNeeded: Int? = nil
  ) {
    self.action = action
    self.path = path
    self.errno = errno
    let isFull = errno == .noSpace || errno == .diskQuotaExceeded || errno == .fileTooLarge
    self.exitStatus = isFull || errno == .ioError ? .inputOutput : exitStatus
    reason = "\(errno.description) (errno \(errno.rawValue))"
    if isFull, let bytesNeeded { reason += "; \(bytesNeeded) more bytes are needed" }
  }

  /// `cannot read '/a/b': No such file or directory (errno 2)`, safe for a terminal.
  public var description: String { "cannot \(action) '\(path.shown)': \(reason)" }
}

extension FilePath {
  /// The path for messages: controls as `U+XXXX`, bytes that are not UTF-8 as `\xNN`.
  public var shown: String {
    let bytes = withPlatformString { pointer in
      Array(UnsafeRawBufferPointer(start: pointer, count: length))
    }
    if let text = String(validating: bytes, as: UTF8.self) { return TerminalText.escaped(text) }
    return bytes.map { byte in
      (0x20..<0x7F).contains(byte)
        ? String(Unicode.Scalar(byte)) : "\\x" + hexadecimal(UInt32(byte), digits: 2)
    }.joined()
  }
}
