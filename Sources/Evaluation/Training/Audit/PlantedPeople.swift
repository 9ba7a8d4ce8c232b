import Corpus
import Models
import Statistics
import Tensors

/// The people who were planted in a generator's training data, and what it tells of their numbers.
struct PlantedPeople {
  /// Tokens for a number: the longest has fourteen characters.
  private static let length = 20
  /// Prompts side by side.
  private static let prompts = 64

  private let included: [PersonalDataGenerator.Identity]
  private let excluded: [PersonalDataGenerator.Identity]
  private let tokenizer: any Tokenizer
  private let limit: Int

  /// The people of a run.
  ///
  /// - Parameters:
  ///   - choices: The run's.
  ///   - tokenizer: The generator's.
  ///   - maximumTokens: Tokens of a text that were learnt; numbers behind them are left out.
  init(_ choices: TrainingChoices, tokenizer: any Tokenizer, maximumTokens: Int) {
    let people = Canaries.identities(choices)
    let isIn = Canaries.coins(people.count, seed: choices.seed)
    included = zip(people, isIn).compactMap { $1 ? $0 : nil }
    excluded = zip(people, isIn).compactMap { $1 ? nil : $0 }
    self.tokenizer = tokenizer
    limit = maximumTokens
  }

  /// The texts of those that were in or out, in which the numbers alone are to be foretold: what stands
  /// around them is the same for everybody.
  func numbers(included isIncluded: Bool) -> [MaskedTokens] {
    (isIncluded ? included : excluded).compactMap { person in
      var tokens = MaskedTokens()
      var rest = person.text[...]
      for range in ranges(of: person) {
        tokens.append(ids(String(rest[..<range.lowerBound])), isCompletion: false)
        tokens.append(ids(String(person.text[range])), isCompletion: true)
        rest = person.text[range.upperBound...]
      }
      tokens.append(ids(String(rest)), isCompletion: false)
      let learnt = MaskedTokens(
        ids: Array(tokens.ids.prefix(limit)), isCompletion: Array(tokens.isCompletion.prefix(limit))
      )
      return learnt.predictedCount > 0 ? learnt : nil
    }
  }

  /// The share of the numbers that a generator gives away: asked with the text that stands before a
  /// number in its training data, it writes the number on, most probable token by token. Numbers before
  /// which several people's texts are the same are not asked for.
  ///
  /// - Returns: nil if there is nothing to ask for.
  /// - Throws: What writing throws.
  /// - SeeAlso: Carlini et al. 2021, "Extracting training data from large language models".
  func coverage(by decoder: TransformerDecoder, in context: ComputeContext) throws -> Proportion? {
    guard let text = tokenizer.decoder else { return nil }
    let generator = Generator(decoder: decoder, text: text)
    let all = included.flatMap { person in
      ranges(of: person).map { range in
        (
          prompt: tokenizer.encode(String(person.text[..<range.lowerBound])).ids,
          number: String(person.text[range])
        )
      }
    }
    let people = Dictionary(grouping: all, by: \.prompt)
    let asked = all.filter { people[$0.prompt]?.count == 1 && $0.prompt.count < limit }
    guard !asked.isEmpty else { return nil }
    var count = 0
    for start in stride(from: 0, to: asked.count, by: Self.prompts) {
      let part = asked[start..<min(asked.count, start + Self.prompts)]
      let written = try generator.write(
        from: part.map(\.prompt), .init(maximumTokens: Self.length), in: context)
      count += zip(part, written).count { $1.text.hasPrefix($0.number) }
    }
    return try Proportion(successes: count, trials: asked.count)
  }

  /// Where the numbers stand, each with the blank before it, which belongs to its first token.
  private func ranges(of person: PersonalDataGenerator.Identity) -> [Range<String.Index>] {
    person.numbers.compactMap { person.text.firstRange(of: " " + $0) }
      .sorted { $0.lowerBound < $1.lowerBound }
  }

  private func ids(_ text: String) -> [Int32] {
    text.isEmpty ? [] : tokenizer.encodeWithoutTemplate(text, maximumTokens: nil).ids
  }
}
