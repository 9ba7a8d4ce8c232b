import Basics
import Models
import Retrieval
import SystemPackage
import Tensors
import Training

/// A generator that is trained on texts, all its weights.
struct GeneratorSubject: TrainingSubject {
  private let plan: TrainingStudyPlan.Notes
  private let study: TrainingStudy
  private let notes: [FineTuningRecord]
  private let test: [FineTuningRecord]
  let checksum: String

  init(_ plan: TrainingStudyPlan.Notes, study: TrainingStudy) throws {
    self.plan = plan
    self.study = study
    let path = study.folder.appending(plan.file)
    var texts = try TrainingRecords.texts(path, fields: plan.fields)
    let seed = study.plan.seeds.first ?? 1
    var random = Philox(seed: seed, stream: 0x6472_6177)
    if let limit = plan.limit, limit < texts.count {
      texts = texts.indices.shuffled(using: &random).prefix(limit).sorted().map { texts[$0] }
    }
    let split = ExampleSplit(texts.map { [$0] }, heldOut: plan.testShare, seed: seed)
    notes = split.training.map { .text(texts[$0]) }
    test = split.heldOut.map { .text(texts[$0]) }
    checksum = Checksum.sha256(split.training.map { texts[$0] }.joined(separator: "\u{1E}"))
  }

  var command: String { RunAudit.Kind.fineTuning.rawValue }
  var before: String { study.plan.model }

  var data: JSONObject {
    [
      "file": .string(plan.file), "checksum": .string(checksum),
      "notes": JSONValue(notes.count), "test": .string("\(Format.count(test.count)) notes"),
    ]
  }

  func train(_ setup: TrainingSetup) throws -> JSONObject {
    try setup.generator().fineTune(study.source, on: notes, lora: nil)
  }

  /// What the model tells of its notes, and gives away of planted people.
  func figures(of run: FilePath?) throws -> JSONObject {
    guard let run else { return [:] }
    let report = try RunAudit(run, in: study.context)
      .generator(notes, others: test, reference: study.source)
    return ["leakage": .object(try report.json(of: GeneratorScorer.reference))]
  }

  func comparisons(of runs: [[FilePath]]) throws -> [PairedComparison] {
    let before = try losses(of: study.source.path, name: study.plan.model)
    return try runs.map { runs in
      try PairedComparison(
        of: before,
        with: runs.map { run in
          try losses(of: run.appending(TrainingRun.modelFolder), name: "run:\(run.string)")
        }, metric: "loss a token")
    }
  }

  /// The mean loss of each test note, in nats a token.
  private func losses(of model: FilePath, name: String) throws -> [Double] {
    study.report(.test(name))
    let files = try GeneratorFiles(directory: study.source.path)
    let decoder = try TransformerDecoder(directory: model)
    let limit =
      study.plan.settings[0].candidates[0].choices.maximumTokens
      ?? decoder.configuration.maximumTokens
    let examples = try FineTuningExamples(
      test, tokenizer: files.tokenizer, template: nil, maximumTokens: limit)
    return try GeneratorScorer.losses(of: examples.sequences, by: decoder, in: study.context)
  }
}
