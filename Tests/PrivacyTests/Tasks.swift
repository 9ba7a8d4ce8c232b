import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Training

@testable import Privacy

enum Examples {
  static func sequence(_ length: Int, _ random: inout Philox) -> TokenSequence {
    let ids = (0..<length).map { _ in Int32.random(in: 5..<200, using: &random) }
    return TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
  }

  static func pairs(_ count: Int, seed: UInt64) -> [TokenPair] {
    var random = Philox(seed: seed)
    return (0..<count).map { i in
      TokenPair(
        query: sequence(3 + i % 5, &random), positive: sequence(6 + i % 7, &random),
        negatives: (0..<i % 3).map { sequence(4 + $0, &random) })
    }
  }

  /// Questions with a passage and another, from the bundled corpus.
  static func medical(_ count: Int, model: FilePath) throws -> [TokenPair] {
    let side = try EmbeddingModel(directory: model).encoder(for: .passage)
    func texts(_ path: String, _ key: String) throws -> [TokenSequence] {
      let bytes = try FileBytes.read(
        Checkout.root.appending("Corpora/medqa/" + path), limit: 1 << 24)
      return try String(decoding: bytes, as: UTF8.self).split(separator: "\n").prefix(count + 1)
        .compactMap { line in
          try side.tokens(of: JSONParser.parse(String(line)).requiredObject().string(key))
        }
    }
    let questions = try texts("queries/exam.jsonl", "text")
    let passages = try texts("passages.jsonl", "text")
    return (0..<count).map {
      TokenPair(query: questions[$0], positive: passages[$0], negatives: [passages[$0 + 1]])
    }
  }

  static func labelled(_ count: Int, seed: UInt64) -> [LabelledTokens] {
    var random = Philox(seed: seed)
    return (0..<count).map { LabelledTokens(tokens: sequence(4 + $0, &random), label: $0 % 2) }
  }
}

extension PrivateTrainingSettings {
  static func forTests(
    _ clipping: Clipping? = nil, seed: UInt64? = 1, records: Double = 4, atOnce: Int = 32
  ) throws -> PrivateTrainingSettings {
    var settings = try PrivateTrainingSettings(
      clipping: clipping ?? Clipping(), expectedRecords: records)
    settings.recordsAtOnce = atOnce
    if let seed { settings.randomness = .insecure(InsecureSeed(seed)) }
    return settings
  }
}

extension PrivacyLedger {
  static func forTests(
    noise: Double = 1, rate: Double = 0.5, steps: Int = 1000, delta: Double = 1e-5
  ) throws -> PrivacyLedger {
    try PrivacyLedger(
      Plan(
        phase: SampledGaussian(noiseMultiplier: noise, rate: rate, steps: steps), delta: delta,
        dataset: "test"))
  }
}
