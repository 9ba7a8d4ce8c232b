import Basics
import Foundation
import SystemPackage
import Testing

@testable import Models

/// FAULTS.md rows 13 and 14: each fault is refused, and the message names the entry.
@Suite struct TokenizerRefusalTests {
  private func expectRefusal(
    _ json: String, naming parts: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      _ = try TokenizerFixtures.tokenizer(json)
      Issue.record("accepted", sourceLocation: sourceLocation)
    } catch let error as InputError {
      for part in parts + ["tokenizer.json"] {
        #expect(
          error.description.contains(part), "\(error.description)", sourceLocation: sourceLocation)
      }
    } catch {
      Issue.record("not an InputError: \(error)", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    (#"{}"#, ["model.vocab", "empty"]),
    (#"{"[UNK]":0,"a":0,"b":1}"#, ["'[UNK]'", "'a'", "id 0"]),
    (#"{"[UNK]":0,"a":2}"#, ["'a'", "id 2", "only 2 tokens"]),
    (#"{"[UNK]":0,"a":-1}"#, ["'a'", "-1"]),
    (#"{"[UNK]":0,"a":1.5}"#, ["'a'", "1.5"]),
    (#"{"[UNK]":0,"a":9223372036854775807}"#, ["'a'", "9223372036854775807"]),
    (#"{"[UNK]":0,"a":"1"}"#, ["'a'", "string '1'"]),
    (#"{"[UNK]":0,"a":1,"a":2}"#, ["'a'", "twice"]),
    (#"{"a":0}"#, ["model.unk_token", "'[UNK]'"]),
    (#"["a"]"#, ["model.vocab", "array"]),
  ])
  func vocabulary(_ vocabulary: String, naming parts: [String]) {
    expectRefusal(
      TokenizerFixtures.wordPieceJSON(vocabulary: vocabulary, post: "null", added: "[]"),
      naming: parts)
  }

  @Test(arguments: [
    (#"["a b","a q"]"#, ["model.merges.1", "'q'"]),
    (#"["z b"]"#, ["model.merges.0", "'z'"]),
    (#"["b a"]"#, ["model.merges.0", "'ba'"]),
    (#"["ab"]"#, ["model.merges.0", "'ab'"]),
    (#"["a b c"]"#, ["model.merges.0", "'a b c'"]),
    (#"[["a"]]"#, ["model.merges.0"]),
    (#"[["a",1]]"#, ["model.merges.0"]),
    (#"[7]"#, ["model.merges.0", "7"]),
    (#"{}"#, ["model.merges", "object"]),
  ])
  func merges(_ merges: String, naming parts: [String]) {
    expectRefusal(TokenizerFixtures.bpeJSON(merges: merges), naming: parts)
  }

  @Test(arguments: [
    (#""type":"Unigram","#, ["'model'", "'Unigram'"]),
    (#""type":"BPE","unk_token":"<none>","#, ["model.unk_token", "'<none>'"]),
    (#""type":"BPE","unk_token":null,"#, ["unk_token", "byte_fallback"]),
    (#""type":"BPE","unk_token":"<unk>","byte_fallback":true,"#, ["byte_fallback", "'<0x00>'"]),
    (#""type":"BPE","unk_token":"<unk>","dropout":0.1,"#, ["model.dropout"]),
    (#""type":"BPE","unk_token":"<unk>","end_of_word_suffix":"</w>","#, ["end_of_word_suffix"]),
    (#""type":"BPE","unk_token":"<unk>","ignore_merges":true,"#, ["ignore_merges"]),
    (#""type":"BPE","unk_token":"<unk>","fuse_unk":"yes","#, ["fuse_unk", "'yes'"]),
  ])
  func settings(_ settings: String, naming parts: [String]) {
    expectRefusal(TokenizerFixtures.bpeJSON(settings: settings), naming: parts)
  }

  private static func template(
    _ single: String, specials: String = #"{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]}}"#
  ) -> String {
    """
    {"type":"TemplateProcessing","single":\(single),"pair":[{"Sequence":{"id":"A","type_id":0}},\
    {"Sequence":{"id":"B","type_id":1}}],"special_tokens":\(specials)}
    """
  }
  private static let sequence = #"{"Sequence":{"id":"A","type_id":0}}"#
  private static let cls = #"{"SpecialToken":{"id":"[CLS]","type_id":0}}"#

  @Test(arguments: [
    (
      template("[\(sequence),{\"SpecialToken\":{\"id\":\"[END]\",\"type_id\":0}}]"),
      ["post_processor.single.1", "'[END]'"]
    ),
    (template("[\(cls)]"), ["post_processor.single"]),
    (template("[\(sequence),\(sequence)]"), ["post_processor.single"]),
    (template(#"[{"Sequence":{"id":"C","type_id":0}}]"#), ["'C'"]),
    (template(#"[{"Sequence":{"id":"A","type_id":-1}}]"#), ["type_id"]),
    (
      template("[\(cls),\(sequence)]", specials: #"{"[CLS]":{"ids":[2],"tokens":["[NO]"]}}"#),
      ["special_tokens.[CLS]", "'[NO]'"]
    ),
    (
      template("[\(cls),\(sequence)]", specials: #"{"[CLS]":{"ids":[99],"tokens":["[CLS]"]}}"#),
      ["special_tokens.[CLS]", "99"]
    ),
    (
      template("[\(cls),\(sequence)]", specials: #"{"[CLS]":{"ids":[],"tokens":[]}}"#),
      ["special_tokens.[CLS]"]
    ),
    (#"{"type":"BertProcessing","sep":["[NO]",3],"cls":["[CLS]",2]}"#, ["sep", "'[NO]'"]),
    (#"{"type":"BertProcessing","sep":["[SEP]",7],"cls":["[CLS]",2]}"#, ["sep", "'[SEP]'", "7"]),
    (#"{"type":"BertProcessing","sep":["[SEP]"],"cls":["[CLS]",2]}"#, ["sep"]),
    (#"{"type":"ByteLevel"}"#, ["post_processor", "'ByteLevel'"]),
  ])
  func postProcessor(_ post: String, naming parts: [String]) {
    expectRefusal(TokenizerFixtures.wordPieceJSON(post: post), naming: parts)
  }

  @Test(arguments: [
    (#"{"type":"NFKC"}"#, ["normalizer", "'NFKC'"]),
    (
      #"{"type":"Sequence","normalizers":[{"type":"Nmt"}]}"#, ["normalizer.normalizers.0", "'Nmt'"]
    ),
    (#"{"type":"Replace","pattern":{"Regex":"a+"},"content":"b"}"#, ["normalizer.pattern"]),
    (#"{"type":"Replace","pattern":{"String":""},"content":"b"}"#, ["normalizer.pattern"]),
    (#"{"lowercase":true}"#, ["normalizer.type"]),
    (#""BertNormalizer""#, ["normalizer", "string"]),
  ])
  func normalizer(_ normalizer: String, naming parts: [String]) {
    expectRefusal(TokenizerFixtures.wordPieceJSON(normalizer: normalizer), naming: parts)
  }

  @Test func otherComponents() {
    expectRefusal(
      TokenizerFixtures.wordPieceJSON(preTokenizer: #"{"type":"ByteLevel"}"#),
      naming: ["pre_tokenizer", "'ByteLevel'"])
    expectRefusal(
      TokenizerFixtures.wordPieceJSON(added: #"[{"id":5,"content":"[SEP]","special":true}]"#),
      naming: ["'[SEP]'", "5", "3"])
    expectRefusal(
      TokenizerFixtures.wordPieceJSON(added: #"[{"id":99,"content":"[NEW]","special":true}]"#),
      naming: ["'[NEW]'", "99"])
    expectRefusal(
      TokenizerFixtures.wordPieceJSON(added: #"[{"id":7,"content":"fever","special":false}]"#),
      naming: ["added_tokens.0", "'fever'", "not special"])
    expectRefusal("\u{FEFF}" + TokenizerFixtures.wordPieceJSON(), naming: ["byte order mark"])
    expectRefusal("[]", naming: ["array"])
    expectRefusal("", naming: [])
  }

  @Test(arguments: [
    ("", "empty"), ("\u{FEFF}[UNK]\n", "byte order mark"), ("[UNK]\n\na\n", "vocab.txt:2"),
    ("[UNK]\na\nb\na\n", "vocab.txt:4"), ("a\nb\n", "'[UNK]'"), ("[UNK]\n[CLS]\n", "'[SEP]'"),
  ])
  func vocabularyText(_ text: String, naming part: String) {
    let error = #expect(throws: InputError.self) {
      try TokenizerFile.tokenizer(
        vocabularyText: Array(text.utf8), file: "vocab.txt", roles: TokenRoles())
    }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }

  @Test func vocabularyTextThatIsNotUTF8() {
    #expect(throws: InputError.self) {
      try TokenizerFile.tokenizer(
        vocabularyText: Array("[UNK]\n".utf8) + [0xFF, 0x0A], file: "vocab.txt",
        roles: TokenRoles())
    }
  }

  @Test func directories() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("ragbench-tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = FilePath(folder.path)
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    #expect(throws: FileError.self) { try TokenizerFile.load(directory: path) }

    let vocabulary = "[UNK]\r\n<s>\r\n</s>\r\nA\r\na\r\n##\u{301}\r\nb"
    try write("vocab.txt", vocabulary)
    try write(
      "tokenizer_config.json",
      """
      {"do_lower_case":false,"tokenizer_class":"MPNetTokenizer","cls_token":"<s>",
      "sep_token":{"content":"</s>"},"pad_token":null}
      """)
    let cased = try TokenizerFile.load(directory: path)
    #expect(
      cased.encode("A a\u{301}b", pair: "B", maximumTokens: nil).ids == [1, 3, 0, 2, 2, 0, 2])
    #expect(cased.specialTokens.cls == 1)
    #expect(cased.specialTokens.pad == nil)

    try write(
      "tokenizer_config.json",
      #"{"tokenizer_class":"T5Tokenizer","cls_token":"<s>","sep_token":"</s>"}"#)
    let error = #expect(throws: InputError.self) { try TokenizerFile.load(directory: path) }
    #expect(error?.message.contains("T5Tokenizer") == true)
    try write("tokenizer_config.json", #"{"cls_token":5}"#)
    #expect(throws: InputError.self) { try TokenizerFile.load(directory: path) }

    // tokenizer.json is preferred.
    try write("tokenizer_config.json", "{}")
    try write("tokenizer.json", TokenizerFixtures.wordPieceJSON())
    #expect(try TokenizerFile.load(directory: path).vocabularySize == 16)
    #expect(try TokenizerFile.load(file: path.appending("tokenizer.json")).vocabularySize == 16)
  }
}
