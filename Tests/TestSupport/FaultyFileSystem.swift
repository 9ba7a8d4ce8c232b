public import Basics
import Glibc
import Synchronization
public import SystemPackage

/// The real file system with one injected fault, or with all calls made difficult.
public final class FaultyFileSystem: FileSystem {
  /// A system call that can be made to fail.
  public enum Call: String, Sendable, CaseIterable {
    /// `open(2)`.
    case open
    /// `read(2)`.
    case read
    /// `write(2)`.
    case write
    /// `fsync(2)`.
    case sync
    /// `ftruncate(2)`.
    case truncate
    /// `fstat(2)` and `lstat(2)`.
    case status
    /// `close(2)`.
    case close
    /// `rename(2)`.
    case rename
    /// `unlink(2)`.
    case unlink
    /// `mkdir(2)`.
    case makeDirectory
  }

  /// What goes wrong.
  public enum Fault: Sendable {
    /// The n-th call of any kind, from 1, fails with an error.
    case any(Int, Errno)
    /// The n-th call of a kind, from 1, fails with an error.
    case nth(Call, Int, Errno)
    /// Every write takes one byte, every read gives one, each after one `EINTR`.
    case trickle
    /// After this many bytes the disk is full.
    case full(afterBytes: Int)
  }

  private struct State {
    var calls = 0
    var counts: [Call: Int] = [:]
    var written = 0
    var isInterrupted = false
    var openDescriptors = 0
  }

  private let live = LiveFileSystem()
  private let fault: Fault?
  private let state = Mutex(State())

  /// A file system with a fault; without one it only counts.
  public init(_ fault: Fault? = nil) { self.fault = fault }

  /// The number of calls so far.
  public var callCount: Int { state.withLock { $0.calls } }
  /// Descriptors opened and not closed.
  public var openDescriptors: Int { state.withLock { $0.openDescriptors } }

  /// Counts a call and lets it fail if it is its turn.
  private func enter(_ call: Call) throws(Errno) {
    let fails: Errno? = state.withLock { state in
      state.calls += 1
      state.counts[call, default: 0] += 1
      switch fault {
      case .any(let n, let error): return state.calls == n ? error : nil
      case .nth(let kind, let n, let error):
        return kind == call && state.counts[call] == n ? error : nil
      case .trickle:
        guard call == .read || call == .write || call == .sync else { return nil }
        state.isInterrupted.toggle()
        return state.isInterrupted ? .interrupted : nil
      case .full, nil: return nil
      }
    }
    if let fails { throw fails }
  }

  /// `open(2)`.
  public func open(_ path: FilePath, flags: Int32, permissions: UInt32) throws(Errno) -> Int32 {
    try enter(.open)
    let descriptor = try live.open(path, flags: flags, permissions: permissions)
    state.withLock { $0.openDescriptors += 1 }
    return descriptor
  }

  /// `read(2)`.
  public func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try enter(.read)
    guard case .trickle = fault else { return try live.read(descriptor, into: buffer) }
    return try live.read(
      descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(1)))
  }

  /// `write(2)`.
  public func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    try enter(.write)
    switch fault {
    case .trickle:
      return try live.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(1)))
    case .full(let limit):
      let space = limit - state.withLock { $0.written }
      guard space > 0 else { throw .noSpace }
      let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(space))
      let count = try live.write(descriptor, part)
      state.withLock { $0.written += count }
      return count
    default: return try live.write(descriptor, bytes)
    }
  }

  /// `fsync(2)`.
  public func sync(_ descriptor: Int32) throws(Errno) {
    try enter(.sync)
    try live.sync(descriptor)
  }

  /// `ftruncate(2)`.
  public func truncate(_ descriptor: Int32, to size: Int) throws(Errno) {
    try enter(.truncate)
    try live.truncate(descriptor, to: size)
  }

  /// `fstat(2)`.
  public func status(_ descriptor: Int32) throws(Errno) -> FileStatus {
    try enter(.status)
    return try live.status(descriptor)
  }

  /// `lstat(2)`.
  public func linkStatus(_ path: FilePath) throws(Errno) -> FileStatus {
    try enter(.status)
    return try live.linkStatus(path)
  }

  /// `close(2)`; the descriptor is closed even if the call is made to fail, as Linux does.
  public func close(_ descriptor: Int32) throws(Errno) {
    state.withLock { $0.openDescriptors -= 1 }
    try live.close(descriptor)
    try enter(.close)
  }

  /// `rename(2)`.
  public func rename(_ source: FilePath, to target: FilePath) throws(Errno) {
    try enter(.rename)
    try live.rename(source, to: target)
  }

  /// `unlink(2)`.
  public func unlink(_ path: FilePath) throws(Errno) {
    try enter(.unlink)
    try live.unlink(path)
  }

  /// `mkdir(2)`.
  public func makeDirectory(_ path: FilePath) throws(Errno) {
    try enter(.makeDirectory)
    try live.makeDirectory(path)
  }
}
