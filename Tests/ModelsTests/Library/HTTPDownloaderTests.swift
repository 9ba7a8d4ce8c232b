import Basics
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// 300 kB without a pattern that a wrong offset would hide.
private let content: [UInt8] = (0..<300_000).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 7) }
private let sha256 = Checksum.sha256(content)

/// The waits that a downloader asked for.
private final class Waits: Sendable {
  private let durations = Mutex<[Duration]>([])
  var all: [Duration] { durations.withLock { $0 } }
  func add(_ duration: Duration) { durations.withLock { $0.append(duration) } }
}

/// A server, a folder and a downloader that does not really wait.
private final class Bench {
  let server: LoopbackServer
  let directory: TemporaryDirectory
  var limits = HTTPDownloader.Limits()
  private let waits = Waits()
  var pauses: [Duration] { waits.all }
  var target: FilePath { directory.file("file.bin") }

  init(_ handler: @escaping LoopbackServer.Handler) throws {
    server = try LoopbackServer(handler)
    directory = try TemporaryDirectory()
    limits.idleSeconds = 20
  }
  deinit { server.stop() }

  @discardableResult
  func download(
    _ path: String = "/file.bin", sha256: String? = nil
  ) throws -> HTTPDownloader.Result {
    let downloader = HTTPDownloader(limits: limits) { [waits] in waits.add($0) }
    return try downloader.download(server.url(path), to: target, sha256: sha256)
  }

  func failure(_ path: String = "/file.bin", sha256: String? = nil) throws -> DownloadError {
    do {
      try download(path, sha256: sha256)
    } catch let error as DownloadError {
      return error
    }
    Issue.record("the download succeeded")
    return DownloadError(address: "", reason: .notFound)
  }

  func expectContent(_ expected: [UInt8] = content) throws {
    #expect(try FileBytes.read(target, limit: 1 << 20) == expected)
    #expect(try directory.names() == ["file.bin"])
  }
}

@Suite struct HTTPDownloaderTests {
  @Test func wholeFile() throws {
    let seen = Mutex<[Int]>([])
    let server = try LoopbackServer { request, _ in .file(content, request) }
    defer { server.stop() }
    let directory = try TemporaryDirectory()
    let result = try HTTPDownloader().download(
      server.url("/a/file.bin?x=1"), to: directory.file("file.bin")
    ) { done, total in
      #expect(total == content.count)
      seen.withLock { $0.append(done) }
    }
    #expect(result == .init(bytes: content.count, sha256: sha256, resumedBytes: 0))
    #expect(try FileBytes.read(directory.file("file.bin"), limit: 1 << 20) == content)
    #expect(try directory.names() == ["file.bin"])
    let counts = seen.withLock { $0 }
    #expect(counts == counts.sorted() && counts.first == 0 && counts.last == content.count)
    let request = try #require(server.requests.first)
    #expect(request.path == "/a/file.bin?x=1")
    #expect(request.headers["accept-encoding"] == "identity")
    #expect(request.headers["range"] == nil)
  }

  @Test func emptyFile() throws {
    let bench = try Bench { request, _ in .file([], request) }
    #expect(try bench.download().bytes == 0)
    try bench.expectContent([])
  }

