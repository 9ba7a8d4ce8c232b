import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Testing

/// A tiny Llama with the golden values of Tests/Fixtures/decoders.
struct TinyDecoder {
  static let names = ["tiny-llama", "tiny-llama-tied"]

  let name: String
  let golden: GoldenArrays
  let inputs: [[Int32]]
  let starts: [Int]

  init(_ name: String, golden file: String? = nil) throws {
    self.name = name
    golden = try GoldenArrays("decoders", file ?? name)
    inputs = try golden.idLists("inputs")
    starts = try golden.description.ints("starts")
  }

  var directory: FilePath { Checkout.fixture("decoders/\(name)") }
  var adapter: FilePath { Checkout.fixture("decoders/\(name)-lora") }

  func weights() throws -> DecoderWeights { try DecoderWeights(directory: directory) }
  func trainable() throws -> TrainableDecoder { try TrainableDecoder(weights()) }
  func decoder() throws -> TransformerDecoder { try TransformerDecoder(weights()) }

  /// The golden losses are of the tokens from each input's start on.
  var examples: [MaskedTokens] {
    zip(inputs, starts).map { ids, start in
      MaskedTokens(prompt: Array(ids[..<start]), completion: Array(ids[start...]))
    }
  }

  /// Golden logits of all inputs, one behind the other.
  func logits() throws -> [Float] {
    try inputs.indices.flatMap { try golden.array("logits/\($0)") }
  }
}

extension TrainableDecoder {
  /// Logits of all tokens.
  func logits(of sequences: [[Int32]], threads: Int = 1) -> [Float] {
    let tape = Tape(in: ComputeContext(threads: threads), mode: .forwardOnly)
    return logits(of: states(from: embeddings(of: sequences, on: tape), on: tape), on: tape)
      .value.values
  }
}

extension TransformerDecoder {
  /// Logits of all tokens, the sequences in steps of some tokens.
  func logits(of sequences: [[Int32]], step: Int = .max, threads: Int = 1) throws -> [Float] {
    let context = ComputeContext(threads: threads)
    let caches = try sequences.map { try makeCache(tokens: $0.count) }
    var rows = sequences.map { _ in [Float]() }
    var start = 0
    while start < sequences.map(\.count).max() ?? 0 {
      let active = sequences.indices.filter { sequences[$0].count > start }
      let parts = active.map { sequence in
        let ids = sequences[sequence]
        return Array(ids[start..<start + min(step, ids.count - start)])
      }
      let states = states(of: parts, caches: active.map { caches[$0] }, in: context)
      let values = logits(of: states, in: context).values
      var at = 0
      for (sequence, part) in zip(active, parts) {
        let count = part.count * configuration.vocabularySize
        rows[sequence] += values[at..<at + count]
        at += count
      }
      if step == .max { break }
      start += step
    }
    return rows.flatMap(\.self)
  }
}

func norm(_ values: some Sequence<Float>) -> Double {
  values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// The issue's bound for each tensor: ‖Δ‖ ≤ 1e-4 ‖g‖ + 1e-6 ‖all gradients‖.
func expectGradients(
  _ parameters: [Parameter], _ expected: [[Float]], _ comment: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let all = norm(expected.joined())
  #expect(all > 0.1)
  for (parameter, gradient) in zip(parameters, expected) {
    guard let found = parameter.gradient?.values, found.count == gradient.count else {
      Issue.record(
        "\(comment), \(parameter.name): no gradient of \(gradient.count) numbers",
        sourceLocation: sourceLocation)
      continue
    }
    let difference = norm(zip(found, gradient).map { $0 - $1 })
    let allowed = 1e-4 * norm(gradient) + 1e-6 * all
    #expect(
      difference <= allowed,
      "\(comment), \(parameter.name): off by \(difference), allowed \(allowed)",
      sourceLocation: sourceLocation)
  }
}

/// The message of the error that `body` throws.
func refusal(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}
