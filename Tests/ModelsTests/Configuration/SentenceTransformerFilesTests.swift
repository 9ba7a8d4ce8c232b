import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// `modules.json`, pooling, limits, similarity and prompts, with hostile paths.
@Suite struct SentenceTransformerFilesTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func read() throws -> SentenceTransformerFiles {
    try SentenceTransformerFiles(directory: directory.path)
  }

  private func module(_ type: String, _ path: String) -> String {
    #"{"idx":0,"name":"0","path":"\#(path)","type":"sentence_transformers.models.\#(type)"}"#
  }

  private func write(modules: [String]) throws {
    try directory.write("modules.json", text: "[\(modules.joined(separator: ","))]")
  }

  private func write(pooling: String, in folder: String = "1_Pooling") throws {
    try directory.write("\(folder)/config.json", text: pooling)
  }

  @Test func allFilesAreOptional() throws {
    let files = try read()
    #expect(files.pooling == nil && !files.normalises && files.maximumTokens == nil)
    #expect(files.similarity == nil && files.prompts.isEmpty)
  }

  @Test func everythingIsRead() throws {
    try write(modules: [
      module("Transformer", ""), module("Pooling", "1_Pooling"), module("Normalize", "2_Normalize"),
    ])
    try write(pooling: #"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#)
    try directory.write("sentence_bert_config.json", text: #"{"max_seq_length":64}"#)
    try directory.write(
      "config_sentence_transformers.json",
      text: #"{"similarity_fn_name":"dot","prompts":{"query":"q: ","passage":""}}"#)
    let files = try read()
    #expect(files.pooling == .cls && files.normalises && files.maximumTokens == 64)
    #expect(files.similarity == .innerProduct && files.prompts == ["query": "q: ", "passage": ""])
  }

  @Test func nullsAreAbsent() throws {
    try directory.write("sentence_bert_config.json", text: #"{"max_seq_length":null}"#)
    try directory.write(
      "config_sentence_transformers.json", text: #"{"similarity_fn_name":null,"prompts":null}"#)
    let files = try read()
    #expect(files.maximumTokens == nil && files.similarity == nil && files.prompts.isEmpty)
  }

  @Test func staticEmbeddingsAreAModule() throws {
    try write(modules: [module("StaticEmbedding", ""), module("Normalize", "1_Normalize")])
    #expect(try read().normalises)
    #expect(throws: Never.self) {
      try SentenceTransformerFiles(directory: Checkout.fixture("models/tiny-static"))
    }
  }

  @Test(
    arguments: [("cosine", .cosine), ("dot", .innerProduct), ("euclidean", .l2)]
      as [(String, Similarity)])
  func similarities(name: String, similarity: Similarity) throws {
    try directory.write(
      "config_sentence_transformers.json", text: #"{"similarity_fn_name":"\#(name)"}"#)
    #expect(try read().similarity == similarity)
  }

  @Test(arguments: [
    #"{"similarity_fn_name":"manhattan"}"#, #"{"similarity_fn_name":5}"#, "[]",
    #"{"prompts":{"query":7}}"#, #"{"prompts":["q"]}"#, "{",
  ])
  func badSettings(text: String) throws {
    try directory.write("config_sentence_transformers.json", text: text)
    #expect(throws: InputError.self) { try read() }
  }

  @Test(arguments: ["0", "2", "-5", "131073", "9223372036854775808", "\"64\"", "64.5"])
  func badLimits(value: String) throws {
    try directory.write("sentence_bert_config.json", text: #"{"max_seq_length":\#(value)}"#)
    #expect(throws: InputError.self) { try read() }
  }

  @Test(arguments: [
    #"{}"#, #"{"pooling_mode_max_tokens":true}"#,
    #"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true}"#,
    #"{"pooling_mode_mean_sqrt_len_tokens":true}"#, "[]",
    #"{"pooling_mode_mean_tokens":true,"include_prompt":false}"#,
  ])
  func poolingsThatAreNotImplemented(text: String) throws {
    try write(modules: [module("Pooling", "1_Pooling")])
    try write(pooling: text)
    #expect(throws: InputError.self) { try read() }
  }

  @Test(arguments: ["Dense", "LayerNorm", "Transformer2", ""])
  func modulesThatAreNotImplemented(type: String) throws {
    try write(modules: [module("Transformer", ""), module(type, "3_X")])
    let error = #expect(throws: InputError.self) { try read() }
    #expect(error?.message.contains("is not implemented") == true)
  }

  @Test(arguments: [
    "..", ".", "", "../outside", "/etc", "sub/1_Pooling", "1_Pooling/", "a\\u0000b", "a\\nb",
    "link",
  ])
  func hostilePoolingFolders(path: String) throws {
    let outside = try TemporaryDirectory()
    try outside.write("config.json", text: #"{"pooling_mode_cls_token":true}"#)
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("link").string, withDestinationPath: outside.path.string)
    try write(pooling: #"{"pooling_mode_cls_token":true}"#, in: "sub/1_Pooling")
    try write(modules: [module("Pooling", path)])
    let error = #expect(throws: InputError.self) { try read() }
    #expect(error?.message.contains("is not a plain sub-folder") == true)
  }

  @Test func aTransformerElsewhereIsRefused() throws {
    try write(modules: [module("Transformer", "../other")])
    let error = #expect(throws: InputError.self) { try read() }
    #expect(error?.message.contains("lies in '../other', expected here") == true)
  }

  @Test(arguments: ["{}", "[5]", "[{}]", "[{\"type\":\"x.Pooling\"}]", "[{\"path\":\"\"}]", ""])
  func malformedModules(text: String) throws {
    try directory.write("modules.json", text: text)
    #expect(throws: InputError.self) { try read() }
  }

  @Test func aMissingPoolingFileIsNoInput() throws {
    try write(modules: [module("Pooling", "1_Pooling")])
    #expect(throws: FileError.self) { try read() }
  }
}
