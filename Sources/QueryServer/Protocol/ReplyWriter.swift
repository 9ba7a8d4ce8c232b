import Basics

/// Writes answers as lines: JSON without a newline, and without the characters that some readers
/// take for one (U+0085, U+2028, U+2029), so that no document can begin a line of its own.
struct ReplyWriter: Sendable {
  /// Who answers.
  let server: JSONObject

  /// A result.
  ///
  /// - Parameters:
  ///   - id: The id of the request.
  ///   - result: The result.
  ///   - version: The rules of the request.
  /// - Returns: The line.
  func result(_ id: RequestID, _ result: JSONObject, for version: ProtocolVersion) -> [UInt8] {
    var whole = result
    if version.isModern {
      whole["resultType"] = "complete"
      whole["_meta"] = .object([ProtocolVersion.MetaKey.serverInfo: .object(server)])
    }
    return line(["jsonrpc": "2.0", "id": id.json, "result": .object(whole)])
  }

  /// An error.
  ///
  /// - Parameters:
  ///   - id: The id of the request, `nil` if it could not be read.
  ///   - error: The error.
  ///   - needsID: Whether a missing id is written as null.
  /// - Returns: The line.
  func error(_ id: RequestID?, _ error: ProtocolError, needsID: Bool) -> [UInt8] {
    var members: JSONObject = [
      "code": JSONValue(error.code.rawValue), "message": .string(error.message),
    ]
    if let data = error.data { members["data"] = .object(data) }
    var whole: JSONObject = ["jsonrpc": "2.0"]
    if let id { whole["id"] = id.json } else if needsID { whole["id"] = .null }
    whole["error"] = .object(members)
    return line(whole)
  }

  /// A notification.
  func notification(_ method: String, _ params: JSONObject) -> [UInt8] {
    line(["jsonrpc": "2.0", "method": .string(method), "params": .object(params)])
  }

  /// What a tool gave: the same JSON as text and, where the version has it, as structured content.
  ///
  /// - Parameters:
  ///   - id: The id of the request.
  ///   - output: What the tool gave.
  ///   - version: The rules of the request.
  /// - Returns: The line.
  func tool(_ id: RequestID, _ output: JSONObject, for version: ProtocolVersion) -> [UInt8] {
    guard let structured = try? JSONValue.object(output).serializedAsLine() else {
      return error(
        id, ProtocolError(.internal, "the answer holds a number that is not finite"),
        needsID: false)
    }
    // Serialised once: the text block quotes the same bytes that stand beside it.
    var bytes = Array(#"{"jsonrpc":"2.0","id":"#.utf8)
    bytes += text(of: id.json)
    bytes += Array(#","result":{"content":[{"type":"text","text":"#.utf8)
    bytes += text(of: .string(structured))
    bytes += Array("}]".utf8)
    if version.hasStructuredContent {
      bytes += Array(#","structuredContent":"#.utf8)
      bytes += Array(structured.utf8)
    }
    bytes += Array(#","isError":false"#.utf8)
    if version.isModern {
      bytes += Array(#","resultType":"complete","_meta":"#.utf8)
      bytes += text(of: .object([ProtocolVersion.MetaKey.serverInfo: .object(server)]))
    }
    bytes += Array("}}".utf8)
    return bytes
  }

  /// A result that says what is wrong, so that the caller can correct itself.
  func toolError(_ id: RequestID, _ message: String, for version: ProtocolVersion) -> [UInt8] {
    result(
      id,
      [
        "content": [["type": "text", "text": .string(message)]], "isError": true,
      ], for: version)
  }

  private func line(_ object: JSONObject) -> [UInt8] { text(of: .object(object)) }

  private func text(of value: JSONValue) -> [UInt8] {
    // Only a number that is not finite cannot be written, and answers of tools are checked above.
    Array(((try? value.serializedAsLine()) ?? "null").utf8)
  }
}
