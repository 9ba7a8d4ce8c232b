import Basics
import Foundation
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// Retrievers with their conventions, end to end: two encoders, pairs, prompts, limits, and texts
/// that cannot be embedded.
@Suite struct EmbeddingModelTests {
  private struct Pair {
    let title: String, text: String
    let ids: [Int32], types: [Int32]
    let vectors: [String: [Double]]
  }

  private static func pairs() throws -> [Pair] {
    try JSONParser.parse(contentsOf: Checkout.fixture("models/pairs.json")).requiredObject()
      .objects("pairs").map { pair in
        Pair(
          title: try pair.string("title"), text: try pair.string("text"),
          ids: try pair.ints("ids").map(Int32.init),
          types: try pair.ints("type_ids").map(Int32.init),
          vectors: try ["tiny-bert", "tiny-bert-cls"].reduce(into: [:]) {
            $0[$1] = try pair.doubles($1)
          })
      }
  }

  /// A model's folder in a temporary directory, with another as its query encoder.
  private static func copy(
    _ passage: String, query: String? = nil, to directory: TemporaryDirectory
  ) throws -> FilePath {
    let folder = directory.file("model")
    try FileManager.default.copyItem(
      atPath: Checkout.fixture("models/\(passage)").string, toPath: folder.string)
    if let query {
      try FileManager.default.copyItem(
        atPath: Checkout.fixture("models/\(query)").string,
        toPath: folder.appending("query").string)
    }
    return folder
  }

  private static func model(
    _ name: String, form: PassageForm = .joined, queryTokens: Int? = nil,
    passageTokens: Int? = nil, queryPrompt: String? = nil, passagePrompt: String? = nil
  ) throws -> EmbeddingModel {
    try EmbeddingModel(
      directory: Checkout.fixture("models/\(name)"),
      card: ModelCard(
        name: name, passageForm: form, queryMaximumTokens: queryTokens,
        passageMaximumTokens: passageTokens, queryPrompt: queryPrompt,
        passagePrompt: passagePrompt))
  }

  // MARK: - Pairs and two encoders

