public import Tensors

/// The length of all gradients together.
public enum GradientNorm {
  /// The Euclidean norm over all parameters, added in Float64 in their order.
  ///
  /// - Returns: 0 without gradients; not finite if a gradient is not.
  public static func of(_ parameters: [Parameter]) -> Double {
    parameters.reduce(0) { $0 + $1.squaredGradientNorm() }.squareRoot()
  }

  /// Shortens the gradients to a length.
  ///
  /// - Parameters:
  ///   - parameters: all of them.
  ///   - limit: the longest that is left alone, above 0.
  /// - Returns: the norm before.
  /// - SeeAlso: Pascanu et al. 2013; `torch.nn.utils.clip_grad_norm_`.
  public static func clip(_ parameters: [Parameter], to limit: Double) -> Double {
    precondition(limit > 0, "GradientNorm: limit \(limit)")
    let norm = of(parameters)
    if norm > limit, norm.isFinite {
      let factor = Float(limit / (norm + 1e-6))
      for parameter in parameters { parameter.scaleGradient(by: factor) }
    }
    return norm
  }
}
