import Foundation
import Glibc
public import SystemPackage

/// A process started by a test that is talked to while it runs: pipes to its standard input and from
/// its standard output, standard error in a file.
public final class PipedProcess {
  /// How it ended.
  public struct Ending: Sendable, Equatable {
    /// The exit status, `nil` if a signal ended it.
    public var status: Int32?
    /// The signal that ended it.
    public var signal: Int32?

    /// An end.
    public init(status: Int32? = nil, signal: Int32? = nil) {
      self.status = status
      self.signal = signal
    }
  }

  /// The process id.
  public let id: Int32
  private let directory: TemporaryDirectory
  private var input: Int32
  private var output: Int32
  private var buffered: [UInt8] = []
  private var ending: Ending?

  /// Starts a process.
  ///
  /// - Parameters:
  ///   - executable: Its path; there is no search.
  ///   - arguments: Without the name of the program.
  ///   - environment: Variables set over those of the test process; `nil` removes one.
  ///   - standardInput: A file that is its standard input in place of the pipe.
  /// - Throws: `ChildProcess.StartError`.
  public init(
    _ executable: FilePath, _ arguments: [String] = [], environment: [String: String?] = [:],
    standardInput: FilePath? = nil
  ) throws {
    directory = try TemporaryDirectory()
    signal(SIGPIPE, SIG_IGN)
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    ChildProcess.startLock.lock()
    defer { ChildProcess.startLock.unlock() }
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
      throw ChildProcess.StartError(description: "pipe: \(Errno(rawValue: errno))")
    }
    for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (input, output) = (toChild[1], fromChild[0])
    defer {
      close(toChild[0])
      close(fromChild[1])
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let standardInput {
      posix_spawn_file_actions_addopen(&actions, 0, standardInput.string, O_RDONLY, 0)
    } else {
      posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    }
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    posix_spawn_file_actions_addopen(
      &actions, 2, directory.file("stderr").string, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGPIPE, SIGHUP, SIGINT, SIGTERM] { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value }
    var argv = ([executable.string] + arguments).map { strdup($0) } + [nil]
    var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, executable.string, &actions, &attributes, &argv, &envp)
    id = pid
    guard status == 0 else {
      ending = Ending()
      throw ChildProcess.StartError(
        description: "cannot start \(executable): \(Errno(rawValue: status))")
    }
  }

  deinit {
    closeInput()
    closeOutput()
    if ending == nil {
      kill(id, SIGKILL)
      var status: Int32 = 0
      waitpid(id, &status, 0)
    }
  }

  /// Writes to standard input.
  ///
  /// - Parameters:
  ///   - bytes: What to write.
  ///   - timeout: The longest wait for a process that does not read.
  /// - Returns: How many bytes were taken.
  @discardableResult
  public func send(_ bytes: [UInt8], timeout: Duration = .seconds(60)) -> Int {
    let deadline = ContinuousClock.now + timeout
    _ = fcntl(input, F_SETFL, O_NONBLOCK)
    var sent = 0
    bytes.withUnsafeBytes { bytes in
      while sent < bytes.count, ContinuousClock.now < deadline {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = write(input, rest.baseAddress, rest.count)
        if count > 0 {
          sent += count
        } else if errno == EAGAIN {
          var ready = pollfd(fd: input, events: Int16(POLLOUT), revents: 0)
          _ = poll(&ready, 1, 20)
        } else if errno != EINTR {
          return
        }
      }
    }
    return sent
  }

  /// Writes a line to standard input.
  public func send(line: String) { send(Array((line + "\n").utf8)) }

  /// The next line of standard output.
  ///
  /// - Parameters:
  ///   - terminator: The byte that ends a line.
  ///   - timeout: The longest wait.
  /// - Returns: The line without what ends it; `nil` at the end or when the time is over.
  public func readLine(
    until terminator: UInt8 = 0x0A, timeout: Duration = .seconds(60)
  ) -> String? {
    let deadline = ContinuousClock.now + timeout
    while true {
      if let end = buffered.firstIndex(of: terminator) {
        let line = String(decoding: buffered[..<end], as: UTF8.self)
        buffered.removeSubrange(...end)
        return line
      }
      guard ContinuousClock.now < deadline, output >= 0 else { return nil }
      var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard poll(&ready, 1, 20) > 0 else { continue }
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(output, &chunk, chunk.count)
      if count > 0 {
        buffered += chunk[..<count]
      } else if count == 0 || errno != EINTR {
        return nil
      }
    }
  }

  /// Closes standard input.
  public func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// Stops listening to standard output.
  public func closeOutput() {
    if output >= 0 { close(output) }
    output = -1
  }

  /// Sends a signal, unless the process has ended.
  public func send(signal: Int32) {
    if ending == nil { kill(id, signal) }
  }

  /// Standard error so far.
  public var errorText: String {
    String(
      decoding: FileManager.default.contents(atPath: directory.file("stderr").string) ?? Data(),
      as: UTF8.self)
  }

  /// Bytes of memory it holds and has held at most, 0 after its end.
  public var residentBytes: (now: Int, most: Int) {
    var (now, most) = (0, 0)
    let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
    for line in status.split(separator: "\n") {
      let fields = line.split(separator: "\t").flatMap { $0.split(separator: " ") }
      guard fields.count >= 2, let kibibytes = Int(fields[1]) else { continue }
      if fields[0] == "VmRSS:" { now = kibibytes << 10 }
      if fields[0] == "VmHWM:" { most = kibibytes << 10 }
    }
    return (now, most)
  }

  /// Waits for the end.
  ///
  /// - Parameter timeout: The longest wait.
  /// - Returns: How it ended; `nil` if it has not.
  public func wait(timeout: Duration = .seconds(60)) -> Ending? {
    let deadline = ContinuousClock.now + timeout
    while ending == nil, ContinuousClock.now < deadline {
      var status: Int32 = 0
      if waitpid(id, &status, WNOHANG) == id {
        let signal = status & 0x7F
        ending =
          signal == 0
          ? Ending(status: (status >> 8) & 0xFF, signal: nil)
          : Ending(status: nil, signal: signal)
      } else {
        usleep(1000)
      }
    }
    return ending
  }
}
