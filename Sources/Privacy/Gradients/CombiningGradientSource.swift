public import Tensors
public import Training

/// A place in the space of parameters at which a gradient is taken.
public struct GradientPoint {
  /// What the gradient there is multiplied by.
  public let coefficient: Double
  /// Values of all parameters in their order; nil: as they are.
  public let values: [Tensor]?

  /// A place.
  public init(coefficient: Double = 1, values: [Tensor]? = nil) {
    (self.coefficient, self.values) = (coefficient, values)
  }
}

/// A gradient source that can take a record's gradient as a combination over several points, before
/// anything else is done with it.
public protocol CombiningGradientSource<Example>: GradientSource {
  /// All parameters; frozen ones may be among them.
  var parameters: [Parameter] { get }
  /// Computes the gradient of `Σ coefficient · gradient at the point`. Afterwards the parameters have
  /// the values they had.
  ///
  /// - Parameters:
  ///   - examples: the batch, the same at all points.
  ///   - step: number of the step from 0.
  ///   - points: one or more.
  /// - Returns: the mean of the examples' losses at the last point, if it may be told.
  func computeGradient(
    of examples: [Example], at step: Int, combining points: [GradientPoint]
  ) -> Double?
}
