/// One text to embed, with its side.
public enum EmbeddingInput: Sendable, Equatable {
  /// A question.
  case query(String)
  /// A passage; `separator` joins title and text where the model takes one text.
  case passage(title: String, text: String, separator: String)
}

/// Vectors of a list of inputs.
public struct Embeddings: Sendable {
  /// `[inputs, dimension]`; the row of an input that cannot be embedded is zero.
  public let matrix: VectorMatrix
  /// Positions of the inputs without anything to embed, ascending.
  public let unembeddable: [Int]
}
