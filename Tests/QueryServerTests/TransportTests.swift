import Basics
import Glibc
import Synchronization
import Testing

@testable import QueryServer

@Suite struct TransportTests {
  private func pieces(_ input: [UInt8], limit: Int, cut: Int) -> [MessageSplitter.Piece] {
    var splitter = MessageSplitter(limit: limit)
    var found: [MessageSplitter.Piece] = []
    var rest = input[...]
    while !rest.isEmpty {
      Array(rest.prefix(cut)).withUnsafeBytes { splitter.feed($0) { found.append($0) } }
      rest = rest.dropFirst(cut)
    }
    if let last = splitter.finish() { found.append(last) }
    return found
  }

  @Test(arguments: 1...12) func linesAreTheSameHoweverTheyAreCut(cut: Int) {
    let input = Array("one\n\r\n  \ntwo\r\n\nabcdefghij\nabcdefghi\n12345678901234567890\nend".utf8)
    let expected: [MessageSplitter.Piece] = [
      .line(Array("one".utf8)), .line(Array("two".utf8)), .tooLong(bytes: 10),
      .line(Array("abcdefghi".utf8)), .tooLong(bytes: 20), .line(Array("end".utf8)),
    ]
    #expect(pieces(input, limit: 9, cut: cut) == expected)
  }

  @Test func bytesArePassedAsTheyAre() {
    let line: [UInt8] = (0...255).filter { $0 != 0x0A }
    #expect(pieces(line + [0x0A], limit: 300, cut: 7) == [.line(line)])
  }

  @Test func linesNeverInterleaveAndNoneIsLost() {
    let written = Collected()
    let outgoing = OutgoingLines(limit: 1000) { bytes in
      // A reader that takes little at a time.
      let count = min(bytes.count, 37)
      written.bytes.withLock { $0.append(contentsOf: bytes.prefix(count)) }
      return count
    }
    let done = Monitor(0)
    for writer in 0..<4 {
      startThread(named: "test") {
        for number in 0..<200 {
          outgoing.send(Array("\(writer) \(number) \(String(repeating: "x", count: 50))".utf8))
        }
        done.change { $0 += 1 }
      }
    }
    #expect(done.wait(until: { $0 == 4 }, within: .seconds(30)))
    #expect(outgoing.finish(within: .seconds(30)))
    let lines = written.bytes.withLock { String(decoding: $0, as: UTF8.self) }
      .split(separator: "\n")
    #expect(lines.count == 800)
    for writer in 0..<4 {
      let own = lines.filter { $0.hasPrefix("\(writer) ") }
      #expect(
        own.map(String.init)
          == (0..<200).map { "\(writer) \($0) \(String(repeating: "x", count: 50))" })
    }
  }

  @Test func aReaderThatStopsHoldsUpTheWriters() {
    let gate = Monitor(false)
    let outgoing = OutgoingLines(limit: 100) { bytes in
      gate.wait(until: { $0 })
      return bytes.count
    }
    let sent = Mutex(0)
    let isDone = Monitor(false)
    startThread(named: "test") {
      for _ in 0..<10 {
        outgoing.send(Array(repeating: 0x61, count: 60))
        sent.withLock { $0 += 1 }
      }
      isDone.change { $0 = true }
    }
    #expect(!isDone.wait(until: { $0 }, within: .milliseconds(200)))
    // Two fill the queue; the writing thread holds what it took in its count until it is written.
    #expect(sent.withLock { $0 } == 2)
    #expect(outgoing.waitingBytes == 122)
    var asked = 0
    outgoing.waitForRoom {
      asked += 1
      return asked > 1
    }
    gate.change { $0 = true }
    #expect(isDone.wait(until: { $0 }, within: .seconds(30)))
    #expect(outgoing.finish(within: .seconds(30)))
  }

  @Test func aReaderThatGoesAwayEndsTheWriting() {
    let isClosed = Monitor(false)
    let outgoing = OutgoingLines(
      limit: 10, onClose: { isClosed.change { $0 = true } }, write: { _ in nil })
    outgoing.send([0x61])
    #expect(isClosed.wait(until: { $0 }, within: .seconds(30)))
    #expect(outgoing.isClosed)
    // Nothing waits any more.
    for _ in 0..<5 { outgoing.send(Array(repeating: 0x61, count: 60)) }
    outgoing.waitForRoom()
    #expect(!outgoing.finish(within: .seconds(1)))
  }

  @Test func readingTellsTheEndAndTheClosedOutput() throws {
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    #expect(pipe(&input) == 0 && pipe(&output) == 0)
    let streams = ProtocolStreams(input: input[0], output: output[1])
    let stop = StopSignal()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
    defer { buffer.deallocate() }
    #expect(!streams.hasInput)
    #expect(write(input[1], "abc", 3) == 3)
    #expect(streams.hasInput)
    #expect(try streams.read(into: buffer, until: stop).get() == 3)
    close(output[0])
    guard case .failure(let closed) = try streams.read(into: buffer, until: stop) else {
      Issue.record("a closed output was not noticed")
      return
    }
    #expect(closed.end == .outputClosed)
    close(input[1])
    close(output[1])
    let other = ProtocolStreams(input: input[0], output: STDERR_FILENO)
    guard case .failure(let over) = try other.read(into: buffer, until: stop) else {
      Issue.record("the end was not noticed")
      return
    }
    #expect(over.end == .endOfInput)
    stop.outputWasClosed()
    #expect(stop.end == .outputClosed)
    close(input[0])
  }

  private final class Collected: Sendable {
    let bytes = Mutex<[UInt8]>([])
  }
}
