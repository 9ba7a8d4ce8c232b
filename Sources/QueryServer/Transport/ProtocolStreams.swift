import Basics
import Glibc
import SystemPackage

/// The two ends of the conversation: standard input and what was standard output.
///
/// Descriptor 1 is kept aside and replaced by standard error, so that no library can print into the
/// protocol.
struct ProtocolStreams {
  /// What stopped the reading.
  enum End: Equatable {
    /// The client has closed its end, or the file is over.
    case endOfInput
    /// A signal asked for the end.
    case signal(Int32)
    /// Nobody reads the answers any more.
    case outputClosed
    /// The server could not be made ready.
    case failure
  }

  private let input: Int32
  /// Where answers go.
  let output: Int32

  /// Takes descriptor 1 aside.
  ///
  /// - Throws: `FileError` if the process has no descriptor left.
  static func takingStandardOutput() throws -> ProtocolStreams {
    let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard output >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else {
      throw FileError(
        cannot: "keep aside", "standard output", reason: String(cString: strerror(errno)),
        exitStatus: .failure)
    }
    return ProtocolStreams(input: STDIN_FILENO, output: output)
  }

  /// Descriptors that are open already, for tests.
  init(input: Int32, output: Int32) {
    self.input = input
    self.output = output
  }

  /// Whether something can be read at once.
  var hasInput: Bool {
    var poll = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) > 0 && poll.revents & Int16(POLLIN) != 0
  }

  /// Reads what there is and waits if there is nothing.
  ///
  /// - Parameters:
  ///   - buffer: Room for the bytes.
  ///   - stop: Wakes the reading.
  /// - Returns: The number of bytes, or why there are no more.
  /// - Throws: `FileError` if standard input cannot be read, a directory for one.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, until stop: StopSignal
  ) throws -> Result<Int, EndOfReading> {
    while true {
      var polls = [
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: input, events: Int16(POLLIN), revents: 0),
        // Without events it still tells that the other end was closed.
        pollfd(fd: output, events: 0, revents: 0),
      ]
      guard poll(&polls, nfds_t(polls.count), -1) >= 0 else {
        if errno == EINTR { continue }
        throw failure(errno)
      }
      if let end = stop.end { return .failure(EndOfReading(end: end)) }
      if polls[2].revents & Int16(POLLERR) != 0 {
        return .failure(EndOfReading(end: .outputClosed))
      }
      if polls[1].revents & Int16(POLLNVAL) != 0 { throw failure(EBADF) }
      guard polls[1].revents != 0 else { continue }
      let count = Glibc.read(input, buffer.baseAddress, buffer.count)
      if count > 0 { return .success(count) }
      if count == 0 { return .failure(EndOfReading(end: .endOfInput)) }
      if errno == EINTR || errno == EAGAIN { continue }
      throw failure(errno)
    }
  }

  /// Wraps an end, which is no error.
  struct EndOfReading: Error { let end: End }

  private func failure(_ number: Int32) -> FileError {
    FileError(
      cannot: "read", "standard input", reason: String(cString: strerror(number)),
      exitStatus: .noInput)
  }

  /// Writes some bytes; blocks while the other end does not read.
  ///
  /// - Parameter bytes: At least one.
  /// - Returns: How many were taken; `nil` if the other end is gone.
  func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
    while true {
      let count = Glibc.write(output, bytes.baseAddress, bytes.count)
      if count > 0 { return count }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        // Somebody set the descriptor to not block; the writer is a thread that may.
        var ready = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        _ = poll(&ready, 1, -1)
        continue
      }
      return nil
    }
  }
}
