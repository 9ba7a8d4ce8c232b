import Basics
import Foundation
import Models
import SystemPackage
import Tensors
import Training

// Seconds of a training step: MiniLM, 16 texts of 128 tokens (8 pairs), InfoNCE, AdamW, all weights.
//
//     training-benchmark MODEL-FOLDER [threads] [steps] [train|forward]
//
// Prints JSON: median seconds of a step and the process's largest resident memory. The peer is
// peers/train_step.py, which does the same with PyTorch.

/// 16 sequences at once, of which the second eight answer the first.
final class PairedTask: TrainingTask {
  let encoder: TrainableTransformer
  init(_ encoder: TrainableTransformer) { self.encoder = encoder }
  var parameters: [Parameter] { encoder.parameters }

  func losses(of examples: [TokenPair], on tape: Tape) -> Variable {
    let vectors = encoder.vectors(
      of: examples.map(\.query) + examples.map(\.positive), pooling: .mean, normalises: true,
      on: tape)
    let count = examples.count
    return ContrastiveLoss().losses(
      queries: tape.gather(vectors, rows: Array(0..<count)),
      passages: tape.gather(vectors, rows: Array(count..<2 * count)),
      positives: Array(0..<count), on: tape)
  }
}

let arguments = CommandLine.arguments
guard arguments.count >= 2 else { fatalError("MODEL-FOLDER [threads] [steps] [train|forward]") }
let threads = arguments.count > 2 ? Int(arguments[2]) ?? 2 : 2
let steps = arguments.count > 3 ? Int(arguments[3]) ?? 10 : 10
let trains = arguments.count <= 4 || arguments[4] == "train"

let encoder = try TrainableTransformer(directory: FilePath(arguments[1]))
let context = ComputeContext(threads: threads)
let task = PairedTask(encoder)
let source = Backpropagation(task, in: context)
let optimizer = Optimizer(
  .adamW(), groups: [ParameterGroup(encoder.parameters, learningRate: 2e-5, weightDecay: 0.01)],
  in: context)
func sequence(_ random: inout Philox) -> TokenSequence {
  let ids = (0..<128).map { _ in Int32.random(in: 1000..<30_000, using: &random) }
  return TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
}
var random = Philox(seed: 1)
let batch = (0..<8).map { _ in
  TokenPair(query: sequence(&random), positive: sequence(&random))
}
let clock = ContinuousClock()
var seconds: [Double] = []
var loss = 0.0
for step in 0..<steps + 2 {
  let duration = clock.measure {
    if trains {
      loss = source.computeGradient(of: batch, at: step) ?? .nan
      optimizer.step()
    } else {
      let tape = Tape(in: context, mode: .forwardOnly)
      loss = Double(tape.mean(task.losses(of: batch, on: tape)).value.values[0])
    }
  }
  // Two steps to warm up.
  if step >= 2 { seconds.append(duration / .seconds(1)) }
}
let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
let peak =
  status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
  .flatMap { Int($0.filter(\.isNumber)) } ?? 0
seconds.sort()
print(
  """
  {"who": "ragbench", "mode": "\(trains ? "train" : "forward")", "threads": \(threads), \
  "seconds": \(seconds[seconds.count / 2]), "fastest": \(seconds[0]), "peakKiB": \(peak), \
  "loss": \(loss)}
  """)
