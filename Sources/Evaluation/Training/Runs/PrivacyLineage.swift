import Basics
import Models
import Privacy
import SystemPackage

/// What the runs that a model comes from released of their data: a run that goes on with the same data
/// cannot begin its ε at 0.
struct PrivacyLineage {
  private static let key = "lineage"

  /// Runs, the first one first, as `results.json` tells of them.
  private let runs: [JSONObject]

  /// The runs behind a model: those of the run directory in which it lies, if it lies in one.
  ///
  /// - Throws: `InputError` for a run whose results cannot be read.
  init(of model: ModelDirectory?) throws {
    guard let folder = model?.path.removingLastComponent(),
      folder.appending(RunDirectory.descriptionName).exists
    else {
      runs = []
      return
    }
    runs =
      try RunRecord(folder).results?[Self.key]?.arrayValue?.compactMap(\.objectValue) ?? []
  }

  /// Phases that were spent on the same data.
  ///
  /// - Parameters:
  ///   - data: What the data are.
  ///   - isInsecure: Whether this run's own noise is.
  /// - Returns: The phases, none for data that are new.
  /// - Throws: `UsageError` if a run before learnt the same data without privacy, or with noise that is
  ///   insecure where this one's is not: nothing can be claimed any more.
  func spent(on data: String, isInsecure: Bool) throws -> [SampledGaussian] {
    try runs.filter { $0["data"]?.stringValue == data }.map { run in
      guard let phase = run["phase"]?.objectValue else {
        throw UsageError(
          "the model was trained on the same data without privacy: no epsilon can be claimed")
      }
      guard isInsecure || run["isInsecure"]?.boolValue == false else {
        throw UsageError(
          "the model was trained on the same data with insecure noise: no epsilon can be claimed")
      }
      return try SampledGaussian(json: phase)
    }
  }

  /// For `results.json`: these runs and one more.
  ///
  /// - Parameters:
  ///   - data: What its data are.
  ///   - phase: What it released; nil: it was not private.
  ///   - isInsecure: Whether its noise was insecure.
  /// - Returns: A list, the first run first.
  func followed(by data: String, phase: SampledGaussian?, isInsecure: Bool) -> JSONValue {
    let own: JSONObject = [
      "data": .string(data),
      "phase": phase.map { .object($0.json) } ?? .null,
      "isInsecure": .bool(isInsecure),
    ]
    return .array((runs + [own]).map { .object($0) })
  }
}
