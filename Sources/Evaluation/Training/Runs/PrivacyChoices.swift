public import Basics
public import Privacy

/// What the user chooses for training on private records.
public struct PrivacyChoices: Sendable, Equatable {
  /// How much noise there is.
  public enum Noise: Sendable, Equatable {
    /// As little as keeps the run within ε.
    case budget(epsilon: Double)
    /// σ; ε is what comes of it.
    case multiplier(Double)
  }

  /// How much noise there is.
  public var noise: Noise
  /// δ, below 1 / records.
  public var delta: Double
  /// How each record's gradient is shortened.
  public var clipping: Clipping
  /// What is done with the private gradients before the optimizer gets them.
  public var filter: GradientFilter = .none
  /// Whether Adam's second moments are rid of the noise's variance (DP-AdamBC).
  public var correctsMoments = false
  /// Whether noise and sampling come from the run's seed, which protects nobody.
  public var isInsecure = false

  private static let keys = ["epsilon", "sigma", "delta", "clip", "correct"]

  /// Reads `epsilon=8,delta=1e-5,clip=auto`.
  ///
  /// - Parameter text: `name=value` between commas: `epsilon` or `sigma`; `delta`, by default 1e-5;
  ///   `clip`: `auto` (AUTO-S, the default), `normalised` (AUTO-V), `global:C`, or C itself;
  ///   `correct=true` for DP-AdamBC.
  /// - Throws: `UsageError` naming what is unknown, there twice, missing or out of range.
  public init(_ text: String) throws {
    var values: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else {
        throw UsageError("--dp: '\(TerminalText.excerpt(String(part)))', expected name=value")
      }
      guard Self.keys.contains(pair[0]) else {
        throw UsageError(
          "--dp: unknown name '\(TerminalText.excerpt(pair[0]))'"
            + NearestName.hint(for: pair[0], in: Self.keys)
            + " (there are: \(Self.keys.joined(separator: ", ")))")
      }
      guard values.updateValue(pair[1], forKey: pair[0]) == nil else {
        throw UsageError("--dp: '\(pair[0])' is there twice")
      }
    }
    func number(_ key: String, above least: Double, orEqual: Bool = false) throws -> Double? {
      guard let text = values[key] else { return nil }
      guard let value = Double(text), value.isFinite, value > least || orEqual && value == least
      else {
        throw UsageError(
          "--dp: \(key) is '\(TerminalText.excerpt(text))', expected a number"
            + " \(orEqual ? "of \(least) or more" : "above \(least)")")
      }
      return value
    }
    switch (try number("epsilon", above: 0), try number("sigma", above: 0, orEqual: true)) {
    case (let epsilon?, nil): noise = .budget(epsilon: epsilon)
    case (nil, let sigma?): noise = .multiplier(sigma)
    case (_?, 0?): throw UsageError("--dp: without noise (sigma=0) no epsilon can be claimed")
    default: throw UsageError("--dp: expected one of 'epsilon' and 'sigma'")
    }
    delta = try number("delta", above: 0) ?? 1e-5
    guard delta < 1 else { throw UsageError("--dp: delta is \(delta), expected less than 1") }
    clipping = try Self.clipping(values["clip"] ?? "auto")
    guard let corrects = Bool(values["correct"] ?? "false") else {
      throw UsageError("--dp: correct is '\(values["correct"] ?? "")', expected true or false")
    }
    correctsMoments = corrects
  }

  private static func clipping(_ text: String) throws -> Clipping {
    switch text {
    case "auto": return try Clipping()
    case "normalised": return try Clipping(function: .normalised)
    default:
      let isGlobal = text.hasPrefix("global:")
      guard let length = Double(isGlobal ? String(text.dropFirst(7)) : text), length > 0,
        length.isFinite
      else {
        throw UsageError(
          "--dp: clip is '\(TerminalText.excerpt(text))', expected auto, normalised, global:C or a"
            + " length C above 0")
      }
      return try Clipping(length: length, function: isGlobal ? .global : .vanilla)
    }
  }

  /// Reads a filter: `none`, `disk` (κ 0.7, one gradient a step), `disk:κ`, `disk:κ:γ`, or `doppler`.
  ///
  /// - Parameter text: the filter.
  /// - Returns: the filter.
  /// - Throws: `UsageError` for another name or a gain out of range.
  public static func filter(_ text: String) throws -> GradientFilter {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let gains = parts.dropFirst().map { Double($0) }
    switch (parts.first, gains.count) {
    case ("none", 0): return .none
    case ("doppler", 0):
      // Of first order, with a zero at the highest frequency.
      return .lowPass(LowPassCoefficients(feedback: [0.9], feedForward: [0.05, 0.05]))
    case ("disk", 0...2):
      guard !gains.contains(nil) else { break }
      do {
        return .kalman(
          try KalmanGains(
            gain: (gains.first ?? 0.7) ?? 0.7, lookAhead: gains.count > 1 ? gains[1] : nil))
      } catch let error as PrivacyError {
        throw UsageError("--filter: \(error.description)")
      }
    default: break
    }
    throw UsageError(
      "--filter is '\(TerminalText.excerpt(text))', expected none, disk, disk:GAIN, disk:GAIN:LOOKAHEAD"
        + " or doppler")
  }

  /// For `run.json`.
  public var description: JSONObject {
    var object: JSONObject = [
      "adjacency": .string(Adjacency.addOrRemoveOne.rawValue), "sampling": "poisson",
      "delta": .number(delta), "clip": .number(clipping.length),
      "clipping": .string(clipping.function.label), "filter": .string(Self.label(filter)),
      "correctsMoments": .bool(correctsMoments),
      "noise": isInsecure ? "INSECURE: the run's seed" : "operating system entropy",
    ]
    switch noise {
    case .budget(let epsilon): object["epsilon"] = .number(epsilon)
    case .multiplier(let sigma): object["sigma"] = .number(sigma)
    }
    return object
  }

  private static func label(_ filter: GradientFilter) -> String {
    switch filter {
    case .none: "none"
    case .kalman(let gains): "disk, gain \(gains.gain), look-ahead \(gains.lookAhead)"
    case .lowPass: "doppler"
    }
  }
}

extension Clipping.Function {
  fileprivate var label: String {
    switch self {
    case .vanilla: "vanilla"
    case .automatic: "auto"
    case .normalised: "normalised"
    case .global: "global"
    }
  }
}

extension GradientFilter {
  /// The share of the noise's variance that is left behind the filter; nil where nobody has worked it out.
  var remainingVariance: Double? {
    switch self {
    case .none: 1
    case .kalman(let gains): gains.gain / (2 - gains.gain)
    case .lowPass: nil
    }
  }
}