  @Test func goesOnAfterACut() throws {
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request)
      if number < 2 { response.cutAfter = 100_000 }
      return response
    }
    #expect(try bench.download().sha256 == sha256)
    try bench.expectContent()
    #expect(bench.server.requests.map(\.rangeStart) == [nil, 100_000, 200_000])
    #expect(bench.server.requests[1].headers["if-range"] == "\"v1\"")
    // Each attempt brought bytes, so each is the first in a row.
    #expect(bench.pauses == [.seconds(1), .seconds(1)])
  }

  /// The state that a kill leaves is that of a download that gave up.
  @Test(arguments: ["\"v1\"", "none, checksum known"])
  func goesOnInAnotherProcess(_ tag: String) throws {
    let tag = tag.hasPrefix("\"") ? tag : nil
    let known = tag == nil ? sha256 : nil
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request, tag: tag)
      if number == 0 { response.cutAfter = 123_456 }
      return response
    }
    bench.limits.attempts = 1
    guard case .connection = try bench.failure(sha256: known).reason else {
      Issue.record("expected a broken connection")
      return
    }
    #expect(try bench.directory.names() == ["file.bin.part", "file.bin.part.json"])
    #expect(try bench.download(sha256: known).resumedBytes == 123_456)
    #expect(bench.server.requests.last?.rangeStart == 123_456)
    try bench.expectContent()
  }

  /// Without a validator and without a checksum nothing says that the rest belongs to the beginning.
  @Test func startsAgainWithoutAnyProof() throws {
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request, tag: nil)
      if number == 0 { response.cutAfter = 1000 }
      return response
    }
    try bench.download()
    #expect(bench.server.requests.map(\.rangeStart) == [nil, nil])
    try bench.expectContent()
  }

  @Test func weakTagsDoNotVouch() throws {
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request, tag: "W/\"v1\"")
      if number == 0 { response.cutAfter = 1000 }
      return response
    }
    try bench.download()
    #expect(bench.server.requests.map(\.rangeStart) == [nil, nil])
  }

  @Test func fileChangedInBetween() throws {
    let other = content.map { ~$0 }
    let bench = try Bench { request, number in
      if number > 0 { return .file(other, request, tag: "\"v2\"") }
      var response = LoopbackServer.Response.file(content, request)
      response.cutAfter = 100_000
      return response
    }
    try bench.download()
    try bench.expectContent(other)
  }

  @Test func hostIgnoresRanges() throws {
    let bench = try Bench { _, number in
      var response = LoopbackServer.Response(headers: ["ETag": "\"v1\""], body: content)
      if number == 0 { response.cutAfter = 100_000 }
      return response
    }
    try bench.download(sha256: sha256)
    #expect(bench.server.requests.map(\.rangeStart) == [nil, 100_000])
    try bench.expectContent()
  }

  @Test(arguments: ["bytes 99999-299999/300000", "bytes 100000-299999/300001", "nonsense", ""])
  func wrongRange(_ range: String) throws {
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request)
      if number == 0 { response.cutAfter = 100_000 }
      if number == 1 { response.headers["Content-Range"] = range }
      return response
    }
    try bench.download(sha256: sha256)
    #expect(bench.server.requests.map(\.rangeStart) == [nil, 100_000, nil])
    try bench.expectContent()
  }

  @Test func rangeNotSatisfiable() throws {
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request)
      if number == 0 { response.cutAfter = 100_000 }
      return number == 1 ? .init(status: 416) : response
    }
    try bench.download()
    try bench.expectContent()
  }

  @Test func busyHost() throws {
    let bench = try Bench { request, number in
      switch number {
      case 0: .init(status: 500)
      case 1: .init(status: 503, headers: ["Retry-After": "7"])
      case 2: .init(status: 429, headers: ["Retry-After": "100000"])
      default: .file(content, request)
      }
    }
    try bench.download()
    #expect(bench.pauses == [.seconds(1), .seconds(7), .seconds(60)])
    try bench.expectContent()
  }

  @Test func brokenHost() throws {
    let bench = try Bench { _, _ in .init(status: 502) }
    let error = try bench.failure()
    #expect(error.reason == .connection("the host answers 502"))
    #expect(error.exitStatus == .inputOutput)
    #expect(bench.server.requests.count == 5)
    #expect(bench.pauses == [1, 2, 4, 8].map { .seconds($0) })
    #expect(try bench.directory.names() == [])
  }

  @Test(arguments: [
    (404, DownloadError.Reason.notFound, Basics.ExitStatus.noInput),
    (410, .notFound, .noInput), (403, .status(403), .inputOutput),
    (401, .status(401), .inputOutput), (206, .status(206), .inputOutput),
    (400, .status(400), .inputOutput),
  ])
  func refusals(_ status: Int, _ reason: DownloadError.Reason, _ exit: Basics.ExitStatus) throws {
    let bench = try Bench { _, _ in .init(status: status, body: Array("no".utf8)) }
    let error = try bench.failure()
    #expect(error.reason == reason)
    #expect(error.exitStatus == exit)
    #expect(bench.server.requests.count == 1)
    #expect(try bench.directory.names() == [])
  }

  @Test(arguments: [
    ("text/html; charset=utf-8", "no matter", "HTML"),
    ("application/octet-stream", "\n<!DOCTYPE html><html>", "HTML"),
    ("text/plain", "version https://git-lfs.github.com/spec/v1\noid sha256:1", "LFS pointer"),
  ])
  func otherContent(_ type: String, _ body: String, _ fragment: String) throws {
    let bench = try Bench { _, _ in
      .init(headers: ["Content-Type": type], body: Array(body.utf8))
    }
    let error = try bench.failure()
    #expect(error.description.contains(fragment), "\(error)")
    #expect(error.exitStatus == .badData)
    #expect(bench.server.requests.count == 1)
    #expect(try bench.directory.names() == [])
  }

  @Test func wrongChecksum() throws {
    let bench = try Bench { request, _ in .file(content, request) }
    let wanted = String(repeating: "a", count: 64)
    let error = try bench.failure(sha256: wanted)
    #expect(error.description.contains("SHA-256 \(sha256), expected \(wanted)"))
    #expect(try bench.directory.names() == [])
  }

  @Test(arguments: [true, false])
  func tooLarge(_ isAnnounced: Bool) throws {
    let bench = try Bench { _, _ in .init(body: content, announcesLength: isAnnounced) }
    bench.limits.maximumBytes = content.count - 1
    let error = try bench.failure()
    #expect(error.exitStatus == .badData)
    #expect(error.description.contains(isAnnounced ? "has 300000 bytes" : "more bytes"), "\(error)")
    bench.limits.maximumBytes = content.count
    try bench.download()
    try bench.expectContent()
  }

  @Test func redirections() throws {
    let bench = try Bench { request, number in
      switch request.path {
      case "/start": return .init(status: 302, headers: ["Location": "/middle"])
      case "/middle": return .init(status: 307, headers: ["Location": "file.bin"])
      default:
        var response = LoopbackServer.Response.file(content, request)
        if number == 2 { response.cutAfter = 100_000 }
        return response
      }
    }
    try bench.download("/start")
    try bench.expectContent()
    #expect(bench.server.requests.map(\.path).filter { $0 == "/file.bin" }.count == 2)
    #expect(bench.server.requests.last?.rangeStart == 100_000)
    #expect(bench.server.requests.last?.headers["if-range"] == "\"v1\"")
  }

  @Test func redirectionLoop() throws {
    let bench = try Bench { _, _ in .init(status: 302, headers: ["Location": "/loop"]) }
    let error = try bench.failure("/loop")
    #expect(error.reason == .content("too many redirections"))
    #expect(bench.server.requests.count <= 12)
  }

  @Test func silentHost() throws {
    let bench = try Bench { request, number in
      var response = LoopbackServer.Response.file(content, request)
      if number == 0 {
        response.cutAfter = 100_000
        response.stalls = true
      }
      return response
    }
    bench.limits.idleSeconds = 1
    try bench.download()
    #expect(bench.server.requests.map(\.rangeStart) == [nil, 100_000])
    try bench.expectContent()
  }

  @Test func nobodyListens() throws {
    let bench = try Bench { _, _ in .init() }
    bench.server.stop()
    let closed = try LoopbackServer { _, _ in .init() }
    closed.stop()
    let url = try #require(URL(string: "http://127.0.0.1:1/file.bin"))
    let start = ContinuousClock.now
    #expect {
      try HTTPDownloader().download(url, to: bench.target)
    } throws: {
      let error = $0 as? DownloadError
      return error?.exitStatus == .inputOutput && "\($0)".contains("check the network")
    }
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test(arguments: ["file:///etc/passwd", "ftp://localhost/x", "http:///x"])
  func otherAddresses(_ address: String) throws {
    let directory = try TemporaryDirectory()
    let url = try #require(URL(string: address))
    #expect(throws: DownloadError.self) {
      try HTTPDownloader().download(url, to: directory.file("x"))
    }
    #expect(try directory.names() == [])
  }

  @Test func folderThatCannotBeWritten() throws {
    let bench = try Bench { request, _ in .file(content, request) }
    #expect {
      try HTTPDownloader().download(
        bench.server.url("/file.bin"), to: bench.directory.file("missing/file.bin"))
    } throws: {
      ($0 as? FileError)?.exitStatus == .cannotCreate
    }
  }

  @Test(arguments: [
    ("bytes 0-9/10", 0, 10), ("bytes 5-9/10", 5, 10), ("Bytes 9-9/10", 9, 10),
  ])
  func contentRange(_ text: String, _ start: Int, _ total: Int) {
    let range = ContentRange(text)
    #expect(range?.start == start && range?.total == total)
  }

  @Test(arguments: [
    "bytes */10", "bytes 5-8/10", "bytes 9-5/10", "bytes 5-9/*", "bytes -1-9/10", "items 0-9/10",
    "bytes 0-9", "bytes 0-99999999999999999999/10", "",
  ])
  func badContentRange(_ text: String) { #expect(ContentRange(text) == nil) }
}
