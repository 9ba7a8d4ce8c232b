import Basics

/// A line from the client, as far as it is JSON-RPC 2.0.
enum IncomingMessage: Sendable {
  /// Wants one answer.
  case request(id: RequestID, method: String, params: JSONObject)
  /// Wants none.
  case notification(method: String, params: JSONObject)
  /// An answer to a question this server never asks.
  case response
  /// Several of them.
  case batch([IncomingMessage])
  /// Something else; the id if it could be read.
  case invalid(id: RequestID?, ProtocolError)

  /// Reads a line.
  ///
  /// - Parameter line: The bytes without the newline.
  init(line: [UInt8]) {
    do {
      self.init(try JSONParser.parse(line))
    } catch {
      let reason = (error as? InputError)?.description ?? "\(error)"
      self = .invalid(id: nil, ProtocolError(.parse, "the line is not JSON: \(reason)"))
    }
  }

  private init(_ value: JSONValue) {
    switch value {
    case .object(let object): self.init(object)
    case .array(let items):
      self = .batch(
        items.map { item in
          // An array in an array is no message.
          guard case .object(let object) = item else {
            return .invalid(id: nil, Self.noRequest(item))
          }
          return IncomingMessage(object)
        })
    default: self = .invalid(id: nil, Self.noRequest(value))
    }
  }

  private static func noRequest(_ value: JSONValue) -> ProtocolError {
    ProtocolError(
      .invalidRequest, "expected a JSON-RPC 2.0 request as an object, found \(value.summary)")
  }

  private init(_ object: JSONObject) {
    let written = object["id"]
    let id = written.flatMap { RequestID($0) }
    func invalid(_ message: String) -> IncomingMessage {
      .invalid(id: id, ProtocolError(.invalidRequest, message))
    }
    guard case .string("2.0")? = object["jsonrpc"] else {
      let found = object["jsonrpc"].map { "found \($0.summary)" } ?? "it is missing"
      self = invalid("jsonrpc: expected \"2.0\", \(found)")
      return
    }
    if let written, id == nil {
      self = invalid("id: expected a string or an integer, found \(written.summary)")
      return
    }
    guard let method = object["method"] else {
      let isResponse = object["result"] != nil || object["error"] != nil
      self = isResponse ? .response : invalid("method: it is missing")
      return
    }
    guard case .string(let method) = method else {
      self = invalid("method: expected a string, found \(method.summary)")
      return
    }
    for key in object.keys where !["jsonrpc", "id", "method", "params"].contains(key) {
      self = invalid(
        "a request has no member '\(TerminalText.excerpt(key))'"
          + NearestName.hint(for: key, in: ["jsonrpc", "id", "method", "params"]))
      return
    }
    let params: JSONObject
    switch object["params"] {
    case nil: params = [:]
    case .object(let object): params = object
    case let other?:
      let error = ProtocolError.parameter("params", "expected an object, found \(other.summary)")
      // A notification is never answered, whatever is wrong with it.
      self = written == nil ? .response : .invalid(id: id, error)
      return
    }
    self =
      if let id {
        .request(id: id, method: method, params: params)
      } else {
        .notification(method: method, params: params)
      }
  }
}