  /// MedCPT: title and abstract as two segments, the first token's state.
  @Test(arguments: ["tiny-bert", "tiny-bert-cls"])
  func pairsHaveTwoSegments(name: String) throws {
    let model = try Self.model(name, form: .pair)
    let context = ComputeContext()
    for pair in try Self.pairs() {
      let tokens = try #require(
        model.tokens(ofPassage: pair.title, text: pair.text, separator: "unused"))
      #expect(tokens.ids == pair.ids && tokens.typeIDs == pair.types)
      let expected = try #require(pair.vectors[name])
      expectClose(
        model.encoder(for: .passage).vectors(of: [tokens], in: context).values, expected,
        absolute: 1e-5, pair.title)
      // Without a title there is one segment, as for a query.
      #expect(
        model.tokens(ofPassage: "", text: pair.text, separator: "")
          == model.tokens(ofQuery: pair.text))
    }
  }

  /// SPECTER: title, separator and abstract in one segment; what a text spells out stays text.
  @Test(arguments: ["tiny-bert", "tiny-bert-cls"])
  func separatedPassagesEqualTransformers(name: String) throws {
    let golden = try JSONParser.parse(contentsOf: Checkout.fixture("models/separated.json"))
      .requiredObject()
    let limit = try golden.int("limit")
    let whole = try Self.model(name, form: .separated, passageTokens: 160)
    let cut = try Self.model(name, form: .separated, passageTokens: limit)
    let context = ComputeContext()
    let passages = try golden.objects("passages")
    #expect(passages.count == 12)
    for passage in passages {
      let (title, text) = (try passage.string("title"), try passage.string("text"))
      let tokens = try #require(whole.tokens(ofPassage: title, text: text, separator: "unused"))
      #expect(try tokens.ids == passage.ints("ids").map(Int32.init), "\(title) | \(text)")
      let kept = try #require(cut.tokens(ofPassage: title, text: text, separator: "unused"))
      #expect(try kept.ids == passage.ints("cut_ids").map(Int32.init), "\(title) | \(text)")
      #expect(kept.typeIDs.allSatisfy { $0 == 0 } && kept.typeIDs.count == kept.ids.count)
      expectClose(
        cut.encoder(for: .passage).vectors(of: [kept], in: context).values,
        try passage.doubles(name), absolute: 1e-5, "\(title) | \(text)")
    }
    // Nothing but the separator is nothing to embed.
    #expect(whole.tokens(ofPassage: " ", text: "\u{200B}", separator: "") == nil)
    #expect(try Self.model(name, form: .pair).identity != whole.identity)
  }

  @Test func aSeparatorHasToBeThere() throws {
    let error = #expect(throws: InputError.self) {
      try Self.model("tiny-mpnet", form: .separated)
    }
    #expect(error?.message.contains("needs a separator token") == true)
    // One vector a token knows no separator: the two parts are one text, as with pairs.
    func table(_ form: PassageForm) throws -> EmbeddingModel {
      try EmbeddingModel(
        directory: Checkout.fixture("models/tiny-static"),
        card: ModelCard(name: "t", kind: .static, passageForm: form))
    }
    let tokens = try table(.separated).tokens(ofPassage: "fever", text: "pain", separator: "")
    #expect(tokens != nil)
    #expect(try tokens == table(.pair).tokens(ofPassage: "fever", text: "pain", separator: ""))
  }

  /// MedCPT: an encoder for queries of 64 tokens, another for articles of 512.
  @Test func queriesHaveAnEncoderOfTheirOwn() throws {
    let directory = try TemporaryDirectory()
    let folder = try Self.copy("tiny-bert-cls", query: "tiny-bert", to: directory)
    let card = ModelCard(
      name: "medcpt", similarity: .innerProduct, passageForm: .pair, queryDirectory: "query",
      queryMaximumTokens: 64, passageMaximumTokens: 512)
    try card.write(to: folder)
    let model = try EmbeddingModel(directory: folder)
    #expect(model.similarity == .innerProduct && !model.isSymmetric && model.dimension == 32)
    #expect(model.name == "medcpt" && model.passageForm == .pair)
    let context = ComputeContext()

    let golden = try GoldenArrays("models", "tiny-bert")
    let expected = try golden.array("text_embeddings")
    let query = try #require(
      model.tokens(ofQuery: try golden.description.strings("texts")[1]))
    expectClose(
      model.encoder(for: .query).vectors(of: [query], in: context).values, expected[32..<64],
      absolute: 1e-5)
    for pair in try Self.pairs() {
      let tokens = try #require(
        model.tokens(ofPassage: pair.title, text: pair.text, separator: ""))
      let vector = try #require(pair.vectors["tiny-bert-cls"])
      expectClose(
        model.encoder(for: .passage).vectors(of: [tokens], in: context).values, vector,
        absolute: 1e-5)
    }

    // The query is cut to 64 tokens, the passage to what the encoder has positions for.
    let long = String(repeating: "fever ", count: 400)
    let sep = try #require(model.encoder(for: .query).tokenizer.specialTokens.sep)
    let cut = try #require(model.tokens(ofQuery: long))
    #expect(cut.ids.count == 64 && cut.ids.last == sep)
    let passage = try #require(model.tokens(ofPassage: "pain", text: long, separator: ""))
    #expect(passage.ids.count == 160 && passage.ids.last == sep && passage.ids[2] == sep)
    #expect(passage.typeIDs == [0, 0, 0] + [Int32](repeating: 1, count: 157))
    #expect(model.encoder(for: .passage).vectors(of: [passage], in: context).count == 32)
  }

  @Test func limitsComeFromCardFilesAndPositions() throws {
    let long = String(repeating: "fever ", count: 400)
    for (limit, count) in [(nil, 128), (64, 64), (512, 160), (3, 3)] as [(Int?, Int)] {
      let model = try Self.model("tiny-bert", queryTokens: limit)
      #expect(model.tokens(ofQuery: long)?.ids.count == count)
      #expect(model.tokens(ofPassage: "", text: long, separator: "")?.ids.count == 128)
      #expect(model.isSymmetric == (count == 128))
      #expect(model.encoder(for: .query).tokenCount(of: long) == 402)
      #expect(model.encoder(for: .query).contentTokenCount(of: long) == count - 2)
    }
    // Only the template would be left.
    #expect(try Self.model("tiny-bert", queryTokens: 2).tokens(ofQuery: long) == nil)
  }

  @Test func encodersOfTwoWidthsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let folder = try Self.copy("tiny-static", query: "tiny-static", to: directory)
    let rows = [Float](repeating: 1, count: 200 * 8)
    try directory.write(
      "model/query/model.safetensors", SafetensorsBytes.file([("t", [200, 8], rows)]))
    let card = ModelCard(name: "two", kind: .static, queryDirectory: "query")
    let error = #expect(throws: InputError.self) {
      try EmbeddingModel(directory: folder, card: card)
    }
    #expect(
      error?.message == "the query encoder has 8 dimensions, the passage encoder 16")
  }

  /// One row of token types: enough for single texts, not for pairs.
  @Test func segmentsNeedARowEach() throws {
    let directory = try TemporaryDirectory()
    let folder = try Self.copy("tiny-bert", to: directory)
    let file = try SafetensorsFile(Checkout.fixture("models/tiny-bert/model.safetensors"))
    let tensors = try file.entries.map { entry in
      let values = try file.tensor(entry).values
      return entry.name == "embeddings.token_type_embeddings.weight"
        ? (entry.name, [1, 32], Array(values[0..<32])) : (entry.name, entry.shape, values)
    }
    try directory.write("model/model.safetensors", SafetensorsBytes.file(tensors))
    var object = try JSONParser.parse(contentsOf: folder.appending("config.json")).requiredObject()
    object["type_vocab_size"] = .integer(1)
    try directory.write("model/config.json", text: JSONValue.object(object).serialized())

    let joined = try EmbeddingModel(directory: folder, card: ModelCard(name: "m"))
    let tokens = try #require(joined.tokens(ofPassage: "fever", text: "pain", separator: " "))
    #expect(
      joined.encoder(for: .passage).vectors(of: [tokens], in: ComputeContext()).count == 32)
    let error = #expect(throws: InputError.self) {
      try EmbeddingModel(directory: folder, card: ModelCard(name: "m", passageForm: .pair))
    }
    #expect(
      error?.message == "the tokenizer's template has segment 1, the token type table 1 rows")
  }

  // MARK: - Prompts

  @Test func promptsStandBeforeTheTexts() throws {
    let plain = try Self.model("tiny-bert")
    let model = try Self.model("tiny-bert", queryPrompt: "what is ", passagePrompt: "the drug: ")
    #expect(model.tokens(ofQuery: "fever") == plain.tokens(ofQuery: "what is fever"))
    #expect(
      model.tokens(ofPassage: "pain", text: "fever", separator: ". ")
        == plain.tokens(ofQuery: "the drug: pain. fever"))
    #expect(!model.isSymmetric && plain.isSymmetric)
    #expect(model.identity != plain.identity)
    #expect(
      model.encoder(for: .query).tokenCount(of: "fever")
        == plain.encoder(for: .query).tokenCount(of: "what is fever"))
  }

  @Test func promptsComeFromTheCardThenTheFiles() throws {
    let directory = try TemporaryDirectory()
    let folder = try Self.copy("tiny-bert", to: directory)
    try directory.write(
      "model/config_sentence_transformers.json",
      text: #"{"prompts":{"query":"what is ","document":"the "}}"#)
    let files = try EmbeddingModel(directory: folder, card: ModelCard(name: "m"))
    #expect(files.encoder(for: .query).prompt == "what is ")
    #expect(files.encoder(for: .passage).prompt == "the ")
    let card = try EmbeddingModel(
      directory: folder, card: ModelCard(name: "m", queryPrompt: "", passagePrompt: "a "))
    #expect(card.encoder(for: .query).prompt == "")
    #expect(card.encoder(for: .passage).prompt == "a ")
  }

  // MARK: - Texts that cannot be embedded

  @Test(arguments: [
    "", " ", "\t\r\n", "\u{0}", "\u{1B}\u{7}", "\u{200B}", "\u{200B}\u{200D}\u{FEFF}",
    "\u{A0}\u{3000}",
    "\u{2028}\u{2029}", "\u{202E}", "\u{AD}", "\u{E0041}",
  ])
  func nothingToEmbed(text: String) throws {
    for name in ["tiny-bert", "tiny-mpnet"] {
      let model = try Self.model(name)
      #expect(model.tokens(ofQuery: text) == nil)
      #expect(model.tokens(ofPassage: "", text: text, separator: " ") == nil)
      // A title of its own is something.
      #expect(model.tokens(ofPassage: "fever", text: text, separator: " ") != nil)
      let pairs = try Self.model(name, form: .pair)
      #expect(pairs.tokens(ofPassage: text, text: text, separator: " ") == nil)
      #expect(pairs.tokens(ofPassage: "fever", text: text, separator: " ") != nil)
      let prompted = try Self.model(name, queryPrompt: "what is ")
      #expect(prompted.tokens(ofQuery: text) == nil)
    }
    let table = try EmbeddingModel(
      directory: Checkout.fixture("models/tiny-static"),
      card: ModelCard(name: "tiny-static", kind: .static, queryPrompt: "what is "))
    #expect(table.tokens(ofQuery: text) == nil)
    #expect(table.tokens(ofPassage: "", text: text, separator: " ") == nil)
  }

  /// The normaliser drops a lone accent; the prompt alone would be the same vector for all of them.
  @Test func aPromptAloneIsNoText() throws {
    #expect(try Self.model("tiny-bert").tokens(ofQuery: "\u{301}") == nil)
    #expect(
      try Self.model("tiny-bert", queryPrompt: "what is ").tokens(ofQuery: "\u{301}") == nil)
    let cut = try Self.model(
      "tiny-bert", queryTokens: 5, queryPrompt: "what is the drug ")
    #expect(cut.tokens(ofQuery: "fever") == nil)
    let model = try Self.model("tiny-bert", queryTokens: 7, queryPrompt: "what is the drug ")
    #expect(model.tokens(ofQuery: "fever")?.ids.count == 7)
  }

  @Test func vectorsOfNoTexts() throws {
    let model = try Self.model("tiny-bert")
    #expect(model.encoder(for: .query).vectors(of: [], in: ComputeContext()).shape == [0, 32])
  }

  // MARK: - Similarity and identity

  @Test(
    arguments: [
      ("tiny-bert", nil, .cosine), ("tiny-bert-cls", nil, .innerProduct),
      ("tiny-bert", "euclidean", .l2), ("tiny-bert-cls", "cosine", .cosine),
    ] as [(String, String?, Similarity)])
  func similarityByCardFilesAndNorm(name: String, said: String?, similarity: Similarity) throws {
    let directory = try TemporaryDirectory()
    let folder = try Self.copy(name, to: directory)
    if let said {
      try directory.write(
        "model/config_sentence_transformers.json", text: #"{"similarity_fn_name":"\#(said)"}"#)
    }
    #expect(
      try EmbeddingModel(directory: folder, card: ModelCard(name: "m")).similarity == similarity)
    for other in Similarity.allCases {
      let card = ModelCard(name: "m", similarity: other)
      #expect(try EmbeddingModel(directory: folder, card: card).similarity == other)
    }
  }

  @Test func identityFollowsWhatDecidesAVector() throws {
    let models = [
      try Self.model("tiny-bert"), try Self.model("tiny-bert", form: .pair),
      try Self.model("tiny-bert", queryTokens: 64), try Self.model("tiny-bert", passageTokens: 64),
      try Self.model("tiny-bert", queryPrompt: "a"),
      try Self.model("tiny-bert", passagePrompt: "a"),
      try Self.model("tiny-bert-cls"),
    ]
    #expect(Set(models.map(\.identity)).count == models.count)
    #expect(try Self.model("tiny-bert").identity == models[0].identity)
    #expect(models.allSatisfy { $0.identity.utf8.count == 64 })
  }

  /// A corrected typing error in a model's description must not cost an index.
  @Test func identityIgnoresWhatNobodyComputesWith() throws {
    let files = [
      "config.json", "model.safetensors", "1_Pooling/config.json", "query/vocab.txt",
      "LICENSE-1.safetensors",
    ]
    let others = ["README.md", "query/README.md", "docs/USE.MD", "LICENSE", "NOTICE.txt"]
    func identity(changing changed: String?) throws -> String {
      let records = (files + others).map { path in
        ModelCard.FileRecord(
          path: path, bytes: 1, sha256: Checksum.sha256(path == changed ? "other" : path))
      }
      return try EmbeddingModel(
        directory: Checkout.fixture("models/tiny-bert"),
        card: ModelCard(name: "m", files: records)
      ).identity
    }
    let identities = try files.map { try identity(changing: $0) } + [identity(changing: nil)]
    #expect(Set(identities).count == files.count + 1)
    for other in others {
      #expect(try identity(changing: other) == identities.last, "\(other)")
    }
  }

  @Test func notFiniteWeightsNeedPermission() throws {
    let directory = try TemporaryDirectory()
    let folder = try Self.copy("tiny-static", to: directory)
    var rows = [Float](repeating: 1, count: 200 * 2)
    rows[7] = .nan
    try directory.write(
      "model/model.safetensors", SafetensorsBytes.file([("t", [200, 2], rows)]))
    let card = ModelCard(name: "m", kind: .static)
    let error = #expect(throws: InputError.self) {
      try EmbeddingModel(directory: folder, card: card)
    }
    #expect(error?.message.contains("tensor 't' holds nan at index 7") == true)
    var studied = card
    studied.allowsNonFinite = true
    try studied.write(to: folder)
    #expect(try ModelCard.read(folder) == studied)
    _ = try EmbeddingModel(directory: folder)
    let model = try EmbeddingModel(directory: folder, card: card, allowNonFinite: true)
    let vector = model.encoder(for: .query).vectors(
      of: [TokenSequence(ids: [3, 4], typeIDs: [0, 0])], in: ComputeContext())
    #expect(vector.values[0] == 1 && vector.values[1].isNaN)
  }
}
