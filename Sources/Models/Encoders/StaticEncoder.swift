import Basics
public import SystemPackage
public import Tensors

/// Static token embeddings: a vector for each token of the vocabulary and nothing else.
///
/// - SeeAlso: Miller 2024, WordLlama (`dleemiller/WordLlama`).
public struct StaticEncoder: SequenceEncoder {
  private let table: Tensor

  /// Width of the vectors.
  public var dimension: Int { table.columns }
  /// There is no limit.
  public var maximumTokens: Int? { nil }
  /// Rows of the table.
  public var vocabularySize: Int { table.rows }

  /// Reads the one table of a weight file.
  ///
  /// - Parameters:
  ///   - directory: holds `model.safetensors` with one matrix.
  ///   - allowNonFinite: whether NaN and infinities are let through.
  /// - Throws: `InputError` if there is not exactly one matrix.
  public init(directory: FilePath, allowNonFinite: Bool = false) throws {
    table = try Self.table(directory: directory, allowNonFinite: allowNonFinite).tensor
  }

  static func table(
    directory: FilePath, allowNonFinite: Bool
  ) throws -> (name: String, tensor: Tensor) {
    let path = directory.appending("model.safetensors")
    let file = try SafetensorsFile(path)
    guard file.entries.count == 1, let entry = file.entries.first, entry.shape.count == 2,
      entry.shape[0] > 0, entry.shape[1] > 0
    else {
      let found = file.entries.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
      throw InputError(
        "static embeddings are one matrix, found \(found)", at: Place(file: path.shown))
    }
    try MemoryBudget.require(entry.copiedBytes, for: "the model in '\(directory.shown)'")
    return (entry.name, try file.tensor(entry, allowNonFinite: allowNonFinite))
  }

  /// The mean of the tokens' vectors; the pooling `cls` takes the first.
  public func vectors(
    of sequences: [TokenSequence], pooling: Pooling, in context: ComputeContext
  ) -> Tensor {
    var boundaries = [0]
    for sequence in sequences { boundaries.append((boundaries.last ?? 0) + sequence.ids.count) }
    let states = context.embed([(table, sequences.flatMap(\.ids))], rows: boundaries.last ?? 0)
    switch pooling {
    case .mean: return context.meanPool(states, boundaries: boundaries)
    case .cls: return context.firstPool(states, boundaries: boundaries)
    }
  }
}
