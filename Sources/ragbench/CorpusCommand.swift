import ArgumentParser
import Basics
import Corpus
import Evaluation
import SystemPackage

/// `ragbench corpus`: what can be attacked, and how to bring one's own.
struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus", abstract: "Lists, imports and exports corpora.",
    discussion: "Example: ragbench corpus list",
    subcommands: [List.self, Info.self, Import.self, Export.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the corpora that are there.", discussion: "Example: ragbench corpus list")

    @OptionGroup var options: SharedOptions

    func run() throws {
      let bundles = try CorpusLibrary.list()
      if options.format != .human {
        return try Output.results(try bundles.map { try CorpusCommand.json($0) }, options.format)
      }
      var table = TextTable([
        .init("corpus"), .init("origin"), .init("passages", .right), .init("query sets"),
        .init("payloads"), .init("licence"),
      ])
      for bundle in bundles {
        table.append([
          bundle.name, bundle.origin.rawValue, Format.count(bundle.passageCount),
          bundle.querySets.joined(separator: ","), bundle.payloadKinds.joined(separator: ","),
          bundle.licence,
        ])
      }
      Output.table(table, options)
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows one corpus.", discussion: "Example: ragbench corpus info medqa")

    @Argument(help: "Name of a corpus.") var name: String
    @OptionGroup var options: SharedOptions

    func run() throws {
      let bundle = try CorpusLibrary.bundle(named: name)
      let value = try CorpusCommand.json(bundle)
      if options.format != .human { return try Output.results([value], options.format) }
      var table = TextTable([.init("property"), .init("value")])
      for (key, value) in value.objectValue?.members ?? [] {
        table.append([key, try value.stringValue ?? value.serialized()])
      }
      Output.table(table, options)
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turns files in public formats into an installed corpus.",
      discussion: """
        Example: ragbench corpus import mine --passages docs/ --queries faq=questions.jsonl
        Example: ragbench corpus import textbooks --passages chunks.jsonl.gz \
        --queries medqa=benchmark.json.gz#medqa
        Example: ragbench corpus import --catalogue ~/public-data
        """)

    @Argument(help: "Name of the new corpus; not needed with --catalogue.") var name: String?
    @Option(help: "Folder whose files are recognised by their checksums and imported.")
    var catalogue: String?
    @Option(help: "File or folder of passages; may be given several times.")
    var passages: [String] = []
    @Option(help: "Format of the passages (default: recognised).") var reader: String?
    @Option(help: "Query set: SET=FILE[#key]; may be given several times.")
    var queries: [String] = []
    @Option(help: "Judgements: FILE or SET=FILE.") var qrels: [String] = []
    @Option(help: "Payloads: KIND=FILE.") var payload: [String] = []
    @Option(help: "Cut documents into chunks of so many characters.") var chunk: Int?
    @Option(help: "Characters that a chunk shares with the one before.") var overlap: Int = 0
    @Option(help: "Take only the first N documents.") var limit: Int?
    @Option(help: "Take N documents drawn at random.") var sample: Int?
    @Option(help: "Seed of the draw.") var seed: UInt64 = 1
    @Option(
      help: "What joins title and text (default: a space; \". \" for chunk files of MedRAG).")
    var titleSeparator: String?
    @Option(help: "Malformed records that are accepted.") var maxRejects = 0
    @Flag(help: "Replace an installed corpus of this name.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let library = try CorpusLibrary.current()
      try DirectoryListing.create(library.installedDirectory)
      let importer = CorpusImporter(library: library)
      let progress = StageProgress(isQuiet: options.quiet)
      defer { progress.finish() }
      if let catalogue {
        guard name == nil, passages.isEmpty else {
          throw UsageError("--catalogue takes no name and no --passages")
        }
        let file = try Locations.current().shipped("Corpora/catalogue.json")
        let report = try CatalogueImport(catalogue: Catalogue(contentsOf: file), importer: importer)
          .run(FilePath(catalogue), replacesExisting: force)
        return try show(report)
      }
      guard let name else { throw UsageError("a name for the corpus is missing") }
      guard !passages.isEmpty else { throw UsageError("--passages is missing") }
      var request = ImportRequest(
        name: name,
        passages: try passages.map { ImportRequest.Source(argument: $0, reader: try kind) })
      request.queries = try queries.map { try .init(argument: $0, option: "--queries") }
      request.payloads = try payload.map { try .init(argument: $0, option: "--payload") }
      request.judgements = qrels.map { .init(argument: $0) }
      request.titleSeparator = titleSeparator
      request.maximumRejects = maxRejects
      request.replacesExisting = force
      if let chunk {
        request.chunker = try Chunker(unit: .characters, size: chunk, overlap: overlap)
      }
      switch (limit, sample) {
      case (let limit?, nil): request.selection = .first(limit)
      case (nil, let sample?): request.selection = .sample(sample, seed: seed)
      case (nil, nil): break
      default: throw UsageError("--limit and --sample exclude each other")
      }
      let report = try importer.run(request)
      Output.note(
        "corpus \(report.bundle.name): \(Format.count(report.passages)) passages of"
          + " \(Format.count(report.documents)) documents, \(report.rejects) rejected,"
          + " query sets \(report.bundle.querySets.joined(separator: ", "))", options)
    }

    private var kind: ReaderKind? {
      get throws {
        guard let reader else { return nil }
        guard let kind = ReaderKind(rawValue: reader) else {
          let names = ReaderKind.allCases.map(\.rawValue)
          throw UsageError(
            "no reader '\(TerminalText.excerpt(reader))'" + NearestName.hint(for: reader, in: names)
              + " (there are: \(names.joined(separator: ", ")))")
        }
        return kind
      }
    }

    private func show(_ report: CatalogueImport.Report) throws {
      var table = TextTable([
        .init("corpus"), .init("outcome"), .init("passages", .right), .init("query sets"),
      ])
      for (name, outcome) in report.corpora {
        switch outcome {
        case .imported(let imported):
          table.append([
            name, "imported", Format.count(imported.passages),
            imported.bundle.querySets.joined(separator: ","),
          ])
        case .present: table.append([name, "installed before", "", ""])
        case .incomplete(let missing):
          table.append([name, "missing: " + missing.map(\.name).joined(separator: ", "), "", ""])
        }
      }
      Output.table(table, options)
      if !report.payloadKinds.isEmpty {
        Output.note(
          "payload kinds for every corpus: \(report.payloadKinds.joined(separator: ", "))", options)
      }
      if !report.missingSets.isEmpty {
        Output.note(
          "query sets without their file: \(report.missingSets.joined(separator: ", "))", options)
      }
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a corpus as BEIR does: corpus.jsonl, queries.jsonl, qrels/test.tsv.",
      discussion: """
        Payloads stay behind. Rankings are written by: ragbench eval --write-run FILE

        Example: ragbench corpus export medqa --queries exam --output medqa-beir
        """)

    @Argument(help: "Name of a corpus.") var name: String
    @Option(help: "Query set (default: the first with judgements).") var queries: String?
    @Option(help: "Folder to write; it must be new or empty.") var output: String
    @Flag(help: "Replace an earlier export.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let bundle = try CorpusLibrary.bundle(named: name)
      let set =
        try queries ?? (bundle.querySets.isEmpty ? nil : JudgementSource.defaultSet(of: bundle))
      let progress = StageProgress(isQuiet: options.quiet)
      defer { progress.finish() }
      progress.begin("passages", total: bundle.passageCount, unit: "passages")
      let report = try BEIRExport(bundle, set: set).write(
        to: FilePath(output), force: force, advance: { progress.advance($0) })
      progress.finish()
      if options.format != .human {
        return try Output.results(
          [
            .object([
              "corpus": .string(bundle.name), "queries": set.map { .string($0) } ?? .null,
              "folder": .string(FilePath(output).shown), "passages": JSONValue(report.passages),
              "queryCount": report.queries.map { JSONValue($0) } ?? .null,
              "judgements": report.judgements.map { JSONValue($0) } ?? .null,
              "titleSeparator": .string(bundle.titleSeparator),
            ])
          ], options.format)
      }
      let parts = [
        "\(Format.count(report.passages)) passages",
        report.queries.map { "\(Format.count($0)) questions of \(set ?? "")" },
        report.judgements.map { "\(Format.count($0)) judgements" },
      ].compactMap { $0 }
      Output.note(
        "corpus \(bundle.name) written to \(FilePath(output).shown): "
          + parts.joined(separator: ", "), options)
      if bundle.titleSeparator != " " {
        Output.note(
          "BEIR has no place for the title separator; import it with --title-separator"
            + " '\(TerminalText.escaped(bundle.titleSeparator))'", options)
      }
    }
  }

  private static func json(_ bundle: CorpusBundle) throws -> JSONValue {
    .object([
      "name": .string(bundle.name), "title": .string(bundle.title),
      "origin": .string(bundle.origin.rawValue), "licence": .string(bundle.licence),
      "passages": JSONValue(bundle.passageCount),
      "querySets": .object(
        JSONObject(try bundle.querySets.map { ($0, JSONValue(try bundle.queryCount($0))) })),
      "payloadKinds": .array(bundle.payloadKinds.map { .string($0) }),
      "titleSeparator": .string(bundle.titleSeparator), "checksum": .string(bundle.checksum),
      "folder": .string(bundle.directory.shown),
    ])
  }
}
