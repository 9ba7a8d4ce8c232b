import Basics

/// A limit on a figure, for use in continuous integration: `attack.success@5=0.2` as the most, or
/// `combined.tpr@1%=0.9` as the least.
public struct Gate: Sendable {
  /// Which side of the limit is a miss.
  public enum Side: Sendable {
    /// A figure above the limit.
    case over
    /// A figure below the limit.
    case under
  }

  /// One figure held against the limit.
  public struct Finding: Sendable {
    /// Where it stands.
    public var name: String
    /// The figure; nil where it is not applicable.
    public var value: Double?
    /// Whether the limit is missed. A figure that is not applicable does not meet a limit either.
    public var isMissed: Bool
  }

  private enum Metric {
    case success(k: Int, mode: String, count: String)
    case detection(detector: String, name: String, nominal: Double?)
  }

  /// As it was written.
  public let text: String
  /// The side.
  public let side: Side
  /// The limit.
  public let limit: Double
  private let metric: Metric

  /// Reads a limit.
  ///
  /// - Parameters:
  ///   - text: `attack.success@K`, `attack.joint@K` or `attack.any@K`, or `DETECTOR.tpr@P%`,
  ///     `DETECTOR.fpr@P%`, `DETECTOR.evading@P%` or `DETECTOR.auroc`, then `=` and a number from 0
  ///     to 1. `detector` stands for the first detector of the run.
  ///   - side: Which side is a miss.
  /// - Throws: `UsageError`.
  public init(parsing text: String, _ side: Side) throws {
    self.text = text
    self.side = side
    let form =
      "expected attack.success@K=V, attack.joint@K=V, attack.any@K=V, DETECTOR.tpr@P%=V,"
      + " DETECTOR.fpr@P%=V, DETECTOR.evading@P%=V or DETECTOR.auroc=V with V from 0 to 1"
    let refusal = UsageError("the limit '\(TerminalText.excerpt(text))' cannot be read: \(form)")
    let sides = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard sides.count == 2, let limit = Double(sides[1]), (0...1).contains(limit) else {
      throw refusal
    }
    self.limit = limit
    let head = sides[0].split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    guard let dot = head[0].utf8.lastIndex(of: UInt8(ascii: ".")), head.count <= 2 else {
      throw refusal
    }
    let subject = String(head[0][..<dot])
    let name = String(head[0][head[0].utf8.index(after: dot)...])
    let at = head.count == 2 ? head[1] : nil
    if subject == "attack" {
      guard let at, let k = Int(at), k > 0 else { throw refusal }
      switch name {
      case "success": metric = .success(k: k, mode: "solo", count: "own")
      case "joint": metric = .success(k: k, mode: "joint", count: "own")
      case "any": metric = .success(k: k, mode: "joint", count: "any")
      default: throw refusal
      }
    } else if name == "auroc", at == nil {
      metric = .detection(detector: subject, name: name, nominal: nil)
    } else {
      guard ["tpr", "fpr", "evading"].contains(name), let at, at.hasSuffix("%"),
        let percent = Double(at.dropLast()), percent > 0, percent < 100
      else { throw refusal }
      metric = .detection(detector: subject, name: name, nominal: percent / 100)
    }
  }

  /// Every figure that the limit is about.
  ///
  /// - Parameter data: The run.
  /// - Returns: One finding a cell.
  /// - Throws: `UsageError` if the run has no such k, rate or detector.
  public func findings(in data: ReportData) throws -> [Finding] {
    let values: [(String, Double?)]
    switch metric {
    case .success(let k, let mode, let count):
      guard data.ks.contains(k) else {
        throw UsageError(
          "the run has no k = \(k) (there are: \(data.ks.map(String.init).joined(separator: ", ")))"
        )
      }
      values = data.cells.map {
        (
          data.name(of: $0.coordinates) + " · " + $0.payload,
          $0.success(k: k, mode: mode, count: count)?.rate
        )
      }
    case .detection(let detector, let name, let nominal):
      let wanted = detector == "detector" ? data.detectors.first ?? detector : detector
      let fits = data.fits.filter { utf8Equal($0.detector, wanted) }
      guard !fits.isEmpty else {
        throw UsageError(
          "the run has no detector '\(TerminalText.excerpt(wanted))'"
            + NearestName.hint(for: wanted, in: data.detectors))
      }
      values = fits.flatMap { fit in
        let place = data.name(of: fit.coordinates) + " · " + fit.detector
        guard name != "fpr" else {
          let clean = fit.clean(at: nominal ?? 0)?["pairRate"]?.objectValue?["value"]
          return [(place, clean?.doubleValue)]
        }
        return data.payloads.map { payload -> (String, Double?) in
          let place = place + " · " + payload
          guard let nominal else {
            return (place, fit.reached(payload)?["auroc"]?.objectValue?["value"]?.doubleValue)
          }
          let found = fit.found(payload, at: nominal)
          return (
            place,
            name == "tpr"
              ? found?["rate"]?.doubleValue
              : found?["evading"]?.objectValue?["rate"]?.doubleValue
          )
        }
      }
    }
    return values.map { name, value in
      let isMissed: Bool
      switch side {
      case .over: isMissed = !((value ?? .infinity) <= limit)
      case .under: isMissed = !((value ?? -.infinity) >= limit)
      }
      return Finding(name: name, value: value, isMissed: isMissed)
    }
  }
}
