import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// SmolLM2's tokenizer and chat template as its GGUF file has them: `smollm2.json`.
@Suite struct SmolLM2TokenizerTests {
  private static func files(test: String = #function) throws -> GeneratorFiles? {
    try installedModel("SmolLM2-135M-Instruct", test: test).map {
      try GeneratorFiles(directory: $0)
    }
  }

  @Test func hardStrings() throws {
    guard let tokenizer = try Self.files()?.tokenizer else { return }
    let decoder = try #require(tokenizer.decoder)
    let cases = try TokenizerFixtures.json("smollm2.json").objects("cases")
    #expect(cases.count >= 400)
    for object in cases {
      let text = try object.string("text")
      let encoding = tokenizer.encode(text)
      #expect(try encoding.ids == object.ints("ids").map { Int32($0) }, "\(text.debugDescription)")
      let lost = try object.optionalString("decoded")
      #expect(decoder.text(encoding.ids).utf8.elementsEqual((lost ?? text).utf8))
      // Where the vocabulary lacks a byte, `tokenizers` moves the offsets after it.
      guard lost == nil else { continue }
      #expect(try encoding.flatOffsets == object.ints("offsets"), "\(text.debugDescription)")
    }
    try decoder.expectDecodings("smollm2.json")
  }

  /// Written as `tokenizer.json`, it is the same tokenizer with the same conversations.
  @Test func whatIsWrittenIsReadAgain() throws {
    guard let files = try Self.files() else { return }
    let directory = try TemporaryDirectory()
    try files.writeTokenizer(to: directory.path)
    let again = try GeneratorFiles(directory: directory.path)
    #expect(again.gguf == nil && again.tokenizer.specialTokens == files.tokenizer.specialTokens)
    let cases = try TokenizerFixtures.json("smollm2.json").objects("cases")
    for object in cases {
      let text = try object.string("text")
      #expect(again.tokenizer.encode(text).ids == files.tokenizer.encode(text).ids)
    }
    let messages = [ChatMessage(.user, "What is gout?"), ChatMessage(.assistant, "A disease.")]
    #expect(
      try again.chatTemplate()?.tokens(of: messages) == files.chatTemplate()?.tokens(of: messages))
  }

  @Test func thousandPassages() throws {
    guard let tokenizer = try Self.files()?.tokenizer,
      let path = TestData.path("openstax/textbook_chunks.jsonl.gz")
    else { return }
    let rows = try TokenizerFixtures.json("smollm2_passages.json").array("passages")
    #expect(rows.count == 1000)
    var reader = try LineReader(path)
    for row in rows {
      guard let row = row.arrayValue, let line = try reader.next() else {
        Issue.record("a row or a passage is missing")
        return
      }
      let text = try JSONParser.parse(line).requiredObject().string("content")
      let encoding = tokenizer.encode(text)
      #expect(encoding.ids.count == row[1].intValue && encoding.shortDigest == row[2].stringValue)
      #expect(tokenizer.decoder?.text(encoding.ids) == text)
    }
  }

  /// Equal to the published template rendered by jinja2 and cut into tokens as a whole.
  @Test func conversations() throws {
    guard let files = try Self.files() else { return }
    let template = try #require(try files.chatTemplate())
    #expect(
      template.defaultSystemPrompt
        == "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
    for row in try TokenizerFixtures.json("smollm2.json").objects("chats") {
      let messages = try row.objects("messages").map { message in
        ChatMessage(
          try #require(ChatMessage.Role(rawValue: message.string("role"))),
          try message.string("content"))
      }
      let plain = template.tokens(of: messages)
      #expect(try plain.ids == row.ints("ids").map { Int32($0) }, "\(messages)")
      let prompt = template.tokens(of: messages, addsGenerationPrompt: true)
      #expect(try prompt.ids == row.ints("prompt_ids").map { Int32($0) }, "\(messages)")
    }
  }

  @Test func itMakesNoEmbeddings() throws {
    guard let directory = installedModel("SmolLM2-135M-Instruct") else { return }
    #expect(try ModelCard.read(directory).kind == .generator)
    let error = #expect(throws: UsageError.self) { try EmbeddingModel(directory: directory) }
    #expect(
      error?.message
        == "the model 'SmolLM2-135M-Instruct' is a generator: it writes text and makes no embeddings"
    )
  }

  @Test func theFileIsAsItWasPublished() throws {
    guard let file = try Self.files()?.gguf else { return }
    #expect(file.entries.count == 272 && file.version == 3)
    let counts = Dictionary(grouping: file.entries, by: \.type).mapValues(\.count)
    #expect(counts == [.q4WithMinimum: 210, .q8: 1, .float32: 61])
    #expect(file.entry("token_embd.weight")?.shape == [49_152, 576])
    #expect(file.entry("blk.0.ffn_down.weight")?.shape == [576, 1536])
    // Every number is finite.
    for entry in file.entries { _ = try file.tensor(entry) }
  }
}
