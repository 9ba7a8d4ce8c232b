import Basics
import Foundation
import Models
import SystemPackage
import Tensors
import Training

/// Trains on what ``Preparation`` wrote.
struct Training {
  let folder: FilePath

  func run(threads: Int) throws -> JSONValue {
    let settings = try JSONParser.parse(contentsOf: folder.appending("settings.json"))
      .requiredObject()
    let (size, batch, steps) = (
      try settings.int("size"), try settings.int("batch"), try settings.int("steps")
    )
    let training = try blocks("training.i32", size: size)
    let heldOut = try blocks("heldout.i32", size: size)
    let order = try integers("order.i32").map { Int($0) }
    let context = ComputeContext(threads: threads)
    let decoder = try TrainableDecoder(DecoderWeights(directory: folder.appending("start")))
    let start = folder.appending("adapter")
    let adapter =
      try start.exists ? LoRAAdapter(directory: start, on: decoder, isTrainable: true) : nil
    let task = LanguageModelTask(decoder, adapter: adapter)
    let optimizer = Optimizer(
      .adamW(),
      groups: ParameterGroup.decayingMatrices(
        task.parameters, learningRate: try settings.double("learningRate"),
        weightDecay: try settings.double("weightDecay")), in: context)
    let source = Backpropagation(task, in: context)
    let factors = try settings.doubles("factors")

    let before = loss(of: heldOut, task, context)
    var seconds = 0.0
    let clock = ContinuousClock()
    for step in 0..<steps {
      let examples = order[step * batch..<(step + 1) * batch].map { training[$0] }
      let duration = clock.measure {
        _ = source.computeGradient(of: examples, at: step)
        _ = GradientNorm.clip(task.parameters, to: 1)
        optimizer.step(factor: factors[step])
      }
      seconds += duration / .seconds(1)
    }
    let peak = try peakKiB()
    if let adapter {
      try adapter.save(to: folder.appending("after"))
      let tape = Tape(in: context, mode: .forwardOnly)
      let states = decoder.states(
        from: decoder.embeddings(of: [heldOut[0].ids], on: tape), on: tape)
      let logits = decoder.logits(of: states, on: tape).value.values
      try Data(bytes: Array(logits), count: 4 * logits.count)
        .write(to: URL(filePath: folder.appending("logits.f32").string))
    }
    return .object([
      "who": "ragbench", "threads": JSONValue(threads), "steps": JSONValue(steps),
      "seconds": .number(seconds),
      "tokensPerSecond": .number(Double(steps * batch * size) / seconds), "before": .number(before),
      "after": .number(loss(of: heldOut, task, context)), "peakKiB": JSONValue(peak),
    ])
  }

  /// The mean over all learnt tokens, in nats.
  private func loss(
    of blocks: [MaskedTokens], _ task: LanguageModelTask, _ context: ComputeContext
  ) -> Double {
    var total = 0.0
    for start in stride(from: 0, to: blocks.count, by: 16) {
      let part = Array(blocks[start..<min(start + 16, blocks.count)])
      let tape = Tape(in: context, mode: .forwardOnly)
      let losses = task.losses(of: part, on: tape).value.values
      total += zip(losses, part).reduce(0) { $0 + Double($1.0) * task.weight(of: $1.1) }
    }
    return total / blocks.reduce(0) { $0 + task.weight(of: $1) }
  }

  private func blocks(_ name: String, size: Int) throws -> [MaskedTokens] {
    let values = try integers(name)
    return stride(from: 0, to: values.count, by: 2 * size).map { start in
      MaskedTokens(
        ids: Array(values[start..<start + size]),
        isCompletion: values[start + size..<start + 2 * size].map { $0 != 0 })
    }
  }

  private func integers(_ name: String) throws -> [Int32] {
    try Data(contentsOf: URL(filePath: folder.appending(name).string)).withUnsafeBytes {
      Array($0.bindMemory(to: Int32.self))
    }
  }

  private func peakKiB() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    return status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
      .flatMap { Int($0.filter(\.isNumber)) } ?? 0
  }
}
