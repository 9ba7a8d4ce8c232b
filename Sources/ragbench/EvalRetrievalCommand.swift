import ArgumentParser
import Basics
import Corpus
import Evaluation
import Models
import Retrieval
import Statistics
import SystemPackage

/// `ragbench eval retrieval`: how well a retriever, BM25 or any run file ranks what is relevant.
struct EvalRetrievalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retrieval", abstract: "Measures retrieval quality against judgements.",
    discussion: """
      The system is a retriever, BM25 (--bm25) or a TREC run file (--run). Judged questions \
      without results count 0. Intervals are 95 % bootstrap intervals over questions.

      Example: ragbench eval --corpus scifact
      Example: ragbench eval --corpus scifact --bm25 --write-run bm25.trec
      Example: ragbench eval --corpus scifact --run theirs.trec --metrics nDCG@10,MAP
      Example: ragbench eval --corpus scifact --queries test --against run:runs/tuned-1,run:runs/tuned-2
      """)

  @Option(help: "Name of the corpus.") var corpus: String
  @Option(help: "Query set (default: the first with judgements).") var queries: String?
  @Option(
    help: "Retriever: an installed model or the path of a folder (default: \(defaultRetriever)).")
  var retriever: String?
  @Option(name: .customLong("run"), help: "TREC run file to evaluate.") var runFile: String?
  @Flag(help: "Evaluate BM25.") var bm25 = false
  @Option(
    help: """
      Retrievers between commas, such as one model trained under several seeds: their mean is held \
      against the system question by question.
      """)
  var against: CommaList?
  @Option(help: "Judgements, TREC or BEIR (default: those of the corpus).") var qrels: String?
  @Option(help: "Metrics between commas: nDCG@k, Recall@k, P@k, success@k, MRR[@k], MAP[@k].")
  var metrics = CommaList(items: ["nDCG@10", "Recall@100", "MRR@10", "MAP", "success@5"])
  @Option(help: "Passages retrieved for each question, 1 to 10000.") var depth = 1000
  @Option(help: "Write the rankings as a TREC run file.") var writeRun: String?
  @OptionGroup var options: SharedOptions

  mutating func validate() throws {
    guard (1...CorpusSearch.maximumResults).contains(depth) else {
      throw ValidationError("--depth is \(depth), expected 1 to \(CorpusSearch.maximumResults)")
    }
    guard [retriever != nil, runFile != nil, bm25].count(where: { $0 }) <= 1 else {
      throw ValidationError("--retriever, --run and --bm25 exclude each other")
    }
  }

  func run() throws {
    let metrics = try metrics.items.map { try RankingMetric($0) }
    if let writeRun { try AtomicFile.checkCreatable(FilePath(writeRun)) }
    let bench = try Workbench(options)
    let bundle = try bench.quietBundle(corpus)
    let set = try queries ?? JudgementSource.defaultSet(of: bundle)
    let questions = try bundle.queries(set)
    let judgements =
      try qrels.map { try TRECFile.readJudgements(FilePath($0)).value }
      ?? JudgementSource.judgements(of: set, queries: questions, in: bundle)
    guard let judgements else {
      throw UsageError(
        "the query set '\(TerminalText.excerpt(set))' has no judgements; name a file by --qrels")
    }
    let judged = questions.filter { judgements.grades[UTF8Key($0.id)] != nil }
    let system = try rankings(judged, bench, bundle)
    defer { try? system.store?.close() }
    func evaluated(_ system: System) throws -> RetrievalEvaluation {
      try RetrievalEvaluation(
        rankings: system.rankings, judgements: judgements,
        queries: Set(questions.map { UTF8Key($0.id) }),
        knowsDocument: try documentCheck(system.store, bundle), metrics: metrics)
    }
    if let writeRun {
      try TRECFile.writeRun(system.rankings, tag: system.name, to: FilePath(writeRun))
    }
    let evaluation = try evaluated(system)
    if let against {
      let others = try against.items.map { name in
        let other = try rankings(of: name, judged, bench, bundle)
        defer { try? other.store?.close() }
        return try evaluated(other)
      }
      let comparison = try PairedComparison(of: evaluation, with: others, metrics: metrics)
      return try report(comparison, names: against.items, set: set, system: system.name)
    }
    try report(evaluation, set: set, system: system.name)
  }

  /// What a system ranked, and the store it ranked, if it did so here.
  private struct System {
    var name: String
    var rankings: [Ranking]
    var store: DocumentStore?
  }

  private func rankings(
    _ questions: [Query], _ bench: Workbench, _ bundle: CorpusBundle
  ) throws -> System {
    if let runFile {
      let path = FilePath(runFile)
      let name = path.stem.map { TerminalText.excerpt($0) } ?? "run"
      return System(name: name, rankings: try TRECFile.readRun(path).value)
    }
    if bm25 {
      try CorpusIndexBuilder.updatePostings(of: bundle, in: bench.locations.indexes)
      let store = try DocumentStore.open(in: bench.indexDirectory(bundle))
      let index = try BM25Index(store)
      return System(
        name: "bm25",
        rankings: try questions.map {
          try Ranking(query: UTF8Key($0.id), scored: index.rank($0.text, limit: depth))
        }, store: store)
    }
    return try rankings(of: retriever ?? defaultRetriever, questions, bench, bundle)
  }

  private func rankings(
    of retriever: String, _ questions: [Query], _ bench: Workbench, _ bundle: CorpusBundle
  ) throws -> System {
    let embedder = try bench.embedder(retriever)
    let index = try bench.index(bundle, embedder)
    let progress = StageProgress(isQuiet: options.quiet)
    defer { progress.finish() }
    progress.begin("questions", total: questions.count, unit: "questions")
    let clean = try CleanRetrieval(
      set: queries ?? "", queries: questions, index: index, embedder: embedder, depth: depth,
      advance: { progress.advance($0) })
    return System(
      name: embedder.model.name,
      rankings: try clean.rankings(), store: index.store)
  }

  private func documentCheck(
    _ store: DocumentStore?, _ bundle: CorpusBundle
  ) throws -> (UTF8Key) throws -> Bool {
    if let store { return { try store.document($0.string) != nil } }
    var ids = Set<UTF8Key>()
    try bundle.forEachPassage { ids.insert(UTF8Key($0.id)) }
    return { ids.contains($0) }
  }

  private func report(_ evaluation: RetrievalEvaluation, set: String, system: String) throws {
    let ranking = evaluation.ranking
    if options.format != .human {
      let metrics = evaluation.means.map { mean -> (String, JSONValue) in
        guard let value = mean.estimate.value else { return (mean.metric.description, .null) }
        return (
          mean.metric.description,
          .object([
            "mean": .number(value.value), "lower": .number(value.interval.lower),
            "upper": .number(value.interval.upper),
          ])
        )
      }
      return try Output.results(
        [
          .object([
            "corpus": .string(corpus), "queries": .string(set), "system": .string(system),
            "judgedQueries": JSONValue(ranking.perQuery.count),
            "metrics": .object(JSONObject(metrics)), "level": .number(0.95),
            "resamples": JSONValue(RetrievalEvaluation.resamples),
            "seed": .integer(Int64(RetrievalEvaluation.seed)),
            "withoutResults": ids(ranking.queriesWithoutResults),
            "withoutRelevant": ids(ranking.queriesWithoutRelevant),
            "withoutJudgements": ids(ranking.queriesWithoutJudgements),
            "unknownQueries": ids(evaluation.unknown.queries),
            "unknownDocuments": ids(evaluation.unknown.documents),
          ])
        ], options.format)
    }
    var table = TextTable([
      .init("metric"), .init("mean", .right), .init("95 % interval", .right),
    ])
    for mean in evaluation.means {
      let value = mean.estimate.value
      table.append([
        mean.metric.description, value.map { Format.decimals($0.value, 4) } ?? "not applicable",
        value.map {
          "\(Format.decimals($0.interval.lower, 4)) to \(Format.decimals($0.interval.upper, 4))"
        } ?? "",
      ])
    }
    Output.result(
      options.style.bold(
        "\(TerminalText.excerpt(system)) on \(corpus), \(TerminalText.excerpt(set)):"
          + " \(Format.count(ranking.perQuery.count)) judged questions"))
    Output.table(table, options)
    note("judged questions without results, counted 0", ranking.queriesWithoutResults)
    note("judged questions without a relevant passage, counted 0", ranking.queriesWithoutRelevant)
    note("questions without judgements, left out", ranking.queriesWithoutJudgements)
    note("judged questions that the set does not have, left out", evaluation.unknown.queries)
    note("judged passages that the corpus does not have", evaluation.unknown.documents)
  }

  private func report(
    _ comparison: PairedComparison, names: [String], set: String, system: String
  ) throws {
    if options.format != .human {
      return try Output.results(
        [
          .object([
            "corpus": .string(corpus), "queries": .string(set), "before": .string(system),
            "after": .array(names.map { .string($0) }),
            "judgedQueries": JSONValue(comparison.units), "metrics": .object(comparison.json),
            "level": .number(0.95), "resamples": JSONValue(RetrievalEvaluation.resamples),
            "seed": .integer(Int64(RetrievalEvaluation.seed)),
          ])
        ], options.format)
    }
    var table = TextTable([
      .init("metric"), .init("before", .right), .init("after", .right),
      .init("difference", .right), .init("95 % interval", .right), .init("p", .right),
    ])
    for row in comparison.rows {
      let difference = row.difference.value
      table.append([
        row.metric, Format.decimals(row.before, 4), Format.decimals(row.after, 4),
        difference.map { Format.decimals($0.value, 4) } ?? "n/a",
        difference.map {
          "\(Format.decimals($0.interval.lower, 4)) to \(Format.decimals($0.interval.upper, 4))"
        } ?? "", difference.map { Format.decimals($0.pValueOfZero, 4) } ?? "",
      ])
    }
    Output.result(
      options.style.bold(
        "\(corpus), \(TerminalText.excerpt(set)): \(TerminalText.excerpt(system)) against the mean of"
          + " \(Format.count(names.count)), \(Format.count(comparison.units)) judged questions"))
    Output.table(table, options)
  }

  private func ids(_ keys: [UTF8Key]) -> JSONValue { .array(keys.map { .string($0.string) }) }

  private func note(_ what: String, _ keys: [UTF8Key]) {
    guard !keys.isEmpty else { return }
    let shown = keys.prefix(5).map { TerminalText.excerpt($0.string) }.joined(separator: ", ")
    Output.error(
      "ragbench: \(Format.count(keys.count)) \(what): \(shown)\(keys.count > 5 ? ", …" : "")")
  }
}
