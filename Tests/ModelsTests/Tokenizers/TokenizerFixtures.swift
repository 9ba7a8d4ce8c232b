import Basics
import Foundation
import SystemPackage
import TestSupport

@testable import Models

/// What the tests of the tokenizers share.
enum TokenizerFixtures {
  static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .removingLastComponent().appending("Fixtures/tokenizers")

  /// A fixture as JSON.
  static func json(_ name: String) throws -> JSONObject {
    let path = folder.appending(name)
    return try JSONParser.parse(FileBytes.read(path, limit: 1 << 26), file: path.string)
      .requiredObject()
  }

  /// The tokenizer of all-MiniLM-L6-v2, `nil` where the model is not installed.
  static func miniLM(test: String = #function) throws -> (any Tokenizer)? {
    try installedModel("all-MiniLM-L6-v2", test: test).map(TokenizerFile.load(directory:))
  }

  /// The tokenizer of WordLlama, `nil` where the model is not installed.
  static func wordLlama(test: String = #function) throws -> (any Tokenizer)? {
    guard let directory = installedModel("wordllama", test: test) else { return nil }
    let published = directory.appending("l2_supercat_tokenizer_config.json")
    if FileManager.default.fileExists(atPath: published.string) {
      return try TokenizerFile.load(file: published)
    }
    return try TokenizerFile.load(directory: directory)
  }

  /// A tokenizer from the text of a `tokenizer.json`.
  static func tokenizer(_ json: String) throws -> any Tokenizer {
    try TokenizerFile.tokenizer(
      json: Array(json.utf8), file: "tokenizer.json", roles: TokenRoles())
  }

  /// A small uncased WordPiece model; `model`, `post` and `added` replace parts of it.
  static func wordPieceJSON(
    vocabulary: String = """
    {"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"un":4,"##aff":5,"##able":6,"fever":7,"[":8,"]":9,\
    "sep":10,"日":11,"e":12,"##e":13,"cafe":14,".":15}
    """,
    normalizer: String = """
    {"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,\
    "lowercase":true}
    """,
    preTokenizer: String = #"{"type":"BertPreTokenizer"}"#,
    post: String = #"{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}"#,
    added: String = """
    [{"id":0,"content":"[PAD]","special":true},{"id":1,"content":"[UNK]","special":true},\
    {"id":2,"content":"[CLS]","special":true},{"id":3,"content":"[SEP]","special":true}]
    """,
    settings: String = #""type":"WordPiece","unk_token":"[UNK]","max_input_chars_per_word":8,"#
  ) -> String {
    """
    {"version":"1.0","added_tokens":\(added),"normalizer":\(normalizer),
    "pre_tokenizer":\(preTokenizer),"post_processor":\(post),
    "model":{\(settings)"vocab":\(vocabulary)}}
    """
  }

  /// A small byte-level model with trimmed offsets, which lacks most bytes.
  static let byteLevelJSON = """
    {"added_tokens":[{"id":0,"content":"<s>","special":true}],"normalizer":null,
    "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
    {"type":"ByteLevel","add_prefix_space":false}]},
    "post_processor":{"type":"ByteLevel","trim_offsets":true},
    "model":{"type":"BPE","ignore_merges":true,"vocab":{"<s>":0,"a":1,"b":2,"Ġ":3,"Ġa":4,"ab":5,
    "U":6,"n":7,"f":8,"Ã":9,"©":10,"Ã©":11,"Un":12},
    "merges":["Ġ a","a b",["Ã","©"],["U","n"]]}}
    """

  /// A small BPE model of SentencePiece's kind without byte tokens.
  static func bpeJSON(
    vocabulary: String = """
    {"<unk>":0,"<s>":1,"</s>":2,"▁":3,"a":4,"b":5,"ab":6,"▁ab":7,"é":8,"e\u{301}":9,"<":10,"s":11,\
    ">":12,"<s":13,"e":14,"\u{301}":15}
    """,
    merges: String = #"["a b","▁ ab","< s","<s >",["e","\#u{301}"]]"#,
    settings: String = #""type":"BPE","unk_token":"<unk>","fuse_unk":true,"#
  ) -> String {
    """
    {"added_tokens":[{"id":0,"content":"<unk>","special":true},
    {"id":1,"content":"<s>","special":true},{"id":2,"content":"</s>","special":true}],
    "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
    {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},"pre_tokenizer":null,
    "post_processor":{"type":"TemplateProcessing",
    "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
    "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
    {"SpecialToken":{"id":"<s>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
    "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
    "model":{\(settings)"vocab":\(vocabulary),"merges":\(merges)}}
    """
  }
}

extension Encoding {
  /// Start and end of each token, one after another, as the fixtures have them.
  var flatOffsets: [Int] { offsets.flatMap { [$0.lowerBound, $0.upperBound] } }
}
