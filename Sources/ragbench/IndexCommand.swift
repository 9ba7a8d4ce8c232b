import ArgumentParser
import Basics
import Corpus
import Models
import Retrieval
import SystemPackage

/// `ragbench index`: the store of a corpus, its vectors, and the index files derived from them.
struct IndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index", abstract: "Builds, changes, verifies and shows indexes.",
    discussion: "Example: ragbench index build --corpus medqa",
    subcommands: [Build.self, Add.self, Remove.self, Verify.self, Info.self])

  /// What all changes of an index take.
  struct Target: ParsableArguments {
    @Option(help: "Name of the corpus.") var corpus: String
    @Option(help: "Retriever: an installed model or the path of a folder.")
    var retriever = defaultRetriever
    @Option(
      help: """
        Also make an index file of this FAISS kind, for example HNSW32 or IVF64,Flat (default: \
        none; exact search needs no file).
        """)
    var kind: String?
    @Option(help: "Seconds to wait for another process that writes, 0 to 86400.") var wait = 0.0

    mutating func validate() throws {
      guard wait >= 0, wait <= 86_400 else {
        throw ValidationError("--wait is \(wait), expected 0 to 86400 seconds")
      }
    }

    /// The time to wait.
    var patience: Duration { .milliseconds(Int(wait * 1000)) }

    /// The kind of the index file, checked before any work.
    var indexKind: IndexKind? {
      get throws { try kind.map { try IndexKind(parsing: $0) } }
    }
  }

  struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Imports and embeds a corpus; an interrupted build goes on where it stopped.",
      discussion: """
        Example: ragbench index build --corpus medqa
        Example: ragbench index build --corpus textbooks --kind IVF256,Flat --wait 600
        """)

    @OptionGroup var target: Target
    @OptionGroup var options: SharedOptions

    func run() throws {
      let kind = try target.indexKind
      let bench = try Workbench(options)
      let bundle = try bench.quietBundle(target.corpus)
      let update = try IndexUpdate(bench: bench, bundle: bundle, target: target)
      try Output.facts(update.run(kinds: [kind].compactMap { $0 }), options)
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Adds passages to an index and embeds them; the corpus stays as it is.",
      discussion: """
        The file is JSON Lines as BEIR has them: _id, title, text. Index files of the retriever \
        are made again.

        Example: ragbench index add more.jsonl --corpus medqa
        """)

    @Argument(help: "File of passages, JSON Lines, plain or gzip; - for standard input.")
    var file: String
    @Flag(help: "Replace passages of the same id and another content.") var replace = false
    @OptionGroup var target: Target
    @OptionGroup var options: SharedOptions

    func run() throws {
      let kind = try target.indexKind
      let bench = try Workbench(options)
      let bundle = try bench.quietBundle(target.corpus)
      let update = try IndexUpdate(bench: bench, bundle: bundle, target: target)
      let report = try CorpusIndexBuilder.addPassages(
        of: FilePath(file), to: bundle, in: bench.locations.indexes, replacing: replace,
        wait: target.patience)
      var facts: [(String, JSONValue)] = [
        ("added", JSONValue(report.added)), ("replaced", JSONValue(report.replaced)),
        ("unchanged", JSONValue(report.unchanged)),
      ]
      facts += try update.run(kinds: update.presentKinds() + [kind].compactMap { $0 })
      try Output.facts(facts, options)
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Removes passages from an index; the corpus stays as it is.",
      discussion: "Example: ragbench index remove sleep-01 sleep-02 --corpus medqa")

    @Argument(help: "Ids of passages.") var ids: [String]
    @OptionGroup var target: Target
    @OptionGroup var options: SharedOptions

    func run() throws {
      let kind = try target.indexKind
      let bench = try Workbench(options)
      let bundle = try bench.quietBundle(target.corpus)
      let update = try IndexUpdate(bench: bench, bundle: bundle, target: target)
      let report = try CorpusIndexBuilder.removePassages(
        ids, from: bundle, in: bench.locations.indexes, wait: target.patience)
      for id in report.unknown {
        Output.error("ragbench: the index has no passage '\(TerminalText.excerpt(id))'")
      }
      var facts: [(String, JSONValue)] = [
        ("removed", JSONValue(report.removed)),
        ("unknown", .array(report.unknown.map { .string($0) })),
      ]
      facts += try update.run(kinds: update.presentKinds() + [kind].compactMap { $0 })
      try Output.facts(facts, options)
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Reads an index whole and compares it with its checksums.",
      discussion: """
        Exit status 65 if something is damaged; work that waits to be done is only named.

        Example: ragbench index verify --corpus medqa
        """)

    @Option(help: "Name of the corpus.") var corpus: String
    @OptionGroup var options: SharedOptions

    func run() throws {
      let bench = try Workbench(options)
      let folder = IndexFolder(bench.indexDirectory(try bench.quietBundle(corpus)))
      guard DocumentStore.exists(in: folder.path) else {
        throw StoreError.missing(folder.path.appending(DocumentStore.fileName))
      }
      let findings = try folder.verify()
      if options.format != .human {
        let values = findings.map {
          JSONValue.object([
            "file": .string($0.path.shown), "problem": .string($0.problem),
            "damage": .bool($0.isDamage),
          ])
        }
        try Output.list(values, options.format)
      } else if findings.isEmpty {
        Output.result("\(folder.path.shown): sound")
      } else {
        for finding in findings { Output.result("\(finding.path.shown): \(finding.problem)") }
      }
      if findings.contains(where: \.isDamage) {
        throw ArgumentParser.ExitCode(ExitStatus.badData.rawValue)
      }
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows the indexes: content, retrievers, files and their sizes.",
      discussion: "Example: ragbench index info --corpus medqa")

    @Option(help: "Name of a corpus (default: all indexes).") var corpus: String?
    @OptionGroup var options: SharedOptions

    func run() throws {
      let bench = try Workbench(options)
      var folders = try IndexFolder.all(in: bench.locations.indexes)
      if let corpus {
        let path = bench.indexDirectory(try bench.quietBundle(corpus))
        folders = folders.filter { $0.path == path }
        guard !folders.isEmpty else {
          throw StoreError.missing(path.appending(DocumentStore.fileName))
        }
      }
      var table = TextTable([
        .init("index"), .init("part"), .init("passages", .right), .init("waiting", .right),
        .init("generation", .right), .init("state"), .init("size", .right),
      ])
      var values: [JSONValue] = []
      for folder in folders { values.append(.object(try describe(folder, in: &table))) }
      if options.format != .human { return try Output.list(values, options.format) }
      if folders.isEmpty { return Output.note("no index has been built yet", options) }
      Output.table(table, options)
    }

    private func describe(_ folder: IndexFolder, in table: inout TextTable) throws -> JSONObject {
      let store = try DocumentStore.open(in: folder.path)
      defer { try? store.close() }
      let state = try store.state()
      let isImported = CorpusIndexBuilder.isImported(folder.path)
      let name = folder.path.lastComponent?.string ?? folder.path.string
      table.append([
        name, "store", Format.count(state.documents), "", "\(state.generation)",
        isImported ? "complete" : "import interrupted", Format.bytes(folder.storeBytes),
      ])
      let retrievers = try store.retrievers()
      for retriever in retrievers {
        table.append([
          "", "vectors of \(retriever.identity.model)", Format.count(retriever.embedded),
          Format.count(retriever.pending), "",
          retriever.pending == 0 ? "complete" : "incomplete", "",
        ])
      }
      let derived = try folder.derived(at: state)
      for entry in derived {
        table.append([
          "", entry.path.lastComponent?.string ?? "",
          entry.manifest.map { Format.count($0.count) } ?? "", "",
          entry.manifest.map { "\($0.source.corpusGeneration)" } ?? "",
          entry.manifest == nil ? "damaged" : entry.isCurrent ? "current" : "stale",
          Format.bytes(entry.bytes),
        ])
      }
      return [
        "index": .string(name), "folder": .string(folder.path.shown),
        "imported": .bool(isImported), "generation": JSONValue(state.generation),
        "checksum": .string(state.checksum), "documents": JSONValue(state.documents),
        "chunks": JSONValue(state.chunks), "storeBytes": JSONValue(folder.storeBytes),
        "bm25": .bool(try store.hasCurrentPostings()),
        "retrievers": .array(
          retrievers.map {
            .object([
              "model": .string($0.identity.model), "dimension": JSONValue($0.identity.dimension),
              "similarity": .string($0.identity.similarity),
              "instructionSet": .string($0.identity.instructionSet),
              "modelHash": .string($0.identity.modelHash), "embedded": JSONValue($0.embedded),
              "unembeddable": JSONValue($0.unembeddable), "waiting": JSONValue($0.pending),
            ])
          }),
        "files": .array(
          derived.map {
            .object([
              "folder": .string($0.path.shown), "bytes": JSONValue($0.bytes),
              "kind": $0.manifest.map { .string($0.kind.description) } ?? .null,
              "current": .bool($0.isCurrent),
            ])
          }),
      ]
    }
  }
}

