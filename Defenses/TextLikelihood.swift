import Basics
import Foundation
import Models
import Synchronization
import Tensors

/// What a generator thinks of texts: the losses of their tokens. A model is loaded once, a text read once.
final class TextLikelihood: Sendable {
  /// Texts of one pass.
  private static let passTexts = 16
  /// Losses are forgotten all together beyond so many texts: about 100 MB.
  private static let keptTexts = 1 << 17
  private static let loaded = Mutex<[String: TextLikelihood]>([:])

  /// Checksums of the model's files.
  let fingerprint: String
  private let tokenizer: any Tokenizer
  private let decoder: TransformerDecoder
  /// The loss of a token that is only guessed at, in nats.
  private let guess: Float
  private let known = Mutex<[String: [Float]]>([:])

  /// The generator of a name.
  ///
  /// - Parameter name: An installed model, the path of a folder, or `run:DIR`.
  /// - Returns: The one in memory, or a new one.
  /// - Throws: `UsageError` if there is no such generator; `InputError` if it is damaged;
  ///   `MemoryShortage`.
  static func shared(_ name: String) throws -> TextLikelihood {
    let directory = try directory(name)
    return try loaded.withLock { loaded in
      if let found = loaded[directory.fingerprint] { return found }
      let made = try TextLikelihood(directory)
      loaded[directory.fingerprint] = made
      return made
    }
  }

  /// Refuses a name that no generator has.
  static func directory(_ name: String) throws -> ModelDirectory {
    let locations = try Locations.current()
    return try ModelLibrary(locations).generator(
      name, catalogue: ModelCatalogue.shipped(locations))
  }

  private init(_ directory: ModelDirectory) throws {
    fingerprint = directory.fingerprint
    tokenizer = try GeneratorFiles(directory: directory.path).tokenizer
    decoder = try TransformerDecoder(DecoderWeights(directory: directory.path))
    guess = Float(log(Double(decoder.configuration.vocabularySize)))
  }

  /// The losses of the tokens of texts, each given those before it; the first has none.
  ///
  /// - Parameter texts: Plain text, cut at the model's context.
  /// - Returns: For each text one number a token in nats, at least one: of a text without two tokens
  ///   nothing is foretold, its token counts as guessed.
  /// - Throws: `MemoryShortage`; `CancellationError`.
  func losses(of texts: [String]) throws -> [[Float]] {
    let keys = texts.map { Checksum.sha256($0) }
    return try known.withLock { known in
      var missing: [(key: String, ids: [Int32])] = []
      var wanted: Set<String> = []
      for (key, text) in zip(keys, texts) where known[key] == nil && wanted.insert(key).inserted {
        let ids = tokenizer.encode(text).ids.prefix(decoder.configuration.maximumTokens)
        missing.append((key, Array(ids)))
      }
      if known.count + missing.count > Self.keptTexts {
        let kept = known
        known = [:]
        for key in keys { known[key] = kept[key] }
      }
      // Texts of about one length make passes without gaps.
      missing.sort { ($0.ids.count, $0.key) < ($1.ids.count, $1.key) }
      let context = ComputeContext(threads: ProcessInfo.processInfo.activeProcessorCount)
      for start in stride(from: 0, to: missing.count, by: Self.passTexts) {
        let part = missing[start..<min(start + Self.passTexts, missing.count)]
        let readable = part.filter { $0.ids.count >= 2 }
        for entry in part where entry.ids.count < 2 { known[entry.key] = [guess] }
        let values = try decoder.logProbabilities(of: readable.map(\.ids), in: context)
        for (entry, values) in zip(readable, values) {
          known[entry.key] = values.map { Float(-$0) }
        }
      }
      return keys.map { known[$0] ?? [] }
    }
  }
}
