/// How the vectors of a query and a passage give a score; a higher score is always better.
public enum Similarity: String, Sendable, CaseIterable {
  /// The inner product.
  case innerProduct = "inner-product"
  /// The inner product of the vectors divided by their lengths.
  case cosine
  /// The Euclidean distance; the score is its square with a minus sign.
  case l2
}
