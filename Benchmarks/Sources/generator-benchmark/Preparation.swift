import Basics
import Models
import SystemPackage
import Tensors
import Training

/// Writes what both sides train on.
struct Preparation {
  let folder: FilePath
  let steps: Int
  private static let seed: UInt64 = 1

  /// A new Llama of 2.8 million parameters, blocks of 256 tokens, 16 in a step.
  func pretraining(_ passages: FilePath) throws {
    let sizes = try DecoderConfiguration(
      vocabularySize: 4096, hiddenSize: 192, intermediateSize: 512, layers: 5, heads: 6,
      keyValueHeads: 3, maximumTokens: 256, tiesWordTable: true, beginToken: 0, endTokens: [0])
    let texts = try TrainingRecords.fineTuning(passages).compactMap { record -> String? in
      if case .text(let text) = record { text } else { nil }
    }
    let split = ExampleSplit(texts.map { [$0] }, heldOut: 0.02, seed: Self.seed)
    let text = try PretrainingText(
      training: split.training.map { texts[$0] }, heldOut: split.heldOut.map { texts[$0] },
      vocabulary: .learnt(size: sizes.vocabularySize), blockSize: sizes.maximumTokens)
    let decoder = try TrainableDecoder(DecoderWeights(sizes, seed: Self.seed))
    try decoder.save(to: folder.appending("start"))
    try write(
      training: text.training, heldOut: text.heldOut, size: sizes.maximumTokens, batch: 16,
      schedule: .cosine, learningRate: 1e-3, weightDecay: 0.1)
  }

  /// A LoRA adapter of rank 8 on queries and values, conversations cut to 128 tokens, 4 in a step.
  func fineTuning(_ examples: FilePath, model: FilePath) throws {
    let files = try GeneratorFiles(directory: model)
    let all = try FineTuningExamples(
      TrainingRecords.fineTuning(examples), tokenizer: files.tokenizer,
      template: files.chatTemplate(), maximumTokens: 128)
    let long = all.sequences.filter { $0.ids.count == 128 }
    let decoder = try TrainableDecoder(DecoderWeights(directory: model))
    try decoder.save(to: folder.appending("start"))
    let adapter = try LoRAAdapter(
      LoRAConfiguration(rank: 8, alpha: 16, targets: .suffixes(["q_proj", "v_proj"])),
      on: decoder, seed: Self.seed)
    try adapter.save(to: folder.appending("adapter"))
    try write(
      training: Array(long.dropFirst(64)), heldOut: Array(long.prefix(64)), size: 128, batch: 4,
      schedule: .linear, learningRate: 2e-4, weightDecay: 0.01)
  }

  private func write(
    training: [MaskedTokens], heldOut: [MaskedTokens], size: Int, batch: Int,
    schedule: Schedule.Shape, learningRate: Double, weightDecay: Double
  ) throws {
    let plan = ShuffledBatches(count: training.count, size: batch, seed: Self.seed)
    let course = Schedule(schedule, warmupSteps: steps / 10, totalSteps: steps)
    let settings: JSONObject = [
      "size": JSONValue(size), "batch": JSONValue(batch), "steps": JSONValue(steps),
      "learningRate": .number(learningRate), "weightDecay": .number(weightDecay),
      "factors": .array((0..<steps).map { .number(course.factor(at: $0)) }),
    ]
    try AtomicFile.write(
      JSONValue.object(settings).serialized(), to: folder.appending("settings.json"))
    try Self.write(training.flatMap(Self.rows), to: folder.appending("training.i32"))
    try Self.write(heldOut.flatMap(Self.rows), to: folder.appending("heldout.i32"))
    let order = (0..<steps).flatMap { plan.batch(at: $0 % plan.stepsPerEpoch) }
    try Self.write(order.map { Int32($0) }, to: folder.appending("order.i32"))
  }

  private static func rows(of block: MaskedTokens) -> [Int32] {
    block.ids + block.isCompletion.map { $0 ? 1 : 0 }
  }

  private static func write(_ values: [Int32], to path: FilePath) throws {
    try AtomicFile.write(
      values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } },
      to: path)
  }
}
