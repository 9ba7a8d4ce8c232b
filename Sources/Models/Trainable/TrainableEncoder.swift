public import Tensors

/// An encoder whose weights are parameters: the same weights, names and values as the encoder that
/// embeds, computed on a tape.
public protocol TrainableEncoder: AnyObject {
  /// All parameters, in the order of the architecture, named as in the weight file without its prefix.
  var parameters: [Parameter] { get }
  /// Width of the token states.
  var dimension: Int { get }
  /// Tokens of the longest sequence; nil where there is no limit.
  var maximumTokens: Int? { get }
  /// Rows of the word table.
  var vocabularySize: Int { get }

  /// The sum of the tables' rows, where gradient attacks want their gradient (``Tape/watched(_:)``).
  ///
  /// - Parameters:
  ///   - sequences: none longer than `maximumTokens`, ids within the vocabulary.
  ///   - packing: nil: each sequence is an example.
  ///   - tape: where it runs.
  /// - Returns: `[tokens, dimension]`.
  func embeddings(of sequences: [TokenSequence], packing: Packing?, on tape: Tape) -> Variable

  /// States of all tokens after the last layer.
  ///
  /// - Parameters:
  ///   - embeddings: what `embeddings(of:packing:on:)` gave.
  ///   - tape: where it runs.
  /// - Returns: `[tokens, dimension]`.
  func states(from embeddings: Variable, on tape: Tape) -> Variable
}

extension TrainableEncoder {
  /// States of all tokens after the last layer.
  public func states(
    of sequences: [TokenSequence], packing: Packing? = nil, on tape: Tape
  ) -> Variable {
    states(from: embeddings(of: sequences, packing: packing, on: tape), on: tape)
  }

  /// One vector for each sequence.
  ///
  /// - Parameters:
  ///   - sequences: none longer than `maximumTokens`.
  ///   - packing: nil: each sequence is an example.
  ///   - pooling: how states become a vector.
  ///   - normalises: whether vectors are divided by their length.
  ///   - tape: where it runs.
  /// - Returns: `[sequences, dimension]`.
  public func vectors(
    of sequences: [TokenSequence], packing: Packing? = nil, pooling: Pooling, normalises: Bool,
    on tape: Tape
  ) -> Variable {
    let states = states(of: sequences, packing: packing, on: tape)
    let pooled = pooling == .mean ? tape.meanPool(states) : tape.firstPool(states)
    return normalises ? tape.normalized(pooled) : pooled
  }
}