/// Brings vectors, postings and index files of one corpus up to date.
struct IndexUpdate {
  let bench: Workbench
  let bundle: CorpusBundle
  let target: IndexCommand.Target
  let embedder: Embedder

  /// Loads the retriever, so that a wrong name changes nothing.
  init(bench: Workbench, bundle: CorpusBundle, target: IndexCommand.Target) throws {
    self.bench = bench
    self.bundle = bundle
    self.target = target
    embedder = try bench.plainEmbedder(target.retriever)
  }

  /// Kinds of the retriever's index files that are there, stale or not.
  func presentKinds() throws -> [IndexKind] {
    let folder = IndexFolder(bench.indexDirectory(bundle))
    guard DocumentStore.exists(in: folder.path) else { return [] }
    let store = try DocumentStore.open(in: folder.path)
    defer { try? store.close() }
    return try folder.derived(at: store.state()).compactMap(\.manifest?.kind).filter {
      DerivedIndex.directory(of: $0, retriever: embedder.model.name, in: folder.path).exists
    }
  }

  /// Does what is missing and says what there is.
  func run(kinds: [IndexKind]) throws -> [(String, JSONValue)] {
    for kind in kinds { try kind.validate(dimension: embedder.model.dimension) }
    let progress = StageProgress(isQuiet: bench.options.quiet)
    defer { progress.finish() }
    let index = try CorpusIndexBuilder(
      bundle: bundle, embedder: embedder, indexes: bench.locations.indexes
    ).build(
      wait: target.patience,
      begin: { stage in
        switch stage {
        case .importing(let total): progress.begin("importing", total: total, unit: "passages")
        case .embedding(let total): progress.begin("embedding", total: total, unit: "passages")
        }
      }, advance: { progress.advance($0) })
    progress.finish()
    try CorpusIndexBuilder.updatePostings(
      of: bundle, in: bench.locations.indexes, wait: target.patience)
    let directory = bench.indexDirectory(bundle)
    var files: [JSONValue] = []
    for kind in Set(kinds).sorted(by: { $0.description < $1.description }) {
      let made = try DerivedIndex.update(
        index, kind: kind, in: directory, threads: bench.options.threadCount,
        wait: target.patience)
      files.append(.string("\(kind) (\(made.outcome.rawValue))"))
    }
    return [
      ("corpus", .string(bundle.name)), ("retriever", .string(embedder.model.name)),
      ("passages", JSONValue(index.state.documents)), ("vectors", JSONValue(index.chunks.count)),
      ("unembeddable", JSONValue(index.state.chunks - index.chunks.count)),
      ("generation", JSONValue(index.state.generation)), ("indexFiles", .array(files)),
      ("folder", .string(directory.shown)),
    ]
  }
}
