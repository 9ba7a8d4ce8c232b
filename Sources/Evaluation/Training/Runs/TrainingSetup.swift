public import Basics
public import Models
public import Tensors

/// What every training run is made with.
public struct TrainingSetup {
  /// What the user chose.
  public let choices: TrainingChoices
  let context: ComputeContext
  let identity: String
  let report: (TrainingRun.Progress) -> Void
  let open: () throws -> RunDirectory

  /// What a run is made with.
  ///
  /// - Parameters:
  ///   - choices: Checked.
  ///   - context: Where it runs.
  ///   - command: What `run.json` calls it.
  ///   - description: All that its results depend on, the choices with it: a checkpoint of a run with
  ///     another description is refused.
  ///   - report: Told what is going on.
  ///   - open: Opens the directory where it is kept; called once the examples are known to be good.
  /// - Throws: `InputError` for a description that is no JSON.
  public init(
    choices: TrainingChoices, context: ComputeContext, command: String, description: JSONObject,
    report: @escaping (TrainingRun.Progress) -> Void, open: @escaping () throws -> RunDirectory
  ) throws {
    self.choices = choices
    self.context = context
    let settings = Checksum.sha256(try JSONValue.object(description).serialized())
    let data = description["data"]?.stringValue ?? ""
    identity = "\(command), data \(data.prefix(12)), settings \(settings.prefix(12))"
    self.report = report
    self.open = open
  }

  /// A run of an encoder.
  public func encoder(_ source: ModelDirectory) -> TrainingRun {
    TrainingRun(source: source, setup: self)
  }

  /// A run of a generator.
  public func generator() -> GeneratorRun { GeneratorRun(self) }

  /// The course of a run that begins with a model; nil: a new one.
  func course(from model: ModelDirectory?) throws -> TrainingCourse {
    TrainingCourse(
      choices: choices, context: context, identity: identity,
      lineage: try PrivacyLineage(of: model), report: report)
  }
}
