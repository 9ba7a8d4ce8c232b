import Models
import Privacy
import Tensors
import Training

/// A small causal language model over bytes, of the Llama family, on pieces of texts.
struct ByteLanguageModel {
  let decoder: TrainableDecoder
  let task: LanguageModelTask

  init(_ scale: ExperimentScale.LanguageModel, seed: UInt64) throws {
    let configuration = try DecoderConfiguration(
      vocabularySize: 256, hiddenSize: scale.width, intermediateSize: 8 * scale.width / 3,
      layers: scale.layers, heads: 4, maximumTokens: scale.pieceBytes)
    decoder = try TrainableDecoder(DecoderWeights(configuration, seed: seed))
    task = LanguageModelTask(decoder)
  }

  /// Mean loss of pieces in nats for a byte.
  func meanLoss(_ pieces: [MaskedTokens]) -> Double {
    losses(pieces).reduce(0, +) / Double(pieces.count)
  }

  private func losses(_ pieces: [MaskedTokens]) -> [Double] {
    stride(from: 0, to: pieces.count, by: 64).flatMap { start in
      task.losses(
        of: Array(pieces[start..<min(pieces.count, start + 64)]),
        on: Tape(in: ComputeContext(), mode: .forwardOnly)
      ).value.values.map(Double.init)
    }
  }

  /// All texts, whole texts in a seeded order, cut into pieces of one length; what is left is
  /// dropped.
  static func pieces(of texts: [String], bytes: Int, seed: UInt64) -> [MaskedTokens] {
    var random = Philox(seed: seed, stream: 11)
    return texts.shuffled(using: &random).flatMap { text -> [MaskedTokens] in
      let all = Array(text.utf8)
      return stride(from: 0, to: all.count - all.count % bytes, by: bytes).map { start in
        MaskedTokens(completion: all[start..<start + bytes].map { Int32($0) })
      }
    }
  }
}
