import Basics

/// Something a client can have done, by name, with arguments that a schema describes.
protocol Tool: Sendable {
  /// Name, schemas and hints, as clients see them.
  var definition: ToolDefinition { get }

  /// Does the work, or has it done.
  ///
  /// - Parameters:
  ///   - arguments: They agree with the input schema.
  ///   - context: The request; long work looks whether it was cancelled.
  ///   - reply: Called once, from any thread.
  func begin(
    _ arguments: JSONObject, _ context: RequestContext,
    reply: @escaping @Sendable (Result<JSONObject, any Error>) -> Void)
}

/// A tool that does its work on a thread of a pool.
protocol BlockingTool: Tool {
  /// Where it runs.
  var pool: WorkerPool { get }

  /// Does the work.
  ///
  /// - Parameters:
  ///   - arguments: They agree with the input schema.
  ///   - context: The request.
  /// - Returns: What agrees with the output schema.
  /// - Throws: `ReportableError` with what the caller can change; `CancellationError`.
  func call(_ arguments: JSONObject, _ context: RequestContext) throws -> JSONObject
}

extension BlockingTool {
  func begin(
    _ arguments: JSONObject, _ context: RequestContext,
    reply: @escaping @Sendable (Result<JSONObject, any Error>) -> Void
  ) {
    pool.run {
      reply(
        Result {
          try context.checkCancellation()
          return try CrashReport.shared.noting(
            "request \(context.id.shown), tool \(definition.name)"
          ) {
            FaultInjection.pass(definition.name) { context.isCancelled }
            try context.checkCancellation()
            return try call(arguments, context)
          }
        })
    }
  }
}

/// What a tool is, as clients see it.
struct ToolDefinition: Sendable {
  /// Letters, digits, `_`, `-` and `.`, at most 128.
  var name: String
  /// For people.
  var title: String
  /// For the model that chooses among tools.
  var description: String
  /// JSON Schema of the arguments.
  var input: JSONObject
  /// JSON Schema of the structured content.
  var output: JSONObject
  /// Whether it changes nothing.
  var isReadOnly = true
  /// Whether a second call with the same arguments has no further effect.
  var isIdempotent = true

  /// As one element of `tools/list`.
  func json(for version: ProtocolVersion) -> JSONValue {
    var object: JSONObject = ["name": .string(name)]
    if version.hasOutputSchemas { object["title"] = .string(title) }
    object["description"] = .string(description)
    object["inputSchema"] = .object(input)
    if version.hasOutputSchemas { object["outputSchema"] = .object(output) }
    if version.hasAnnotations {
      object["annotations"] = [
        "title": .string(title), "readOnlyHint": .bool(isReadOnly), "destructiveHint": false,
        "idempotentHint": .bool(isIdempotent), "openWorldHint": false,
      ]
    }
    return .object(object)
  }
}
