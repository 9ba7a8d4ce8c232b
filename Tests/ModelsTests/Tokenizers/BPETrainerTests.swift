import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// Merges and ids equal to `BpeTrainer` of `tokenizers` 0.23.3.
@Suite struct BPETrainerTests {
  private static func merges(_ vocabulary: TrainedVocabulary) -> [String] {
    vocabulary.merges.map {
      vocabulary.tokens[Int($0.left)] + " " + vocabulary.tokens[Int($0.right)]
    }
  }

  private static func passages(_ count: Int, test: String = #function) throws -> [String]? {
    guard let path = TestData.path("openstax/textbook_chunks.jsonl.gz", test: test) else {
      return nil
    }
    var reader = try LineReader(path)
    var texts: [String] = []
    while texts.count < count, let line = try reader.next() {
      texts.append(try JSONParser.parse(line).requiredObject().string("content"))
    }
    return texts
  }

  /// The committed vocabulary of 700 tokens, from the texts that `make_byte_level.py` gave.
  @Test func theCommittedVocabulary() throws {
    guard let passages = try Self.passages(300) else { return }
    var trainer = try BPETrainer(vocabularySize: 700)
    for text in passages { trainer.add(text) }
    let rows = try TokenizerFixtures.json("byte_level_small.json").array("cases")
    for row in rows.prefix(200) { trainer.add(try #require(row.arrayValue?[0].stringValue)) }
    let found = trainer.train()
    let expected = try TokenizerFixtures.json("byte_level_tokenizer.json").object("model")
    let tokens = try expected.object("vocab").members.sorted {
      ($0.value.intValue ?? 0) < ($1.value.intValue ?? 0)
    }
    #expect(found.tokens.map { Array($0.utf8) } == tokens.map { Array($0.key.utf8) })
    let merges = try expected.array("merges").map { pair in
      (pair.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
    }
    #expect(Self.merges(found) == merges)
    // The whole file is the one that `tokenizers` writes, so it is one that it reads.
    #expect(try found.file.json == TokenizerFixtures.json("byte_level_tokenizer.json"))
  }

  /// All 24,384 passages, 16 MB: 7,933 merges, by the hash of their lines.
  @Test func textbooks() throws {
    guard let passages = try Self.passages(.max) else { return }
    let golden = try TokenizerFixtures.json("byte_level_small.json").object("textbooks")
    var trainer = try BPETrainer(vocabularySize: golden.int("vocab_size"))
    for text in passages { trainer.add(text) }
    let found = trainer.train()
    #expect(try found.tokens.count == golden.int("vocab_size"))
    #expect(try found.merges.count == golden.int("merges"))
    #expect(
      try Checksum.sha256(Self.merges(found).joined(separator: "\n"))
        == golden.string("merges_sha256"))
  }

  /// Made by hand: counts first, of equal ones the lower ids; `aaa` counts two pairs.
  @Test func order() throws {
    var trainer = try BPETrainer(vocabularySize: 260, specialTokens: ["<end>"])
    for text in ["cd", "ab", "ab", "cd", "aaa", "xy"] { trainer.add(text) }
    let found = trainer.train()
    #expect(Self.merges(found) == ["a a", "a b", "c d"])
    #expect(found.tokens.prefix(2) == ["<end>", "!"] && found.tokens.count == 260)
    #expect(found.tokens.suffix(3) == ["aa", "ab", "cd"])
  }

  @Test func aCorpusThatEndsEarly() throws {
    var trainer = try BPETrainer(vocabularySize: 5000)
    trainer.add("")
    trainer.add("ab ab")
    let found = trainer.train()
    // `a b`, then `Ġ ab`.
    #expect(found.tokens.count == 3 + 256 + 2)
    let tokenizer = try found.tokenizer()
    let text = "ab ab \u{0}\u{7F}é\u{10FFFF}"
    #expect(tokenizer.decoder?.text(tokenizer.encode(text).ids) == text)
    let nothing = try BPETrainer(vocabularySize: 259).train()
    #expect(nothing.tokens.count == 259 && nothing.merges.isEmpty)
  }

  @Test func theFilesGiveTheSameTokenizer() throws {
    var trainer = try BPETrainer(vocabularySize: 320)
    trainer.add("the answer to 42 questions is the same answer to the question: 42, it's said.")
    let found = trainer.train()
    let directory = try TemporaryDirectory()
    try found.write(to: directory.path)
    let (written, made) = (try TokenizerFile.load(directory: directory.path), try found.tokenizer())
    #expect(written.specialTokens == made.specialTokens && written.specialTokens.eos == 0)
    #expect(
      written.encode("the 42nd answer <|im_end|>") == made.encode("the 42nd answer <|im_end|>"))
    #expect(written.vocabularySize == found.tokens.count)
    let template = try ChatTemplate(written)
    #expect(template.end == 2)
  }

  @Test(arguments: [
    (258, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "expected 259"),
    (0, [], "expected 256"), (-1, [], "expected 256"), (1 << 40, [], "to 1048576"),
    (300, ["a"], "a byte's name"), (300, [""], "''"), (300, ["<x>", "<x>"], "'<x>'"),
  ])
  func refusals(size: Int, special: [String], message: String) throws {
    let error = #expect(throws: UsageError.self) {
      try BPETrainer(vocabularySize: size, specialTokens: special)
    }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }
}
