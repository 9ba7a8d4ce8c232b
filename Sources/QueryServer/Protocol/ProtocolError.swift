import Basics

/// An error of the protocol: a code, one sentence, and data where the code asks for it.
struct ProtocolError: Error, Sendable, Equatable {
  /// The codes that are sent.
  enum Code: Int, Sendable {
    /// The line is no JSON.
    case parse = -32700
    /// The JSON is no request, or none that is allowed here.
    case invalidRequest = -32600
    /// No such method.
    case methodNotFound = -32601
    /// The parameters do not fit, or no tool has the name.
    case invalidParams = -32602
    /// A fault of the server.
    case `internal` = -32603
    /// Too many requests wait, or the server is ending.
    case busy = -32000
    /// Another version of the protocol is asked for.
    case unsupportedVersion = -32022
  }

  var code: Code
  var message: String
  var data: JSONObject?

  init(_ code: Code, _ message: String, data: JSONObject? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  /// A parameter of the wrong type or missing, named by its path.
  static func parameter(_ path: String, _ problem: String) -> ProtocolError {
    ProtocolError(.invalidParams, "\(path): \(problem)", data: ["path": .string(path)])
  }
}
