import Basics
import Models
import SystemPackage
import TestSupport
import Testing

@testable import Training

/// Records, token sequences and packing for supervised fine-tuning.
@Suite struct FineTuningTests {
  private let directory = try? TemporaryDirectory()

  private func records(_ lines: String...) throws -> [FineTuningRecord] {
    let directory = try #require(directory)
    return try TrainingRecords.fineTuning(
      directory.write("sft.jsonl", text: lines.joined(separator: "\n")))
  }

  private static func tokenizer() throws -> any Tokenizer {
    var trainer = try BPETrainer(vocabularySize: 300)
    trainer.add("the answer to the question is the same as the question: an answer")
    return try trainer.train().tokenizer()
  }

  @Test func everyFormatIsRead() throws {
    let found = try records(
      #"{"text":"Plain text."}"#, "", #"{"prompt":"2+2=","completion":" 4"}"#,
      #"{"messages":[{"role":"system","content":""},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}"#,
      #"{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yo"}],"id":7}"#
    )
    #expect(
      found == [
        .text("Plain text."), .completion(prompt: "2+2=", completion: " 4"),
        .conversation([.init(.system, ""), .init(.user, "Hi"), .init(.assistant, "Yo")]),
        .answer(prompt: [.init(.user, "Hi")], completion: [.init(.assistant, "Yo")]),
      ])
  }

  @Test(arguments: [
    (#"{}"#, "expected one of 'text', 'messages', or 'prompt' with 'completion', found none"),
    (#"{"text":"a","messages":[]}"#, "found 'text' and 'messages'"),
    (#"{"text":" "}"#, "'text' is empty"), (#"{"text":"a\u0000b"}"#, "NUL"),
    (#"{"text":7}"#, "text"), (#"{"prompt":"a"}"#, "completion"),
    (#"{"prompt":"a","completion":""}"#, "'completion' is empty"),
    (#"{"prompt":"a","completion":[]}"#, "completion"),
    (#"{"messages":[]}"#, "'messages' has no message"),
    (#"{"messages":"Hi"}"#, "messages"),
    (
      #"{"messages":[{"role":"user","content":"Hi"}]}"#,
      "'messages' has no a message of the assistant"
    ),
    (
      #"{"messages":[{"role":"tool","content":"Hi"}]}"#,
      "'messages.0.role': expected one of system, user, assistant, found 'tool'"
    ),
    (#"{"messages":[{"role":"user"}]}"#, "content"),
    (
      #"{"messages":[{"role":"user","content":" "},{"role":"assistant","content":"a"}]}"#,
      "'messages.0.content' is empty"
    ),
    (
      #"{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"user","content":"a"}]}"#,
      "'completion' does not begin with a message of the assistant"
    ),
    (
      #"{"prompt":[],"completion":[{"role":"assistant","content":"a"}]}"#, "'prompt' has no message"
    ),
    (#"["text"]"#, "object"), (#"{"text":"#, ""),
  ])
  func faults(line: String, message: String) throws {
    let error = #expect(throws: InputError.self) { try records(#"{"text":"ok"}"#, line) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("sft.jsonl:2") == true, "\(error?.description ?? "")")
  }

  @Test func anEmptyFileIsRefused() throws {
    #expect(throws: InputError.self) { try records("", "  ") }
  }

  private func learnt(_ tokens: MaskedTokens, _ decoder: TokenDecoder) -> String {
    decoder.text(zip(tokens.ids, tokens.isCompletion).filter(\.1).map(\.0))
  }

  @Test func completionsAreLearnt() throws {
    let tokenizer = try Self.tokenizer()
    let decoder = try #require(tokenizer.decoder)
    let examples = try FineTuningExamples(
      [
        .text("the text"), .completion(prompt: "2+2=", completion: " 4"),
        .conversation([
          .init(.user, "Q"), .init(.assistant, "A"), .init(.user, "R"), .init(.assistant, "B"),
        ]),
        .answer(
          prompt: [.init(.user, "Q"), .init(.assistant, "A"), .init(.user, "R")],
          completion: [.init(.assistant, "B")]),
      ], tokenizer: tokenizer, template: try ChatTemplate(tokenizer), maximumTokens: 1024)
    #expect(examples.cutCount == 0 && examples.emptyCount == 0)
    #expect(
      examples.sequences.map { learnt($0, decoder) } == [
        "the text<|endoftext|>", " 4<|endoftext|>", "A<|im_end|>B<|im_end|>", "B<|im_end|>",
      ])
    #expect(decoder.text(examples.sequences[1].ids) == "2+2= 4<|endoftext|>")
    #expect(examples.sequences[2].ids == examples.sequences[3].ids)
    // The tokens of the prompt are those of the prompt alone.
    let prompt = tokenizer.encode("2+2=").ids
    #expect(examples.sequences[1].ids.starts(with: prompt))
    let all = try FineTuningExamples(
      [.completion(prompt: "a", completion: "b")], tokenizer: tokenizer, template: nil,
      maximumTokens: 8, learnsPrompts: true)
    #expect(learnt(all.sequences[0], decoder) == "ab<|endoftext|>")
  }

  @Test func whatIsCutIsCounted() throws {
    let tokenizer = try Self.tokenizer()
    let long = String(repeating: "7", count: 20)
    let examples = try FineTuningExamples(
      [
        .text("7"), .completion(prompt: long, completion: "8"), .text(long),
        .completion(prompt: "7", completion: long),
      ], tokenizer: tokenizer, template: nil, maximumTokens: 10)
    #expect(examples.cutCount == 3 && examples.emptyCount == 1)
    #expect(examples.sequences.map(\.ids.count) == [2, 10, 10])
    for sequence in examples.sequences {
      #expect(sequence.ids.count == sequence.isCompletion.count)
    }
    #expect(throws: InputError.self) {
      try FineTuningExamples(
        [.completion(prompt: long, completion: "8")], tokenizer: tokenizer, template: nil,
        maximumTokens: 10)
    }
    let error = #expect(throws: InputError.self) {
      try FineTuningExamples(
        [.conversation([.init(.assistant, "a")])], tokenizer: tokenizer, template: nil,
        maximumTokens: 10)
    }
    #expect(error?.message.contains("no chat template") == true)
  }

  /// Groups made by hand after the rule.
  @Test(
    arguments: [
      ([], 4, []), ([4], 4, [[0]]), ([1, 1, 1, 1], 4, [[0, 1, 2, 3]]),
      ([3, 2, 2, 1], 4, [[0, 3], [1, 2]]), ([2, 3, 4, 1, 2], 4, [[2], [1, 3], [0, 4]]),
      ([5, 5, 3, 2, 4], 7, [[0, 3], [1], [4, 2]]),
    ] as [([Int], Int, [[Int]])])
  func bestFitDecreasing(lengths: [Int], maximum: Int, groups: [[Int]]) {
    #expect(SequencePacking.bestFitDecreasing(lengths, maximum: maximum) == groups)
  }

  /// The lengths in each group, in order, as TRL 1.16.0 puts them together.
  @Test func groupsAreThoseOfTRL() throws {
    let golden = try JSONParser.parse(contentsOf: Checkout.fixture("training/packing.json"))
    let cases = try golden.requiredObject().objects("cases")
    #expect(cases.count == 6)
    for object in cases {
      let lengths = try object.ints("lengths")
      let groups = SequencePacking.bestFitDecreasing(lengths, maximum: try object.int("maximum"))
      let expected = try object.array("groups").map { ($0.arrayValue ?? []).compactMap(\.intValue) }
      #expect(groups.map { $0.map { lengths[$0] } } == expected)
    }
  }

  @Test func packingLosesNothing() {
    var generator = SeededGenerator(seed: 7)
    for maximum in [1, 2, 63, 64, 65, 1024] {
      let lengths = (0..<3000).map { _ in Int.random(in: 1...maximum, using: &generator) }
      let groups = SequencePacking.bestFitDecreasing(lengths, maximum: maximum)
      #expect(groups.flatMap { $0 }.sorted() == Array(lengths.indices))
      let sizes = groups.map { $0.reduce(0) { $0 + lengths[$1] } }
      #expect(sizes.allSatisfy { (1...maximum).contains($0) })
      // First fit decreasing needs at most 11/9 of the best and 6/9 of a group more.
      let least = (lengths.reduce(0, +) + maximum - 1) / maximum
      #expect(
        Double(groups.count) <= 11 / 9 * Double(max(least, lengths.count { 2 * $0 > maximum })) + 1)
    }
  }
}
