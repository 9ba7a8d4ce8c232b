/// What a LoRA adapter is: which layers it changes, and how much.
///
/// - SeeAlso: Hu et al. 2022; `LoraConfig` of `peft`.
public struct LoRAConfiguration: Sendable, Equatable {
  /// Which linear layers are adapted.
  public enum Targets: Sendable, Equatable {
    /// Those whose path is one of these or ends with `.` and one of these.
    case suffixes([String])
    /// Those whose whole path a regular expression matches.
    case pattern(String)
    /// All; an output head is none of them.
    case allLinear
  }

  /// Rows of A, r.
  public var rank: Int
  /// The update is multiplied by α / r.
  public var alpha: Double
  /// Which layers.
  public var targets: Targets
  /// Whether the update is multiplied by α / √r instead (rsLoRA, Kalajdzievski 2023).
  public var isRankStabilized: Bool
  /// Share of the inputs that `peft` drops in training. Nothing here drops anything, so that such an
  /// adapter is used, but not trained on.
  public var dropout: Double
  /// The name of the model that it belongs to, if it is known.
  public var baseModel: String?

  /// The defaults of `peft` for the Llama family.
  ///
  /// - Parameters:
  ///   - rank: rows of A, 1 or more.
  ///   - alpha: finite.
  ///   - targets: which layers.
  ///   - isRankStabilized: whether the scale is α / √r.
  ///   - baseModel: the model's name.
  public init(
    rank: Int = 8, alpha: Double = 8, targets: Targets = .suffixes(["q_proj", "v_proj"]),
    isRankStabilized: Bool = false, baseModel: String? = nil
  ) {
    self.rank = rank
    self.alpha = alpha
    self.targets = targets
    self.isRankStabilized = isRankStabilized
    self.baseModel = baseModel
    dropout = 0
  }

  /// What the product B A is multiplied by.
  public var scale: Float {
    Float(alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)))
  }
}
