import Basics
import Corpus
import Models
import Retrieval
import Statistics
import SystemPackage
import Tensors
import Training

/// A classifier, held against a logistic regression on the embeddings of the model before training.
struct ClassifierSubject: TrainingSubject {
  /// The penalties among which the held-out share of the training texts decides.
  static let inversePenalties = [0.1, 1, 10, 100, 1000, 10_000]

  private let plan: TrainingStudyPlan.Texts
  private let study: TrainingStudy
  private let texts: [LabelledText]
  private let test: [LabelledText]
  /// Texts to train on that the test has too.
  private let leftOut: Int
  let checksum: String

  init(_ plan: TrainingStudyPlan.Texts, study: TrainingStudy) throws {
    self.plan = plan
    self.study = study
    let path = study.folder.appending(plan.file)
    func part(_ value: String) throws -> [LabelledText] {
      try TrainingRecords.labelledTexts(
        path, fields: plan.fields, label: plan.label, where: (plan.split, value))
    }
    let training = try part(plan.training)
    test = try part(plan.test)
    // A text of both parts would be learnt by heart and then tested.
    let unseen = Set(test.map { UTF8Key($0.text) })
    texts = training.filter { !unseen.contains(UTF8Key($0.text)) }
    leftOut = training.count - texts.count
    guard !texts.isEmpty else {
      throw InputError("every text to train on is also a test text", at: Place(file: path.shown))
    }
    checksum = Checksum.sha256(
      texts.map { $0.label + "\u{1F}" + $0.text }.joined(separator: "\u{1E}"))
  }

  var command: String { RunAudit.Kind.classifier.rawValue }
  var before: String { "logistic regression on frozen \(study.plan.model)" }

  var data: JSONObject {
    [
      "file": .string(plan.file), "checksum": .string(checksum), "texts": JSONValue(texts.count),
      "leftOut": JSONValue(leftOut),
      "test": .string("\(Format.count(test.count)) texts"),
    ]
  }

  func train(_ setup: TrainingSetup) throws -> JSONObject {
    try setup.encoder(study.source).trainClassifier(texts, test: test)
  }

  func comparisons(of runs: [[FilePath]]) throws -> [PairedComparison] {
    let names = Set((texts + test).map { UTF8Key($0.label) }).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    func number(_ label: String, at place: Place) throws -> Int {
      guard let number = numbers[UTF8Key(label)] else {
        throw InputError("unknown label '\(TerminalText.excerpt(label))'", at: place)
      }
      return number
    }
    let labels = try test.map { try number($0.label, at: Place()) }
    func guesses(of run: FilePath) throws -> [Int] {
      let path = run.appending(TrainingRun.predictionsName)
      var lines = try LineReader(path)
      var guesses: [Int] = []
      while let line = try lines.next() {
        let place = Place(file: lines.name, line: line.number)
        let object = try JSONParser.parse(line, file: lines.name).requiredObject(at: place)
        guesses.append(try number(try object.string("guess", at: place), at: place))
      }
      guard guesses.count == labels.count else {
        throw InputError(
          "there are \(guesses.count) guesses, expected \(labels.count)",
          at: Place(file: path.shown))
      }
      return guesses
    }
    let before = try baseline(labels, classes: names.count, numbers: numbers)
    return try runs.map { runs in
      try PairedComparison(
        of: before, with: runs.map(guesses), labels: labels, classes: names.count)
    }
  }

  /// Guesses of the regression: C is chosen as the candidates are, then all training texts are used.
  private func baseline(
    _ labels: [Int], classes: Int, numbers: [UTF8Key: Int]
  ) throws -> [Int] {
    study.report(.test(before))
    let embedder = try study.surroundings.embedder(study.plan.model)
    func features(_ texts: [LabelledText]) throws -> [[Double]] {
      let matrix = try embedder.embed(
        texts.map { .passage(title: "", text: $0.text, separator: "") }
      ).matrix
      return (0..<matrix.rows).map { matrix[$0].map(Double.init) }
    }
    let known = try features(texts)
    let right = texts.map { numbers[UTF8Key($0.label)] ?? 0 }
    let choices = study.plan.settings[0].candidates[0].choices
    let split = ExampleSplit(
      texts.map { [$0.text] }, heldOut: choices.heldOut, seed: study.plan.seeds.first ?? 1)
    var best: (penalty: Double, score: Double)?
    for penalty in Self.inversePenalties {
      let model = try LogisticRegression(
        features: split.training.flatMap { known[$0] }, labels: split.training.map { right[$0] },
        classes: classes, inversePenalty: penalty)
      let guesses = model.guesses(split.heldOut.flatMap { known[$0] })
      let score = ClassScores(
        labels: split.heldOut.map { right[$0] }, guesses: guesses, classes: classes
      ).macroF1
      if best.map({ score > $0.score }) ?? true { best = (penalty, score) }
    }
    let model = try LogisticRegression(
      features: known.flatMap(\.self), labels: right, classes: classes,
      inversePenalty: best?.penalty ?? 1)
    return model.guesses(try features(test).flatMap(\.self))
  }
}
