import Attacks
import Basics
import Corpus
import Evaluation
import Models
import Retrieval
import SystemPackage
import TestSupport

/// A small corpus, two query sets that share their ids, and payloads, over the tiny models.
final class AttackBench: Sendable {
  let directory: TemporaryDirectory
  let bundle: CorpusBundle
  let passages: [Passage]
  let model: EmbeddingModel

  static let words = [
    "gout", "sleep", "iron", "fever", "heart", "kidney", "asthma", "dose", "a", "the", "in", "x",
  ]

  init(
    _ name: String = "tiny-bert", passages count: Int = 40, queries: Int = 12,
    _ edit: (inout ModelCard) -> Void = { _ in }
  ) throws {
    var random = SeededGenerator(seed: 7)
    func text(_ length: ClosedRange<Int>) -> String {
      (0..<Int.random(in: length, using: &random)).map { _ in
        Self.words.randomElement(using: &random) ?? ""
      }.joined(separator: " ")
    }
    let directory = try TemporaryDirectory()
    self.directory = directory
    var passages = (0..<count).map { number in
      Passage(
        // The order of ids is not that of the rows.
        id: "p\(number * 37 % 101)", title: number % 3 == 0 ? "T\(number)" : "",
        text: text(5...12) + " \(number)")
    }
    for number in stride(from: 5, to: count, by: 9) {
      passages[number].title = passages[number - 1].title
      passages[number].text = passages[number - 1].text
    }
    self.passages = passages
    let sets = try ["one", "two"].map { set in
      (set, try (0..<queries).map { try row("q\($0)", text(2...6) + " \(set) \($0)") })
    }
    let kinds = try ["pii", "web"].map { kind in
      (kind, try (0..<6).map { try row("\(kind)-\($0)", "\(kind) " + text(2...6)) })
    }
    let folder = directory.file("bench")
    func write(_ file: String, _ rows: [String]) throws -> BundleFile {
      try directory.write("bench/\(file)", text: rows.joined())
      return try BundleFile(measuring: file, in: folder, count: rows.count)
    }
    let manifest = BundleManifest(
      name: "bench", title: "bench", licence: "none", titleSeparator: ". ", description: "",
      passages: try write(
        "passages.jsonl",
        passages.map { try JSONValue.object($0.beirObject).serialized() + "\n" }),
      queries: try sets.map { ($0.0, try write("\($0.0).jsonl", $0.1)) }, qrels: [],
      payloads: try kinds.map { ($0.0, try write("\($0.0).jsonl", $0.1)) },
      provenance: JSONObject())
    try directory.write(
      "bench/bundle.json", text: JSONValue.object(manifest.json).serialized())
    bundle = try CorpusBundle(directory: folder, origin: .installed)
    let source = Checkout.fixture("models/\(name)")
    var card = ModelCard(
      name: name,
      files: [
        .init(
          path: "model.safetensors", bytes: 1,
          sha256: try Checksum.sha256(of: source.appending("model.safetensors")))
      ])
    edit(&card)
    model = try EmbeddingModel(directory: source, card: card)
  }

  func embedder(threads: Int = 2) -> Embedder { Embedder(model: model, threads: threads) }

  func index(threads: Int = 2) throws -> CorpusIndex {
    try CorpusIndexBuilder(
      bundle: bundle, embedder: embedder(threads: threads), indexes: directory.file("indexes")
    ).build()
  }

  func clean(_ set: String = "one", depth: Int = 10) throws -> CleanRetrieval {
    try CleanRetrieval(
      set: set, queries: bundle.queries(set), index: index(), embedder: embedder(), depth: depth)
  }

  func settings(
    sets: [String] = ["one", "two"], kinds: [String] = ["pii", "web"], copies: Int = 1,
    ks: [Int] = [1, 2, 5], limit: Int? = nil, parameters: JSONObject = JSONObject()
  ) throws -> AttackSettings {
    var parameters = parameters
    parameters["copies"] = JSONValue(copies)
    return AttackSettings(
      querySets: sets, payloadKinds: kinds,
      attack: try AttackRegistry.attack(named: "concatenation", parameters: parameters), ks: ks,
      modes: PoisonedRetrieval.Mode.allCases, limit: limit, seed: 3)
  }
}

private func row(_ id: String, _ text: String) throws -> String {
  try JSONValue.object(["_id": .string(id), "text": .string(text)]).serialized() + "\n"
}
