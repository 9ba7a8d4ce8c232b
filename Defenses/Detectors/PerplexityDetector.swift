import Basics

/// The logarithm of a generator's perplexity of the document: how badly it foretells the text.
///
/// Text that a token search made reads badly and stands out. A concatenated question and a natural
/// payload are fluent, so that there is little to find; so are fluent search results.
public struct PerplexityDetector: Detector {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "perplexity",
    title: "mean loss of the document's tokens under a generator, or of its worst window",
    source:
      "attacks-and-defences specification, section 3.1; windows as in RAGuard (arXiv 2510.25025)",
    needs: [.texts, .languageModel],
    parameters: [
      .init(
        "model", default: "SmolLM2-135M-Instruct", "the generator: a name, a folder, or run:DIR"),
      .init(
        "window", default: "0",
        "tokens of a window, the worst of which counts; 0 takes the mean of the whole text"),
    ])

  /// The generator as the user named it.
  private let model: String
  private let likelihood: TextLikelihood
  private let window: Int

  private init(_ model: String, window: Int) throws {
    self.model = model
    likelihood = try .shared(model)
    self.window = window
  }

  private static func model(_ parameters: DetectorParameters) -> String {
    parameters.values["model"] ?? metadata.parameters[0].defaultValue
  }

  private static func window(_ parameters: DetectorParameters) throws -> Int {
    try parameters.int("window", default: 0, in: 0...1_000_000)
  }

  /// Refuses a model that is not there, or a window that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try window(parameters)
    _ = try TextLikelihood.directory(model(parameters))
  }

  /// The detector; nothing is learnt from the anchors.
  ///
  /// - Parameters:
  ///   - anchors: Not looked at.
  ///   - parameters: model, window.
  /// - Returns: The detector.
  /// - Throws: `UsageError` if there is no such generator or window; `InputError` for one that is
  ///   damaged.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> PerplexityDetector {
    let window = try window(parameters)
    return try PerplexityDetector(model(parameters), window: window)
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// Mean losses in nats a token; titles are not read.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    let texts = lists.flatMap { list in list.subjects.map { list.candidates[$0].text } }
    var losses = try likelihood.losses(of: texts)[...]
    return lists.map { list in list.subjects.map { _ in score(losses.removeFirst()) } }
  }

  private func score(_ losses: [Float]) -> Double {
    guard window > 0, losses.count >= 2 * window else { return Self.mean(losses[...]) }
    // What does not fill a window is part of the last one.
    return (0..<losses.count / window).reduce(-.infinity) { worst, number in
      let start = number * window
      let end = losses.count - start < 2 * window ? losses.count : start + window
      return max(worst, Self.mean(losses[start..<end]))
    }
  }

  private static func mean(_ losses: ArraySlice<Float>) -> Double {
    losses.reduce(0) { $0 + Double($1) } / Double(losses.count)
  }

  /// Model with the checksums of its files, and window.
  public var state: DetectorState {
    DetectorState(values: [
      "model": .string(model), "fingerprint": .string(likelihood.fingerprint),
      "window": JSONValue(window),
    ])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if the model is gone or another one, or the window cannot be.
  public init(state: DetectorState) throws {
    let window = try state.values.int("window")
    guard window >= 0 else { throw InputError("the window is \(window), expected 0 or more") }
    do {
      try self.init(try state.values.string("model"), window: window)
    } catch let error as UsageError {
      throw InputError("the perplexity detector cannot read texts: \(error.message)")
    }
    guard likelihood.fingerprint == (try state.values.string("fingerprint")) else {
      throw InputError(
        "the model '\(TerminalText.excerpt(model))' has changed since the detector was fitted; fit it"
          + " again")
    }
  }

  /// Which generator reads.
  public var summary: [(name: String, value: String)] { [("model", model)] }
}
