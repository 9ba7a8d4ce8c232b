import Basics
public import SystemPackage
public import Tensors

/// Static token embeddings on a tape; see ``StaticEncoder``.
public final class TrainableStaticEncoder: TrainableEncoder {
  private let table: Parameter

  /// The table.
  public var parameters: [Parameter] { [table] }
  /// Width of the vectors.
  public var dimension: Int { table.shape[1] }
  /// There is no limit.
  public var maximumTokens: Int? { nil }
  /// Rows of the table.
  public var vocabularySize: Int { table.shape[0] }

  /// Reads the one table of a weight file.
  ///
  /// - Parameter directory: holds `model.safetensors` with one matrix.
  /// - Throws: `InputError` if there is not exactly one matrix.
  public init(directory: FilePath) throws {
    let (name, tensor) = try StaticEncoder.table(directory: directory, allowNonFinite: false)
    table = Parameter(name, tensor)
  }

  /// The tokens' rows.
  public func embeddings(
    of sequences: [TokenSequence], packing: Packing?, on tape: Tape
  ) -> Variable {
    tape.embedding(
      [(table, sequences.flatMap(\.ids))],
      packing: packing ?? Packing(lengths: sequences.map(\.ids.count)))
  }

  /// The rows themselves: there is no context.
  public func states(from embeddings: Variable, on tape: Tape) -> Variable { embeddings }
}
