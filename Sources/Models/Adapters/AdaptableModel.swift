import Basics
public import Tensors

/// A model whose linear layers can be adapted and whose parameters can be frozen by name.
public protocol AdaptableModel: AnyObject {
  /// All parameters of the model itself, in the order of the architecture.
  var parameters: [Parameter] { get }
  /// Its linear layers by their paths: the weight's name without `.weight`. An output head is none.
  var linearLayers: [(path: String, layer: LinearLayer)] { get }
}

extension AdaptableModel {
  /// Freezes parameters; the others are as they were.
  ///
  /// - Parameter patterns: names, or beginnings of names that end before a dot, such as
  ///   `model.embed_tokens` or `model.layers.0`; a part that is `*` stands for any one part.
  /// - Throws: `UsageError` for a pattern that no parameter has.
  public func freeze(_ patterns: [String]) throws {
    for pattern in patterns {
      let wanted = pattern.split(separator: ".", omittingEmptySubsequences: false)
      let found = parameters.filter { parameter in
        let parts = parameter.name.split(separator: ".")
        return parts.count >= wanted.count
          && zip(parts, wanted).allSatisfy { $1 == "*" || $0 == $1 }
      }
      guard !found.isEmpty else {
        throw UsageError(
          "there is no parameter '\(TerminalText.excerpt(pattern))'"
            + NearestName.hint(for: pattern, in: parameters.map(\.name)))
      }
      for parameter in found { parameter.isTrainable = false }
    }
  }
}
