import Basics
import Tensors

extension LoRAConfiguration.Targets {
  /// The layers that are meant.
  ///
  /// - Throws: `UsageError` if there is none, a name has none, or the expression is malformed.
  func layers(of model: some AdaptableModel) throws -> [(path: String, layer: LinearLayer)] {
    let all = model.linearLayers
    let found: [(path: String, layer: LinearLayer)]
    switch self {
    case .allLinear: found = all
    case .suffixes(let names):
      for name in names where !all.contains(where: { Self.ends($0.path, with: name) }) {
        throw UsageError(
          "LoRA: '\(TerminalText.excerpt(name))' is no linear layer of the model; there are "
            + Self.kinds(of: all))
      }
      found = all.filter { layer in names.contains { Self.ends(layer.path, with: $0) } }
    case .pattern(let pattern):
      let expression: Regex<AnyRegexOutput>
      do {
        expression = try Regex(pattern)
      } catch {
        throw UsageError(
          "LoRA: '\(TerminalText.excerpt(pattern))' is no regular expression: \(error)")
      }
      found = all.filter { $0.path.wholeMatch(of: expression) != nil }
    }
    guard !found.isEmpty else {
      throw UsageError(
        "LoRA: the targets match no linear layer of the model; there are \(Self.kinds(of: all))")
    }
    return found
  }

  /// Whether a path is a name or ends with a dot and the name.
  private static func ends(_ path: String, with name: String) -> Bool {
    path.utf8.elementsEqual(name.utf8)
      || !name.isEmpty && path.utf8.count > name.utf8.count
        && path.utf8.suffix(name.utf8.count + 1).elementsEqual(("." + name).utf8)
  }

  /// The last parts of the paths, each once.
  private static func kinds(of layers: [(path: String, layer: LinearLayer)]) -> String {
    var kinds: [String] = []
    for (path, _) in layers {
      let kind = path.split(separator: ".").last.map(String.init) ?? path
      if !kinds.contains(kind) { kinds.append(kind) }
    }
    return kinds.joined(separator: ", ")
  }
}
