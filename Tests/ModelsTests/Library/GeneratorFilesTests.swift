import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// A generator's folder: a GGUF file, or the layout of Hugging Face.
@Suite struct GeneratorFilesTests {
  private let directory: TemporaryDirectory
  private static let template = "{{'<|im_start|>' + message['role'] + '<|im_end|>'}}"

  init() throws { directory = try TemporaryDirectory() }

  /// A GGUF file with the committed vocabulary and a word table of as many rows of two numbers.
  private static func gguf(rows: Int, template: String? = template) throws -> [UInt8] {
    var file = GGUFBytes(keys: try ByteLevelTokenizerTests.ggufKeys())
    if let template {
      file.keys.append(("tokenizer.chat_template", GGUFBytes.value(8, GGUFBytes.text(template))))
    }
    file.tensors = [.init(name: "token_embd.weight", sizes: [2, UInt64(rows)])]
    file.data = [UInt8](repeating: 0, count: 8 * rows)
    return file.bytes
  }

  @Test func aFileOfItsOwn() throws {
    try directory.write("model.Q4_1.gguf", Self.gguf(rows: 700))
    let files = try GeneratorFiles(directory: directory.path)
    #expect(files.gguf?.entries.count == 1 && files.tokenizer.vocabularySize == 700)
    #expect(try files.chatTemplate()?.defaultSystemPrompt == nil)
    // More rows than tokens are padding.
    try directory.write("model.Q4_1.gguf", Self.gguf(rows: 704, template: nil))
    #expect(try GeneratorFiles(directory: directory.path).chatTemplate() == nil)
  }

  @Test func aVocabularyThatDoesNotFitIsRefused() throws {
    try directory.write("m.gguf", Self.gguf(rows: 699))
    let error = #expect(throws: InputError.self) {
      try GeneratorFiles(directory: directory.path)
    }
    #expect(error?.message == "the tokenizer has ids up to 699, the word table 699 rows")
    try directory.write(
      "m.gguf", GGUFBytes(keys: ByteLevelTokenizerTests.ggufKeys()).bytes)
    let other = #expect(throws: InputError.self) {
      try GeneratorFiles(directory: directory.path)
    }
    #expect(other?.message.contains("no word table 'token_embd.weight'") == true)
  }

  @Test func twoFilesAreRefused() throws {
    try directory.write("a.gguf", Self.gguf(rows: 700))
    try directory.write("b.gguf", Self.gguf(rows: 700))
    let error = #expect(throws: InputError.self) {
      try GeneratorFiles(directory: directory.path)
    }
    #expect(error?.message == "2 GGUF files, expected one: a.gguf, b.gguf")
  }

  @Test func aTemplateOfAnotherKindIsRefused() throws {
    try directory.write("m.gguf", Self.gguf(rows: 700, template: "[INST]"))
    let files = try GeneratorFiles(directory: directory.path)
    #expect(throws: InputError.self) { try files.chatTemplate() }
  }

  @Test func huggingFaceLayout() throws {
    let vocabulary = TokenizerFixtures.folder.appending("byte_level_tokenizer.json")
    try directory.write("tokenizer.json", FileBytes.read(vocabulary, limit: 1 << 20))
    #expect(try GeneratorFiles(directory: directory.path).chatTemplate() == nil)
    let settings = JSONValue.object(["chat_template": .string(Self.template)])
    try directory.write("tokenizer_config.json", text: settings.serialized())
    #expect(try GeneratorFiles(directory: directory.path).chatTemplate() != nil)
    try directory.write("chat_template.jinja", text: "[INST]")
    #expect(throws: InputError.self) {
      try GeneratorFiles(directory: directory.path).chatTemplate()
    }
    let small = try DecoderConfiguration(
      vocabularySize: 600, hiddenSize: 8, intermediateSize: 8, layers: 1, heads: 2,
      maximumTokens: 16)
    try directory.write("config.json", text: JSONValue.object(small.json).serialized())
    let error = #expect(throws: InputError.self) {
      try GeneratorFiles(directory: directory.path)
    }
    #expect(error?.message.contains("the word table 600 rows") == true)
  }

  /// What an import takes a folder for.
  @Test func kinds() throws {
    try directory.write("a/m.gguf", Self.gguf(rows: 700))
    let gguf = try ModelFiles(in: directory.file("a"), queryDirectory: nil)
    #expect(gguf.kind == .generator && gguf.paths == ["m.gguf"])
    try gguf.checkComplete(kind: .generator)
    try directory.write("a/m.gguf", text: "<html>404</html>")
    #expect(throws: InputError.self) { try gguf.checkComplete(kind: .generator) }
    try directory.write("b/config.json", text: #"{"architectures":["LlamaForCausalLM"]}"#)
    let llama = try ModelFiles(in: directory.file("b"), queryDirectory: nil)
    #expect(llama.kind == .generator)
    let error = #expect(throws: InputError.self) { try llama.checkComplete(kind: .generator) }
    #expect(error?.message.contains("model.safetensors are missing") == true)
    try directory.write("c/config.json", text: #"{"architectures":["BertModel"]}"#)
    #expect(
      try ModelFiles(in: directory.file("c"), queryDirectory: nil).kind == .transformer)
  }
}
