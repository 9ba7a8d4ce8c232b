import Basics
import Corpus
import Foundation
import Models
import Retrieval
import Synchronization
import SystemPackage
import TestSupport

/// The tiny models of `Tests/Fixtures/models` as retrievers.
enum TinyRetriever {
  static let names = ["tiny-bert", "tiny-bert-cls", "tiny-mpnet", "tiny-static"]

  static func model(
    _ name: String = "tiny-bert", _ edit: (inout ModelCard) -> Void = { _ in }
  ) throws -> EmbeddingModel {
    let directory = Checkout.fixture("models/\(name)")
    let weights = directory.appending("model.safetensors")
    var card = ModelCard(
      name: name, kind: name == "tiny-static" ? .static : .transformer,
      files: [
        .init(
          path: "model.safetensors", bytes: 1, sha256: try Checksum.sha256(of: weights))
      ])
    edit(&card)
    return try EmbeddingModel(directory: directory, card: card)
  }
}

/// Texts of 1 to about 60 tokens, the same for the same seed.
func sampleTexts(_ count: Int, seed: UInt64) -> [String] {
  var random = IndexRandom(seed: seed)
  let words = ["gout", "a", "sleep", "iron", "the", "fever", "heart", "x", "患者", "dose", "1200"]
  return (0..<count).map { number in
    let length = 1 + Int(random.bits() % 20)
    return "\(number) "
      + (0..<length).map { _ in words[Int(random.bits() % UInt64(words.count))] }
      .joined(separator: " ")
  }
}

/// What `embed` reported: the first call counts what did not have to be computed.
final class ProgressRecord: Sendable {
  private let calls = Mutex<[Int]>([])

  func add(_ count: Int) { calls.withLock { $0.append(count) } }

  /// Inputs that came from the cache or were there twice.
  var found: Int { calls.withLock { $0.first ?? -1 } }
  var total: Int { calls.withLock { $0.reduce(0, +) } }
}

/// A corpus bundle in a temporary directory.
func makeBundle(
  _ name: String, in directory: TemporaryDirectory, passages: [Passage], separator: String = " "
) throws -> CorpusBundle {
  let lines = try passages.map { try JSONValue.object($0.beirObject).serialized() + "\n" }
  try directory.write("\(name)/passages.jsonl", text: lines.joined())
  let folder = directory.file(name)
  let manifest = BundleManifest(
    name: name, title: name, licence: "none", titleSeparator: separator, description: "",
    passages: try BundleFile(measuring: "passages.jsonl", in: folder, count: passages.count),
    queries: [], qrels: [], payloads: [], provenance: JSONObject())
  try directory.write(
    "\(name)/bundle.json", text: JSONValue.object(manifest.json).serialized())
  return try CorpusBundle(directory: folder, origin: .installed)
}
