import Basics
import Glibc
import Models
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Defenses

@Suite struct PerplexityDetectorTests {
  /// A small generator with random weights in a folder of its own.
  private static func generator(in folder: TemporaryDirectory, seed: UInt64 = 1) throws -> FilePath
  {
    var trainer = try BPETrainer(vocabularySize: 300)
    trainer.add("the heart moves the blood, and the blood moves through the heart")
    let vocabulary = trainer.train()
    let sizes = try DecoderConfiguration(
      vocabularySize: 300, hiddenSize: 16, intermediateSize: 32, layers: 2, heads: 2,
      keyValueHeads: 1, maximumTokens: 48, tiesWordTable: true, beginToken: 0, endTokens: [0])
    let path = folder.file("generator-\(seed)")
    try TrainedModelFiles.write(
      TrainableDecoder(DecoderWeights(sizes, seed: seed)), to: path, name: "small",
      origin: "a test",
      writeTokenizer: { try vocabulary.write(to: $0) })
    return path
  }

  private func list(_ texts: [String]) throws -> DetectionList {
    try SyntheticLists.list("q", query: [1], documents: texts.map { _ in [1] }, texts: texts)
  }

  private static let texts = [
    "the heart moves the blood", "zq9 #~ blood xx", "", "a", "the heart moves the blood",
    String(repeating: "the blood and the heart, ", count: 20),
  ]

  @Test func scoresAreMeanLosses() throws {
    let folder = try TemporaryDirectory()
    let path = try Self.generator(in: folder)
    let files = try GeneratorFiles(directory: path)
    let measure = TextPerplexity(
      try TransformerDecoder(DecoderWeights(directory: path)), tokenizer: files.tokenizer)
    let detector = try PerplexityDetector.fitted(
      to: [], parameters: DetectorParameters(["model": path.string]))
    let scores = try detector.scores(of: list(Self.texts))
    for (text, score) in zip(Self.texts, scores) {
      let (value, _) = try measure.measure(text, in: .init())
      let expected = value.map { $0.negativeLogLikelihood / Double($0.tokens) } ?? log(300.0)
      expectClose([score], [expected], absolute: 1e-6, relative: 1e-6, text)
    }
    #expect(scores[0] == scores[4])
    // Alone, or in another order.
    #expect(try detector.scores(of: list([Self.texts[1]])) == [scores[1]])
    let copy = try PerplexityDetector(state: detector.state)
    #expect(try copy.scores(of: list(Self.texts.reversed())) == scores.reversed())
    #expect(try detector.scores(of: [DetectionList]()).isEmpty)
  }

  /// A strange end of a long text is a small part of its mean, and all of its last window.
  @Test func theWorstWindowCounts() throws {
    let folder = try TemporaryDirectory()
    let path = try Self.generator(in: folder)
    func scores(_ window: Int) throws -> [Double] {
      try PerplexityDetector.fitted(
        to: [], parameters: DetectorParameters(["model": path.string, "window": "\(window)"])
      ).scores(of: list(Self.texts))
    }
    let whole = try scores(0)
    let windows = try scores(4)
    #expect(zip(windows, whole).allSatisfy { $0 >= $1 - 1e-9 })
    #expect(windows[5] > whole[5])
    // Fewer tokens than two windows: one window.
    #expect(try scores(1000) == whole)
  }

  @Test func anotherModelOfTheSameNameIsRefused() throws {
    let folder = try TemporaryDirectory()
    let path = try Self.generator(in: folder)
    let other = try Self.generator(in: folder, seed: 2)
    var state = try PerplexityDetector.fitted(
      to: [], parameters: DetectorParameters(["model": path.string])
    ).state
    state.values["model"] = .string(other.string)
    let changed = #expect(throws: InputError.self) { _ = try PerplexityDetector(state: state) }
    #expect(changed?.message.contains("has changed since the detector was fitted") == true)
    state.values["model"] = "no-such-model"
    let gone = #expect(throws: InputError.self) { _ = try PerplexityDetector(state: state) }
    #expect(gone?.message.contains("unknown model 'no-such-model'") == true)
    for wrong in [["model": "no-such-model"], ["model": path.string, "window": "-1"]] {
      #expect(throws: UsageError.self) { try PerplexityDetector.check(DetectorParameters(wrong)) }
    }
    #expect(!DetectorRegistry.standardNames.contains("perplexity"))
  }

  /// Words in disorder read worse than the sentence that they made.
  @Test func disorderStandsOut() throws {
    guard let path = installedModel("SmolLM2-135M-Instruct") else { return }
    let detector = try PerplexityDetector.fitted(
      to: [], parameters: DetectorParameters(["model": path.string]))
    let scores = try detector.scores(
      of: list([
        "Aspirin lowers the risk of a second heart attack, and raises that of bleeding.",
        "risk bleeding, aspirin heart a that lowers raises of second the and the attack of.",
        "zx aspirin !! describing.\\ + similarlyNow write oppositeley.]( Me giving**ONE please?",
      ]))
    #expect(scores[0] + 1 < scores[1] && scores[0] + 1 < scores[2])
  }
}
