import ArgumentParser
import Attacks
import Basics
import Corpus
import Evaluation
import Models
import SystemPackage

/// Which attack on which questions, for commands that attack.
struct AttackOptions: ParsableArguments {
  @Option(help: "Corpus to attack.") var corpus: String
  @Option(help: "Query sets, between commas (default: all of the corpus).") var queries: CommaList?
  @Option(help: "Kinds of payload, between commas (default: all of the corpus).")
  var payload: CommaList?
  @Option(help: "Retrievers, between commas.")
  var retriever = CommaList(items: ["all-MiniLM-L6-v2"])
  @Option(help: "The attack: concatenation or poisonedrag.") var method = "concatenation"
  @Option(name: .customLong("set"), help: "A parameter of the attack: NAME=VALUE.")
  var parameters: [String] = []
  @Option(help: "The attacker's own wordings of the questions, JSON Lines.")
  var paraphrases: String?
  @Option(help: "Values of k in success@k, between commas.")
  var k = CommaList(items: ["2", "5", "10"])
  @Option(help: "solo: each question's own poison alone; joint: all at once.")
  var mode = CommaList(items: ["solo", "joint"])
  @Option(help: "Questions taken from each set.") var limit: Int?

  /// The attacker's own wordings, if a file was given.
  func paraphraseTable() throws -> ParaphraseTable? {
    try paraphrases.map { try ParaphraseTable(FilePath($0)) }
  }

  /// What is measured, checked against the corpus.
  func settings(for bundle: CorpusBundle, seed: UInt64) throws -> AttackSettings {
    let ks = try k.items.map { text -> Int in
      guard let k = Int(text), (1...10_000).contains(k) else {
        throw UsageError("--k is '\(TerminalText.excerpt(text))', expected numbers from 1 to 10000")
      }
      return k
    }
    let modes = try mode.items.map { text -> PoisonedRetrieval.Mode in
      guard let mode = PoisonedRetrieval.Mode(rawValue: text) else {
        throw UsageError("--mode is '\(TerminalText.excerpt(text))', expected solo, joint or both")
      }
      return mode
    }
    if let limit, limit < 1 { throw UsageError("--limit is \(limit), expected at least 1") }
    return AttackSettings(
      querySets: try chosen(queries, of: bundle.querySets, what: "query set", in: bundle),
      payloadKinds: try chosen(payload, of: bundle.payloadKinds, what: "payload kind", in: bundle),
      attack: try AttackRegistry.attack(named: method, parameters: attackParameters()),
      ks: Set(ks).sorted(), modes: PoisonedRetrieval.Mode.allCases.filter(modes.contains),
      limit: limit, seed: seed)
  }

  /// `NAME=VALUE`; a value that is JSON is taken as such, anything else is text.
  private func attackParameters() throws -> JSONObject {
    var object = JSONObject()
    for text in parameters {
      guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals > text.startIndex
      else {
        throw UsageError("--set is '\(TerminalText.excerpt(text))', expected NAME=VALUE")
      }
      let value = String(text[text.index(after: equals)...])
      object[String(text[..<equals])] = (try? JSONParser.parse(value)) ?? .string(value)
    }
    return object
  }

  private func chosen(
    _ list: CommaList?, of known: [String], what: String, in bundle: CorpusBundle
  ) throws -> [String] {
    guard let list else { return known }
    for name in list.items where !known.contains(where: { UTF8Key($0) == UTF8Key(name) }) {
      throw UsageError(
        "corpus '\(bundle.name)' has no \(what) '\(TerminalText.excerpt(name))'"
          + NearestName.hint(for: name, in: known)
          + " (there are: \(known.joined(separator: ", ")))")
    }
    return list.items
  }

  /// All of the selection that the results depend on.
  func description(
    _ settings: AttackSettings, _ bundle: CorpusBundle, _ bench: Workbench
  ) throws -> JSONObject {
    func strings(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }
    return [
      "corpusChecksum": .string(bundle.checksum), "querySets": strings(settings.querySets),
      "payloadKinds": strings(settings.payloadKinds), "retrievers": strings(retriever.items),
      "models": strings(try retriever.items.map { try bench.modelDirectory($0).fingerprint }),
      "method": .string(method), "parameters": .object(settings.attack.parameters),
      "paraphrases": try paraphrases.map {
        .string(try Checksum.sha256(of: FilePath($0)))
      } ?? .null,
      "k": .array(settings.ks.map { JSONValue($0) }),
      "modes": strings(settings.modes.map(\.rawValue)),
      "limit": settings.limit.map { JSONValue($0) } ?? .null,
    ]
  }
}
