import Foundation
import Glibc
public import SystemPackage

/// A process started by a test, with its output in files, so that no pipe can fill up.
public final class ChildProcess {
  /// How a process ended and what it wrote.
  public struct Result: Sendable {
    /// The exit status, `nil` if a signal ended it.
    public var status: Int32?
    /// The signal that ended it.
    public var signal: Int32?
    /// Whether it was killed because its time was over.
    public var isTimedOut: Bool
    /// Standard output.
    public var output: [UInt8]
    /// Standard error.
    public var errors: [UInt8]

    /// Standard output as text, repaired where it is not UTF-8.
    public var outputText: String { String(decoding: output, as: UTF8.self) }
    /// Standard error as text, repaired where it is not UTF-8.
    public var errorText: String { String(decoding: errors, as: UTF8.self) }
  }

  /// A process that could not be started.
  public struct StartError: Error, CustomStringConvertible {
    /// Which one and why.
    public var description: String
  }

  /// One start at a time: a child started between `pipe` and `fcntl` would keep the pipe open.
  static let startLock = NSLock()

  /// The process id.
  public let id: Int32
  private let directory: TemporaryDirectory
  private var input: Int32
  private var ending: (status: Int32?, signal: Int32?)?

  /// Starts a process.
  ///
  /// - Parameters:
  ///   - executable: Its path; there is no search.
  ///   - arguments: Without the name of the program.
  ///   - environment: Variables set over those of the test process; `nil` removes one.
  /// - Throws: `StartError`.
  public init(
    _ executable: FilePath, _ arguments: [String] = [], environment: [String: String?] = [:]
  ) throws {
    directory = try TemporaryDirectory()
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    Self.startLock.lock()
    defer { Self.startLock.unlock() }
    guard pipe(&ends) == 0 else {
      throw StartError(description: "pipe: \(Errno(rawValue: errno))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    input = ends[1]
    defer { close(ends[0]) }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    for (descriptor, name) in [(Int32(1), "stdout"), (2, "stderr")] {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, directory.file(name).string, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
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
      close(input)
      input = -1
      ending = (nil, nil)
      throw StartError(description: "cannot start \(executable): \(Errno(rawValue: status))")
    }
  }

  deinit {
    closeInput()
    if ending == nil {
      send(signal: SIGKILL)
      var status: Int32 = 0
      waitpid(id, &status, 0)
    }
  }

  /// Writes to standard input; nothing happens if the process has closed it.
  public func send(_ bytes: some Sequence<UInt8>) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Closes standard input.
  public func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// Sends a signal, unless the process has ended.
  public func send(signal: Int32) {
    if ending == nil { kill(id, signal) }
  }

  /// Standard output so far.
  public var output: [UInt8] { contents("stdout") }
  /// Standard error so far.
  public var errors: [UInt8] { contents("stderr") }

  /// Waits for the end; kills the process when the time is over.
  ///
  /// - Parameter timeout: The longest wait.
  /// - Returns: How it ended and all it wrote.
  public func wait(timeout: Duration = .seconds(60)) -> Result {
    let deadline = ContinuousClock.now + timeout
    var isTimedOut = false
    while ending == nil {
      var status: Int32 = 0
      let pid = waitpid(id, &status, isTimedOut ? 0 : WNOHANG)
      if pid == id {
        let signal = status & 0x7F
        ending = signal == 0 ? ((status >> 8) & 0xFF, nil) : (nil, signal)
      } else if pid < 0, errno != EINTR {
        ending = (nil, nil)
      } else if ContinuousClock.now > deadline {
        isTimedOut = true
        kill(id, SIGKILL)
      } else {
        usleep(1000)
      }
    }
    return Result(
      status: ending?.status, signal: ending?.signal, isTimedOut: isTimedOut, output: output,
      errors: errors)
  }

  /// Runs a process to its end.
  ///
  /// - Parameters:
  ///   - executable: Its path; there is no search.
  ///   - arguments: Without the name of the program.
  ///   - environment: Variables set over those of the test process; `nil` removes one.
  ///   - input: All of standard input; up to 64 KiB is safe for a process that reads late.
  ///   - timeout: The longest wait.
  /// - Returns: How it ended and what it wrote.
  /// - Throws: `StartError`.
  public static func run(
    _ executable: FilePath, _ arguments: [String] = [], environment: [String: String?] = [:],
    input: [UInt8] = [], timeout: Duration = .seconds(60)
  ) throws -> Result {
    let child = try ChildProcess(executable, arguments, environment: environment)
    child.send(input)
    child.closeInput()
    return child.wait(timeout: timeout)
  }

  private func contents(_ name: String) -> [UInt8] {
    FileManager.default.contents(atPath: directory.file(name).string).map(Array.init) ?? []
  }
}
