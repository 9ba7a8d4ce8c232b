import Basics

/// A version of the Model Context Protocol that is spoken here.
enum ProtocolVersion: String, CaseIterable, Sendable, Comparable {
  case v2024November = "2024-11-05"
  case v2025March = "2025-03-26"
  case v2025June = "2025-06-18"
  case v2025November = "2025-11-25"
  case v2026July = "2026-07-28"

  static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The versions with the `initialize` handshake, the newest last.
  static let legacy: [ProtocolVersion] = allCases.filter { $0 < .v2026July }
  /// The versions without state, each request with its own `_meta`.
  static let modern: [ProtocolVersion] = [.v2026July]

  /// Whether requests stand for themselves.
  var isModern: Bool { self >= .v2026July }
  /// Whether a result of a tool has `structuredContent`.
  var hasStructuredContent: Bool { self >= .v2025June }
  /// Whether tools have titles and output schemas.
  var hasOutputSchemas: Bool { self >= .v2025June }
  /// Whether tools have annotations.
  var hasAnnotations: Bool { self >= .v2025March }
  /// Whether several messages may stand in one array.
  var allowsBatches: Bool { self == .v2025March }
  /// Whether an error whose request has no readable id says `"id":null` rather than nothing.
  var errorsNeedAnID: Bool { self <= .v2025June }

  /// Keys of `_meta` in the stateless era.
  enum MetaKey {
    static let version = "io.modelcontextprotocol/protocolVersion"
    static let capabilities = "io.modelcontextprotocol/clientCapabilities"
    static let serverInfo = "io.modelcontextprotocol/serverInfo"
  }
}
