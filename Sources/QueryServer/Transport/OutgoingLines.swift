import Glibc

/// Lines on their way out: a bounded queue and one thread that writes.
///
/// Lines never interleave. When the reader at the other end stops, the queue fills, `send` and
/// `waitForRoom` wait, and so the server stops reading: memory stays bounded. When the reader goes
/// away, everything is dropped and ``isClosed`` turns true.
final class OutgoingLines: Sendable {
  /// Writes some bytes and returns how many were taken; `nil` if the other end is gone.
  typealias Write = @Sendable (UnsafeRawBufferPointer) -> Int?

  /// Bytes that wait at most, one line of any length excepted: 4 MiB.
  static let defaultLimit = 4 << 20

  private struct Queue {
    var lines: [[UInt8]] = []
    var bytes = 0
    var isWriting = false
    var isClosed = false
    var isEnding = false
  }

  private let queue = Monitor(Queue())
  private let limit: Int
  private let write: Write
  private let onClose: @Sendable () -> Void

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - limit: Bytes that may wait.
  ///   - onClose: Called once from the writing thread when the other end is gone.
  ///   - write: Where they go; may block.
  init(
    limit: Int = OutgoingLines.defaultLimit, onClose: @escaping @Sendable () -> Void = {},
    write: @escaping Write
  ) {
    self.limit = limit
    self.write = write
    self.onClose = onClose
    startThread(named: "writer") { [self] in run() }
  }

  /// Whether the other end has gone away.
  var isClosed: Bool { queue.read(\.isClosed) }

  /// Bytes that wait to be written.
  var waitingBytes: Int { queue.read(\.bytes) }

  /// Waits until more lines are welcome.
  ///
  /// - Parameter isStopped: Asked ten times a second whether waiting makes no sense any more.
  func waitForRoom(unless isStopped: () -> Bool = { false }) {
    let limit = limit
    while !isStopped() {
      let isReady = queue.wait(
        until: { $0.isClosed || $0.bytes < limit }, within: .milliseconds(100))
      if isReady { return }
    }
  }

  /// Puts a line behind the others after waiting for room; nothing happens after the end.
  ///
  /// - Parameter line: Without the newline, and without one in it.
  func send(_ line: [UInt8]) {
    let limit = limit
    _ = queue.when(
      { $0.isClosed || $0.isEnding || $0.bytes < limit }, then: { Self.append(line, to: &$0) })
  }

  /// Puts a line behind the others at once, for the thread that has waited for room already.
  func sendWithoutWaiting(_ line: [UInt8]) { queue.change { Self.append(line, to: &$0) } }

  private static func append(_ line: [UInt8], to queue: inout Queue) {
    guard !queue.isClosed, !queue.isEnding else { return }
    assert(!line.contains(0x0A), "a message holds a newline")
    queue.lines.append(line)
    queue.bytes += line.count + 1
  }

  /// Waits until everything was written and ends the thread.
  ///
  /// - Parameter limit: The longest wait.
  /// - Returns: Whether everything was written.
  @discardableResult
  func finish(within limit: Duration) -> Bool {
    queue.change { $0.isEnding = true }
    return queue.when(
      { $0.isClosed || ($0.lines.isEmpty && !$0.isWriting) }, within: limit,
      then: { !$0.isClosed }) ?? false
  }

  private func run() {
    while true {
      let batch: [[UInt8]]? =
        queue.when(
          { !$0.lines.isEmpty || $0.isEnding },
          then: { queue in
            if queue.lines.isEmpty { return nil }
            queue.isWriting = true
            defer { queue.lines = [] }
            return queue.lines
          }) ?? nil
      guard let batch else { return }
      let isOpen = write(batch)
      queue.change { queue in
        queue.isWriting = false
        if isOpen {
          queue.bytes -= batch.reduce(0) { $0 + $1.count + 1 }
        } else {
          queue.isClosed = true
          queue.lines = []
          queue.bytes = 0
        }
      }
      if !isOpen { return onClose() }
    }
  }

  /// Small lines leave together, so that a burst of answers costs one system call.
  private func write(_ lines: [[UInt8]]) -> Bool {
    var buffer: [UInt8] = []
    for (number, line) in lines.enumerated() {
      buffer += line
      buffer.append(0x0A)
      if buffer.count >= 1 << 16 || number == lines.count - 1 {
        guard writeAll(buffer) else { return false }
        buffer.removeAll(keepingCapacity: true)
      }
    }
    return true
  }

  private func writeAll(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        guard let count = write(UnsafeRawBufferPointer(rebasing: rest)) else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }
}
