/// How large the experiments are.
public struct ExperimentScale: Sendable, Equatable {
  /// The language models'.
  public struct LanguageModel: Sendable, Equatable {
    var width: Int
    var layers: Int
    var pieceBytes: Int
    var steps: Int
    var publicSteps: Int
    var batch: Int
    var learningRates: [Double]
    var testPieces: Int
  }

  /// The name, recorded with the run.
  public var name: String
  var seeds: [UInt64]
  /// Records and test records of the made-up classes, steps of private training on them.
  var records: Int
  var testRecords: Int
  var steps: Int
  var publicSteps: Int
  /// Steps at which gradient errors are measured, trials of one-step theory, noise samples.
  var errorSteps: Int
  var trials: Int
  var noiseSteps: Int
  var probes: Int
  var neighbours: Int
  /// Records and canaries of the audits, plain steps until they are learnt by heart.
  var auditRecords: Int
  var overfittingSteps: Int
  /// Whether all learning rates are tried, or two.
  var hasWholeGrid: Bool
  var small: LanguageModel
  var large: LanguageModel

  /// What the documentation quotes: minutes on two cores.
  ///
  /// - Parameter seed: the first of three.
  /// - Returns: the sizes.
  public static func full(seed: UInt64) -> ExperimentScale {
    ExperimentScale(
      name: "full", seeds: (0..<3).map { seed &+ $0 }, records: 4000, testRecords: 2000, steps: 250,
      publicSteps: 150,
      errorSteps: 250, trials: 200, noiseSteps: 2000, probes: 40, neighbours: 200,
      auditRecords: 1000, overfittingSteps: 1500, hasWholeGrid: true,
      small: LanguageModel(
        width: 64, layers: 2, pieceBytes: 64, steps: 100, publicSteps: 150, batch: 64,
        learningRates: [3e-4, 1e-3, 3e-3], testPieces: 256),
      large: LanguageModel(
        width: 144, layers: 2, pieceBytes: 64, steps: 100, publicSteps: 100, batch: 64,
        learningRates: [1e-3, 3e-3], testPieces: 256))
  }

  /// Seconds, for tests: the experiments run, their verdicts say nothing.
  ///
  /// - Parameter seed: the only one.
  /// - Returns: the sizes.
  public static func tiny(seed: UInt64) -> ExperimentScale {
    ExperimentScale(
      name: "tiny", seeds: [seed], records: 300, testRecords: 100, steps: 10, publicSteps: 12,
      errorSteps: 8, trials: 4, noiseSteps: 60, probes: 2, neighbours: 5, auditRecords: 60,
      overfittingSteps: 20, hasWholeGrid: false,
      small: LanguageModel(
        width: 8, layers: 1, pieceBytes: 16, steps: 2, publicSteps: 2, batch: 16,
        learningRates: [1e-3], testPieces: 8),
      large: LanguageModel(
        width: 8, layers: 1, pieceBytes: 16, steps: 2, publicSteps: 4, batch: 16,
        learningRates: [1e-3], testPieces: 8))
  }

  /// All learning rates, or two of them.
  func grid(_ rates: [Double]) -> [Double] { hasWholeGrid ? rates : Array(rates.prefix(2)) }
}
