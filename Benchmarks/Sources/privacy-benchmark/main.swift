import Basics
import Foundation
import Models
import Privacy
import SystemPackage
import Tensors
import Training

// Seconds of a private training step beside a plain one: MiniLM with a classifier's head, 16 texts of
// 128 tokens, AdamW, all weights, noise from the system's entropy.
//
//     privacy-benchmark MODEL-FOLDER [threads] [steps] [plain|private|disk|both]
//
// `both` takes plain and private steps in turn and prints the median of the ratios of neighbours;
// the others say what one kind takes, with the process's largest resident memory. Prints JSON.

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
  fatalError("MODEL-FOLDER [threads] [steps] [plain|private|disk|both]")
}
let threads = arguments.count > 2 ? Int(arguments[2]) ?? 2 : 2
let steps = arguments.count > 3 ? Int(arguments[3]) ?? 10 : 10
let mode = arguments.count > 4 ? arguments[4] : "both"

let classifier = try SequenceClassifier(
  directory: FilePath(arguments[1]), labels: ["a", "b"], seed: 1)
let task = ClassificationTask(classifier)
let context = ComputeContext(threads: threads)
var random = Philox(seed: 1)
let batch = (0..<16).map { number in
  let ids = (0..<128).map { _ in Int32.random(in: 1000..<30_000, using: &random) }
  return LabelledTokens(
    tokens: TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 }), label: number % 2)
}
var settings = try PrivateTrainingSettings(clipping: Clipping(), expectedRecords: 16)
if mode == "disk" { settings.filter = .kalman(try KalmanGains(gain: 0.5)) }
let ledger = try PrivacyLedger(
  PrivacyLedger.Plan(
    phase: SampledGaussian(noiseMultiplier: 1, rate: 1, steps: 1000), delta: 1e-3,
    dataset: "made up"))
let guarded = try PrivateTraining(
  task, records: batch, ledger: ledger, settings: settings, in: context
).source
let plain = Backpropagation(task, in: context)
let optimizer = Optimizer(
  .adamW(), groups: [ParameterGroup(task.parameters, learningRate: 2e-5, weightDecay: 0.01)],
  in: context)
let clock = ContinuousClock()

@MainActor func seconds(_ source: any GradientSource<LabelledTokens>, _ step: Int) -> Double {
  clock.measure {
    _ = source.computeGradient(of: batch, at: step)
    optimizer.step()
  } / .seconds(1)
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

var times: (plain: [Double], guarded: [Double]) = ([], [])
// Two steps to warm up.
for step in 0..<steps + 2 {
  if mode == "plain" || mode == "both" { times.plain.append(seconds(plain, step)) }
  if mode != "plain" { times.guarded.append(seconds(guarded, step)) }
}
times = (Array(times.plain.dropFirst(2)), Array(times.guarded.dropFirst(2)))
let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
let peak =
  status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
  .flatMap { Int($0.filter(\.isNumber)) } ?? 0
if mode == "both" {
  let ratios = zip(times.guarded, times.plain).map { $0 / $1 }
  print(
    """
    {"mode": "both", "threads": \(threads), "plain": \(median(times.plain)), \
    "private": \(median(times.guarded)), "ratio": \(median(ratios)), "peakKiB": \(peak)}
    """)
} else {
  let values = mode == "plain" ? times.plain : times.guarded
  print(
    """
    {"mode": "\(mode)", "threads": \(threads), "seconds": \(median(values)), \
    "fastest": \(values.min() ?? .nan), "peakKiB": \(peak)}
    """)
}
