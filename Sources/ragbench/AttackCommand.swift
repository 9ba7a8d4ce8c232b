import ArgumentParser
import Attacks
import Basics
import Corpus
import Evaluation
import Retrieval
import SystemPackage

/// `ragbench attack`: how many questions of a corpus can be hijacked, and how much of it is caught.
struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Poisons a corpus and measures how many questions the attacker hijacks.",
    discussion: """
      Adds poisoned documents to the corpus (in memory only, nothing in the index changes) and \
      counts the questions for which the attacker's document is among the first k results.

      Example: ragbench attack --corpus medqa
      Example: ragbench attack --corpus medqa --queries exam --payload pii,diag --k 2,5,10 \
      --mode solo --set separator=". " --output runs/mine
      """)

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
  @Flag(help: "Leave out the detectors.") var noDetection = false
  @OptionGroup var runOptions: RunOptions
  @OptionGroup var options: SharedOptions

  func run() throws {
    let bench = try Workbench(options)
    let bundle = try bench.bundle(corpus)
    let settings = try settings(for: bundle)
    let run = try runOptions.directory(
      "attack", corpus: bundle.name, description: description(settings, bundle),
      locations: bench.locations, options: options)
    let attackRun = AttackRun(
      run: run, bundle: bundle, settings: settings,
      paraphrases: try paraphrases.map { try ParaphraseTable(FilePath($0)) },
      detects: !noDetection)
    let progress = StageProgress(isQuiet: options.quiet)
    defer { progress.finish() }
    var results: [RetrieverResult] = []
    for name in retriever.items {
      let embedder = try bench.embedder(name)
      let index = try bench.index(bundle, embedder)
      results.append(
        try attackRun.measure(
          index: index, embedder: embedder,
          begin: { progress.begin($0, total: $1, unit: "texts") },
          advance: { progress.advance($0) }))
      progress.finish()
    }
    let value = try attackRun.finish(results)
    if options.format != .human { return try Output.results([.object(value)], options.format) }
    for result in results {
      for section in AttackTables(result, settings: settings).sections {
        Output.result(options.style.bold(section.title))
        Output.table(section.table, options)
        Output.result(section.note + "\n")
      }
    }
    Output.note("run directory: \(run.path.shown)", options)
  }

  private func settings(for bundle: CorpusBundle) throws -> AttackSettings {
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
      limit: limit, seed: runOptions.seed)
  }

  /// `NAME=VALUE`; a value that is JSON is taken as such, anything else is text.
  private func attackParameters() throws -> JSONObject {
    var object = JSONObject()
    for text in parameters {
      guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals > text.startIndex else {
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

  private func description(
    _ settings: AttackSettings, _ bundle: CorpusBundle
  ) throws -> JSONObject {
    func strings(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }
    return [
      "corpusChecksum": .string(bundle.checksum), "querySets": strings(settings.querySets),
      "payloadKinds": strings(settings.payloadKinds), "retrievers": strings(retriever.items),
      "method": .string(method), "parameters": .object(settings.attack.parameters),
      "paraphrases": try paraphrases.map {
        .string(try Checksum.sha256(of: FilePath($0)))
      } ?? .null,
      "k": .array(settings.ks.map { JSONValue($0) }),
      "modes": strings(settings.modes.map(\.rawValue)),
      "limit": settings.limit.map { JSONValue($0) } ?? .null, "detection": .bool(!noDetection),
    ]
  }
}
