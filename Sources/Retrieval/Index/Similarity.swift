/// How two embeddings are compared; a higher score is always the better one.
public enum Similarity: String, Sendable, Hashable, CaseIterable {
  /// Inner product of the vectors as they are.
  case innerProduct = "inner-product"
  /// Inner product of the vectors divided by their norms, in `-1...1` up to rounding.
  case cosine
  /// The negative of the squared Euclidean distance, 0 at best.
  case l2
}
