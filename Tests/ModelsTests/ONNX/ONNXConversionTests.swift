import Basics
import Foundation
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// BERT exports against the model they were made from and against onnxruntime
/// (`Tests/Fixtures/onnx/make_onnx.py`).
@Suite struct ONNXConversionTests {
  private static let tokenizer = Checkout.fixture("models/tiny-bert")

  private func converted(_ name: String, in directory: TemporaryDirectory) throws -> FilePath {
    let folder = directory.file(name)
    try DirectoryListing.create(folder)
    try ONNXConversion.convert(
      Checkout.fixture("onnx/\(name).onnx"), tokenizer: Self.tokenizer, into: folder)
    return folder
  }

  @Test func floatWeightsAreThoseOfTheModel() throws {
    let directory = try TemporaryDirectory()
    let folder = try converted("tiny-bert", in: directory)
    let ours = try SafetensorsFile(folder.appending("model.safetensors"))
    let original = try SafetensorsFile(Self.tokenizer.appending("model.safetensors"))
    #expect(ours.entries.count > 30)
    for entry in ours.entries {
      let source = try #require(original.entry(entry.name), "\(entry.name)")
      #expect(entry.shape == source.shape, "\(entry.name)")
      #expect(
        try ours.tensor(entry).values.elementsEqual(original.tensor(source).values),
        "\(entry.name)")
    }
    let configuration = try EncoderConfiguration(directory: folder)
    #expect(configuration == (try EncoderConfiguration(directory: Self.tokenizer)))
  }

  /// onnxruntime quantises activations too, so its int8 vectors differ a little.
  @Test(arguments: [("tiny-bert", 0.999_999), ("tiny-bert-int8", 0.99)])
  func vectorsAgreeWithOnnxruntime(name: String, least: Double) throws {
    let directory = try TemporaryDirectory()
    let folder = try converted(name, in: directory)
    try directory.write(
      "\(name)/1_Pooling/config.json",
      text: #"{"word_embedding_dimension": 32, "pooling_mode_mean_tokens": true}"#)
    let model = try EmbeddingModel(
      directory: folder, card: ModelCard(name: "onnx", kind: .transformer, similarity: .cosine))
    try expectVectors(of: model, name, texts: "texts", least: least)
  }

  /// paraphrase-MiniLM-L3-v2 as it is on PyPI, where it is installed.
  @Test func theRealExportAgreesWithOnnxruntime() throws {
    let name = "paraphrase-MiniLM-L3-v2"
    guard let folder = installedModel(name) else { return }
    let model = try EmbeddingModel(directory: folder)
    #expect(model.dimension == 384)
    try expectVectors(of: model, name, texts: "realTexts", least: 0.999_999)
  }

  private func expectVectors(
    of model: EmbeddingModel, _ name: String, texts key: String, least: Double
  ) throws {
    let golden = try JSONParser.parse(
      contentsOf: Checkout.fixture("onnx/onnx.json")
    ).requiredObject()
    for (text, vector) in zip(try golden.strings(key), try golden.array(name)) {
      let expected = try #require(vector.arrayValue).compactMap(\.doubleValue)
      let sequence = try #require(model.tokens(ofPassage: "", text: text, separator: ""))
      let found = model.encoder(for: .passage).vectors(
        of: [sequence], in: ComputeContext()
      ).values.map(Double.init)
      #expect(found.count == expected.count)
      let product = zip(found, expected).reduce(0) { $0 + $1.0 * $1.1 }
      let norms = [found, expected].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      let cosine = product / (norms[0] * norms[1])
      #expect(cosine >= least, "\(name), '\(text)': \(cosine)")
    }
  }

  @Test func damagedFilesAreRefusedOrRight() throws {
    let directory = try TemporaryDirectory()
    let bytes = try FileBytes.read(Checkout.fixture("onnx/tiny-bert-int8.onnx"), limit: 1 << 24)
    func attempt(_ bytes: [UInt8]) throws {
      let path = try directory.write("x.onnx", bytes)
      do {
        _ = try BERTExport(ONNXGraph(path))
      } catch is InputError {}
    }
    try Damage.truncating(bytes, step: 997) { rest, _ in try attempt(rest) }
    try Damage.flipping(bytes, step: 211) { damaged, _ in try attempt(damaged) }
    // The fields at the front, byte by byte.
    try Damage.flipping(Array(bytes.prefix(4000)), step: 13) { damaged, _ in try attempt(damaged) }
    for hostile: [UInt8] in [[], [0x3A], [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0x00], [0x3F, 1]] {
      #expect(throws: InputError.self) {
        _ = try BERTExport(ONNXGraph(try directory.write("y.onnx", hostile)))
      }
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: FileError.self) {
      try ONNXConversion.convert(
        Checkout.fixture("onnx/tiny-bert.onnx"), tokenizer: directory.path, into: directory.path)
    }
    let other = try directory.write("z.onnx", [0x3A, 0x00])
    #expect {
      try ONNXConversion.convert(other, tokenizer: Self.tokenizer, into: directory.path)
    } throws: { "\($0)".contains("embeddings.word_embeddings.weight") }
  }
}
