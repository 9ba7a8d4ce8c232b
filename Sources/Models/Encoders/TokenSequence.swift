public import Tensors

/// The tokens of one input, template tokens included, ready for an encoder.
public struct TokenSequence: Sendable, Equatable {
  /// Rows of the word table.
  public var ids: [Int32]
  /// Rows of the token type table.
  public var typeIDs: [Int32]

  /// Creates a sequence.
  public init(ids: [Int32], typeIDs: [Int32]) {
    self.ids = ids
    self.typeIDs = typeIDs
  }
}

/// What turns token sequences into token states or vectors.
public protocol SequenceEncoder: Sendable {
  /// Width of the vectors.
  var dimension: Int { get }
  /// Tokens of the longest sequence; nil where there is no limit.
  var maximumTokens: Int? { get }
  /// One vector for each sequence.
  ///
  /// - Parameters:
  ///   - sequences: none longer than `maximumTokens`, ids within the vocabulary.
  ///   - pooling: how states become a vector.
  ///   - context: where it runs.
  /// - Returns: `[sequences, dimension]`. A row does not depend on the other sequences.
  func vectors(
    of sequences: [TokenSequence], pooling: Pooling, in context: ComputeContext
  ) -> Tensor
}
