public import ArgumentParser
import Basics
import Corpus
public import Defenses
import Glibc
public import QueryServer
import Retrieval
import SystemPackage

/// `ragbench serve`: the query server over standard input and output.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves a corpus to programs over standard input and output.",
    discussion: """
      Speaks JSON-RPC 2.0, one message a line, and is a Model Context Protocol server (2024-11-05 to \
      2026-07-28) with the tools search, get_document, detect, inject, rollback, evaluate, \
      list_indexes and stats. An index that is not there yet is built first. Ends with the input.

      Passages that the detector flags are marked (annotate), ranked behind the others (demote), or \
      taken out and replaced by later ones (quarantine). Without --detector one is fitted on the \
      corpus's questions and kept beside the index.

      Example: ragbench serve --corpus medqa --policy quarantine
      Example: ragbench serve --corpus medqa --hybrid bm25 --detector medqa.detector
      Example: echo '{"jsonrpc":"2.0","id":1,"method":"ping"}' | ragbench serve --corpus medqa
      """)

  @Option(help: "Name of the corpus.") var corpus: String?
  @Option(help: "Folder of an index, in place of a corpus.") var index: String?
  @Option(help: "Retrievers, between commas, the default first: installed models or folders.")
  var retriever = CommaList(items: [defaultRetriever])
  @Option(help: "Detector from 'ragbench detect fit' (default: the corpus's own).")
  var detector: String?
  @Flag(help: "Fit the corpus's own detector again, on the index as it is now.") var refit = false
  @Option(help: "What happens to flagged passages: annotate, demote or quarantine.")
  var policy: DetectionPolicy = .annotate
  @Option(help: "Share of clean questions or passages that may be flagged, between 0 and 1.")
  var alpha = 0.05
  @Option(help: "What --alpha counts: query or pair (default: query, with enough questions).")
  var per: DetectionCalibration.Unit?
  @Option(help: "Kind of a built index file, such as HNSW32 (default: exact search).")
  var kind: String?
  @Option(help: "Fuse with BM25 by reciprocal ranks unless a search says otherwise: bm25.")
  var hybrid: QueryCommand.Fusion?
  @Option(help: "Requests at work at most, 1 to 100000; one more is answered 'busy'.")
  var queue = 1024
  @OptionGroup var options: SharedOptions

  mutating func validate() throws {
    guard (corpus == nil) != (index == nil) else {
      throw ValidationError("give either --corpus NAME or --index DIR")
    }
    guard alpha > 0, alpha < 1 else {
      throw ValidationError("--alpha is \(alpha), expected a number between 0 and 1")
    }
    guard (1...100_000).contains(queue) else {
      throw ValidationError("--queue is \(queue), expected 1 to 100000")
    }
    guard !refit || detector == nil else {
      throw ValidationError("--refit is for the corpus's own detector, not for --detector")
    }
  }

  func run() throws {
    let kind = try kind.map { try IndexKind(parsing: $0) }
    let bench = try Workbench(options)
    var configuration = ServerConfiguration(
      source: try source(bench), retrievers: retriever.items, version: Ragbench.version,
      log: { [options] in Output.note("ragbench serve: \($0)", options) })
    configuration.policy = policy
    configuration.isHybrid = hybrid == .bm25
    configuration.kind = kind
    configuration.detector = detector.map { FilePath($0) }
    configuration.falsePositiveRate = alpha
    configuration.unit = per
    configuration.refits = refit
    configuration.queueLimit = queue
    let status = try QueryServer(configuration).run()
    // At once: threads of the server are still at work or asleep, and the destructors of libraries
    // that `exit` runs would pull things from under them. Everything written is written.
    _exit(status)
  }

  /// Refuses wrong names before a client is spoken to.
  private func source(_ bench: Workbench) throws -> ServerConfiguration.Source {
    for name in retriever.items { try bench.checkRetriever(name) }
    let embedder: @Sendable (String) throws -> Embedder = { try bench.plainEmbedder($0) }
    if let index {
      let directory = FilePath(index)
      guard DocumentStore.exists(in: directory) else {
        throw StoreError.missing(directory.appending(DocumentStore.fileName))
      }
      return ServerConfiguration.Source(
        name: directory.lastComponent?.string ?? index, corpus: nil, directory: directory,
        embedder: embedder, prepare: { _ in })
    }
    let bundle = try bench.quietBundle(corpus ?? "")
    return ServerConfiguration.Source(
      name: bundle.name, corpus: bundle, directory: bench.indexDirectory(bundle),
      embedder: embedder,
      prepare: { embedder in
        let builder = CorpusIndexBuilder(
          bundle: bundle, embedder: embedder, indexes: bench.locations.indexes)
        // The server opens it itself; it is built here only if something is missing.
        if try !builder.isComplete() { _ = try bench.index(bundle, embedder) }
      })
  }
}

extension DetectionPolicy: ExpressibleByArgument {}
extension DetectionCalibration.Unit: ExpressibleByArgument {}
