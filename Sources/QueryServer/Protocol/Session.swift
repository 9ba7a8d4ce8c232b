import Basics

/// Which rules a request comes under.
///
/// A request that names a version in its `_meta` stands for itself (2026-07-28). `initialize` fixes
/// one of the older versions for all requests without. A request with neither is refused.
struct Session: Sendable {
  /// The version that `initialize` fixed.
  private(set) var handshake: ProtocolVersion?

  /// Whether an error without a readable id says `"id":null`.
  var errorsNeedAnID: Bool { handshake?.errorsNeedAnID ?? false }

  /// The rules of a request.
  ///
  /// - Parameters:
  ///   - method: Its method.
  ///   - params: Its parameters.
  ///   - isHandshake: Whether it is `initialize`, which needs no version before.
  /// - Returns: The version.
  /// - Throws: `ProtocolError` if the version is not spoken, something of `_meta` is missing, or
  ///   nothing tells the version.
  func version(
    of method: String, _ params: JSONObject, isHandshake: Bool = false
  ) throws(ProtocolError) -> ProtocolVersion {
    let meta = try Self.meta(params)
    if let named = meta[ProtocolVersion.MetaKey.version] {
      return try Self.modern(named, meta)
    }
    if method == "server/discover" {
      throw .parameter("params._meta.\(ProtocolVersion.MetaKey.version)", "it is missing")
    }
    if let handshake { return handshake }
    if isHandshake { return ProtocolVersion.legacy.last ?? .v2025November }
    // A client may look whether anybody is there before it introduces itself.
    if method == "ping" { return .v2025November }
    throw ProtocolError(
      .invalidRequest,
      "no version of the protocol is agreed on: send 'initialize' first"
        + " (\(ProtocolVersion.legacy.map(\.rawValue).joined(separator: ", "))), or name"
        + " '\(ProtocolVersion.MetaKey.version)' in params._meta of every request"
        + " (\(ProtocolVersion.modern.map(\.rawValue).joined(separator: ", ")))")
  }

  /// Fixes the version that a client asks for, or the newest with a handshake.
  ///
  /// - Parameter params: The parameters of `initialize`.
  /// - Returns: The version.
  /// - Throws: `ProtocolError` for a second handshake, or without a version.
  mutating func initialize(_ params: JSONObject) throws(ProtocolError) -> ProtocolVersion {
    if let handshake {
      throw ProtocolError(
        .invalidRequest, "the session was initialized already, with \(handshake.rawValue)")
    }
    guard let named = params["protocolVersion"] else {
      throw .parameter("params.protocolVersion", "it is missing")
    }
    guard case .string(let name) = named else {
      throw .parameter("params.protocolVersion", "expected a string, found \(named.summary)")
    }
    for key in ["capabilities", "clientInfo"] {
      if let value = params[key], value.objectValue == nil {
        throw .parameter("params.\(key)", "expected an object, found \(value.summary)")
      }
    }
    let asked = ProtocolVersion(rawValue: name).flatMap { $0.isModern ? nil : $0 }
    let version = asked ?? ProtocolVersion.legacy.last ?? .v2025November
    handshake = version
    return version
  }

  private static func meta(_ params: JSONObject) throws(ProtocolError) -> JSONObject {
    guard let value = params["_meta"] else { return [:] }
    guard case .object(let meta) = value else {
      throw .parameter("params._meta", "expected an object, found \(value.summary)")
    }
    return meta
  }

  private static func modern(
    _ named: JSONValue, _ meta: JSONObject
  ) throws(ProtocolError) -> ProtocolVersion {
    guard case .string(let name) = named else {
      throw .parameter(
        "params._meta.\(ProtocolVersion.MetaKey.version)",
        "expected a string, found \(named.summary)")
    }
    guard let version = ProtocolVersion(rawValue: name), version.isModern else {
      throw ProtocolError(
        .unsupportedVersion,
        "the version '\(TerminalText.excerpt(name))' is not spoken without a handshake",
        data: [
          "supported": .array(ProtocolVersion.modern.map { .string($0.rawValue) }),
          "requested": .string(name),
        ])
    }
    let path = "params._meta.\(ProtocolVersion.MetaKey.capabilities)"
    guard let capabilities = meta[ProtocolVersion.MetaKey.capabilities] else {
      throw .parameter(path, "it is missing")
    }
    guard capabilities.objectValue != nil else {
      throw .parameter(path, "expected an object, found \(capabilities.summary)")
    }
    return version
  }
}
