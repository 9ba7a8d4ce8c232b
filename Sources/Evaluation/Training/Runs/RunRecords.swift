import Basics
import Corpus
import Tensors
import Training

/// The records of one training run: those it learns from, those it holds out, and its canaries.
///
/// Canaries are records that belong to nobody; a fair coin puts about half of them among those that are
/// learnt from. What the model tells of them is what it could tell of any record.
///
/// - SeeAlso: Steinke, Nasr, Jagielski 2023, "Privacy auditing with one (1) training run".
struct RunRecords<Record> {
  /// Learnt from, without canaries.
  let members: [Record]
  /// Held out.
  let heldOut: [Record]
  /// Canaries that the coin put in.
  let included: [Record]
  /// Canaries that it left out.
  let excluded: [Record]

  /// All that is learnt from.
  var training: [Record] { members + included }

  /// Splits records and tosses the coins.
  ///
  /// - Parameters:
  ///   - records: Each on one side.
  ///   - canaries: Besides them.
  ///   - choices: The held-out share and the seed.
  ///   - keys: What records share that stay on one side.
  init(
    _ records: [Record], canaries: [Record], choices: TrainingChoices, keys: (Record) -> [String]
  ) {
    let split = ExampleSplit(records.map(keys), heldOut: choices.heldOut, seed: choices.seed)
    members = split.training.map { records[$0] }
    heldOut = split.heldOut.map { records[$0] }
    let isIn = Canaries.coins(canaries.count, seed: choices.seed)
    included = zip(canaries, isIn).compactMap { $1 ? $0 : nil }
    excluded = zip(canaries, isIn).compactMap { $1 ? nil : $0 }
  }

  private init(members: [Record], heldOut: [Record], included: [Record], excluded: [Record]) {
    self.members = members
    self.heldOut = heldOut
    self.included = included
    self.excluded = excluded
  }

  /// The records in another form, each part by itself.
  func parts<Other>(_ transform: ([Record]) throws -> [Other]) rethrows -> RunRecords<Other> {
    RunRecords<Other>(
      members: try transform(members), heldOut: try transform(heldOut),
      included: try transform(included), excluded: try transform(excluded))
  }

  /// The same records, with others in the place of those that are held out.
  func judged(by others: some Sequence<Record>) -> RunRecords {
    RunRecords(members: members, heldOut: Array(others), included: included, excluded: excluded)
  }

  /// The same records with other canaries.
  func with(included: [Record], excluded: [Record]) -> RunRecords {
    RunRecords(members: members, heldOut: heldOut, included: included, excluded: excluded)
  }

  /// Refuses what is too little to learn from.
  ///
  /// - Throws: `InputError`.
  func check() throws {
    guard training.count >= 2, !heldOut.isEmpty else {
      throw InputError(
        "\(training.count) examples to train on and \(heldOut.count) held out,"
          + " expected 2 and 1 or more")
    }
  }
}

extension RunRecords<TextPair> {
  /// Pairs; questions and passages that are the same stay on one side. Canaries are pairs that are
  /// taken out, each question with the passage of the next one.
  ///
  /// - Throws: `UsageError` if there are too few pairs.
  init(_ pairs: [TextPair], _ choices: TrainingChoices) throws {
    let (kept, spare) = try Canaries.setAside(choices.canaries, of: pairs, seed: choices.seed)
    let canaries = spare.indices.map { number in
      TextPair(
        query: spare[number].query, positive: spare[(number + 1) % spare.count].positive,
        negatives: spare[number].negatives)
    }
    self.init(kept, canaries: canaries, choices: choices) {
      ["q" + $0.query, "p" + $0.positive]
    }
  }
}

extension RunRecords<LabelledText> {
  /// Labelled texts. Canaries are texts that are taken out, each with a class drawn at random.
  ///
  /// - Throws: `UsageError` if there are too few texts.
  init(_ texts: [LabelledText], _ choices: TrainingChoices) throws {
    let (kept, spare) = try Canaries.setAside(choices.canaries, of: texts, seed: choices.seed)
    let labels = Set(texts.map { UTF8Key($0.label) }).sorted().map(\.string)
    var random = Philox(seed: choices.seed, stream: Canaries.labelStream)
    let canaries = spare.map { text in
      LabelledText(
        text: text.text, label: labels[Int.random(in: labels.indices, using: &random)])
    }
    self.init(kept, canaries: canaries, choices: choices) { [$0.text] }
  }
}

extension RunRecords<FineTuningRecord> {
  /// Examples for a generator. Canaries are texts about people who do not exist.
  init(_ records: [FineTuningRecord], _ choices: TrainingChoices) {
    self.init(
      records, canaries: Canaries.identities(choices).map { .text($0.text) }, choices: choices
    ) { [$0.question] }
  }
}

extension RunRecords<String> {
  /// Texts that a generator is pre-trained on. Canaries are texts about people who do not exist.
  init(_ texts: [String], _ choices: TrainingChoices) {
    self.init(texts, canaries: Canaries.identities(choices).map(\.text), choices: choices) { [$0] }
  }
}
