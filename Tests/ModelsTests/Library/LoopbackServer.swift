import Foundation
import Glibc
import Synchronization

/// A small HTTP/1.1 server on the loopback interface that misbehaves as it is told.
final class LoopbackServer: Sendable {
  struct Request: Sendable {
    var path: String
    var headers: [String: String]

    /// The first byte asked for, if a range is.
    var rangeStart: Int? {
      headers["range"].flatMap { Int($0.dropFirst("bytes=".count).dropLast()) }
    }
  }

  struct Response: Sendable {
    var status = 200
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// Announce the length of the body; without it the end of the connection ends the body.
    var announcesLength = true
    /// Bytes of the body that are sent before the connection is cut.
    var cutAfter: Int?
    /// Keep the connection open without sending more until the client goes away.
    var stalls = false

    /// A file as an orderly host serves it: ranges, and the whole file if the tag has changed.
    static func file(_ bytes: [UInt8], _ request: Request, tag: String? = "\"v1\"") -> Response {
      var response = Response(headers: ["Content-Type": "application/octet-stream"], body: bytes)
      response.headers["ETag"] = tag
      let condition = request.headers["if-range"]
      guard let start = request.rangeStart, condition == nil || condition == tag else {
        return response
      }
      guard start < bytes.count else {
        return Response(status: 416, headers: ["Content-Range": "bytes */\(bytes.count)"])
      }
      response.status = 206
      response.headers["Content-Range"] = "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"
      response.body = Array(bytes[start...])
      return response
    }
  }

  /// Called with the request and how many came before it.
  typealias Handler = @Sendable (Request, Int) -> Response

  let port: UInt16
  private let listener: Int32
  private let log = Mutex<[Request]>([])

  /// The requests so far.
  var requests: [Request] { log.withLock { $0 } }
  var address: String { "http://127.0.0.1:\(port)" }
  func url(_ path: String) throws -> URL {
    try URL(string: address + path) ?? { throw CocoaError(.fileReadUnknown) }()
  }

  init(_ handler: @escaping Handler) throws {
    signal(SIGPIPE, SIG_IGN)
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let bound = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw CocoaError(.fileReadUnknown) }
    port = UInt16(bigEndian: name.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0 { return }
        serve(connection, handler)
        close(connection)
      }
    }
  }

  /// Ends the server; it lives until then, because its thread holds it.
  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve(_ connection: Int32, _ handler: Handler) {
    guard let request = receive(connection) else { return }
    let number = log.withLock { log in
      log.append(request)
      return log.count - 1
    }
    let response = handler(request, number)
    var head = "HTTP/1.1 \(response.status) Answer\r\nConnection: close\r\n"
    if response.announcesLength { head += "Content-Length: \(response.body.count)\r\n" }
    for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
    send(connection, Array((head + "\r\n").utf8))
    send(connection, Array(response.body.prefix(response.cutAfter ?? .max)))
    if response.stalls {
      var byte: UInt8 = 0
      while read(connection, &byte, 1) > 0 {}
    }
  }

  private func receive(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    let end = Array("\r\n\r\n".utf8)
    while bytes.count < 1 << 16, bytes.suffix(4) != end[...] {
      let count = read(connection, &buffer, buffer.count)
      if count <= 0 { return nil }
      bytes += buffer[..<count]
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n")).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
        .trimmingCharacters(in: .whitespaces)
    }
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3 else { return nil }
    return Request(path: String(words[1]), headers: headers)
  }

  private func send(_ connection: Int32, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}
