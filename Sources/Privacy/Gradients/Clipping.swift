/// How each record's gradient is shortened. All functions leave a length of at most
/// ``Clipping/length`` over all parameters together.
public struct Clipping: Sendable, Equatable {
  /// What a gradient of length n is multiplied by, with C the clipping length.
  public enum Function: Sendable, Equatable {
    /// `min(1, C / n)`.
    case vanilla
    /// AUTO-S: `C / (n + stability)`; short gradients are lengthened.
    case automatic(stability: Double = 0.01)
    /// AUTO-V: `C / n`; gradients shorter than 10⁻⁴ C are lengthened ten thousand times, not more,
    /// because what is left of them is rounding error.
    case normalised
    /// 1 if `n ≤ C`, else 0: longer gradients are left out.
    case global
  }

  /// What has a length of its own. With G groups each is clipped to C / √G.
  public enum Style: Sendable, Equatable {
    /// All parameters together.
    case flat
    /// Each layer: parameters whose names differ in the last component only.
    case perLayer
    /// Each parameter.
    case perParameter
    /// The parameters that begin with each of the names, the first that fits, and all others.
    case blocks([String])
  }

  /// C, above 0.
  public let length: Double
  /// How gradients are shortened.
  public let function: Function
  /// What is shortened.
  public let style: Style

  /// Room for the rounding of lengths and of sums in Float32.
  private static let margin = 1 - 0x1p-16

  /// A rule.
  ///
  /// - Parameters:
  ///   - length: C, above 0 and finite.
  ///   - function: how gradients are shortened.
  ///   - style: what is shortened.
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)``.
  public init(length: Double = 1, function: Function = .automatic(), style: Style = .flat) throws {
    guard length > 0, length.isFinite else {
      throw PrivacyError.range("the clipping length", length, "a number above 0")
    }
    if case .automatic(let stability) = function {
      guard stability > 0, stability.isFinite else {
        throw PrivacyError.range("the stability constant", stability, "a number above 0")
      }
    }
    (self.length, self.function, self.style) = (length, function, style)
  }

  /// What a gradient is multiplied by.
  ///
  /// - Parameters:
  ///   - norm: its length, finite.
  ///   - groups: number of groups.
  /// - Returns: a factor that leaves a length of at most C / √groups.
  package func factor(norm: Double, groups: Int) -> Double {
    let limit = Self.margin * length / Double(groups).squareRoot()
    switch function {
    case .vanilla: return norm > limit ? limit / norm : 1
    case .automatic(let stability): return limit / (norm + stability)
    case .normalised: return limit / max(norm, 1e-4 * limit)
    case .global: return norm <= limit ? 1 : 0
    }
  }

  /// The group of each name, numbered from 0.
  package func groups(of names: [String]) -> [Int] {
    let keys = names.map { name in
      switch style {
      case .flat: return ""
      case .perLayer: return name.split(separator: ".").dropLast().joined(separator: ".")
      case .perParameter: return name
      case .blocks(let prefixes): return prefixes.first { name.hasPrefix($0) } ?? ""
      }
    }
    var numbers: [String: Int] = [:]
    return keys.map { key in
      let number = numbers[key] ?? numbers.count
      numbers[key] = number
      return number
    }
  }
}
