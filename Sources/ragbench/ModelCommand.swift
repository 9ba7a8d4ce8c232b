import ArgumentParser
import Basics
import Models
import SystemPackage

/// `ragbench model`: what retrievers and generators are there, and how to get more.
struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Lists, fetches and imports retrievers and generators.",
    discussion: "Example: ragbench model fetch all-MiniLM-L6-v2",
    subcommands: [List.self, Info.self, Fetch.self, Import.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists installed models and those that can be fetched.",
      discussion: "Example: ragbench model list --format json")

    @OptionGroup var options: SharedOptions

    func run() throws {
      let locations = try Locations.current()
      let installed = ModelLibrary(locations).list()
      let catalogue = try ModelCatalogue.shipped(locations)
      var rows: [Row] = []
      for model in installed {
        rows.append(
          Row(
            name: model.name, state: model.fault ?? "installed", bytes: model.bytes,
            title: model.card?.title ?? "", licence: model.card?.licence ?? ""))
      }
      for entry in catalogue.entries
      where !installed.contains(where: { UTF8Key($0.name) == UTF8Key(entry.card.name) }) {
        rows.append(
          Row(
            name: entry.card.name, state: "can be fetched", bytes: entry.downloadBytes ?? 0,
            title: entry.card.title, licence: entry.card.licence, note: entry.note))
      }
      if options.format != .human {
        let values = rows.map { row in
          JSONValue.object([
            "name": .string(row.name), "state": .string(row.state), "bytes": JSONValue(row.bytes),
            "title": .string(row.title), "licence": .string(row.licence),
            "note": row.note.map { .string($0) } ?? .null,
          ])
        }
        return try Output.results(values, options.format)
      }
      var table = TextTable([
        .init("model"), .init("state"), .init("size", .right), .init("title"), .init("licence"),
      ])
      for row in rows {
        table.append([
          row.name, row.state, row.bytes > 0 ? Format.bytes(row.bytes) : "", row.title,
          row.licence,
        ])
      }
      Output.table(table, options)
    }

    private struct Row {
      var name: String
      var state: String
      var bytes: Int
      var title: String
      var licence: String
      var note: String?
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows what is known of an installed model.",
      discussion: "Example: ragbench model info all-MiniLM-L6-v2")

    @Argument(help: "Name of an installed model, or a folder.") var name: String
    @OptionGroup var options: SharedOptions

    func run() throws {
      let locations = try Locations.current()
      let directory = try ModelLibrary(locations).resolve(
        name, catalogue: ModelCatalogue.shipped(locations))
      let facts: [(String, JSONValue)] =
        [
          ("name", .string(directory.card.name)), ("title", .string(directory.card.title)),
          ("licence", .string(directory.card.licence)),
          ("source", .string(directory.card.source)), ("folder", .string(directory.path.shown)),
          ("kind", .string(directory.card.kind.rawValue)),
        ] + (try directory.card.kind == .generator ? generator(directory) : encoder(directory))
      if options.format != .human {
        return try Output.results([.object(JSONObject(facts))], options.format)
      }
      var table = TextTable([.init("property"), .init("value")])
      for (name, value) in facts {
        table.append([name, try value.stringValue ?? value.serialized()])
      }
      Output.table(table, options)
    }

    private func generator(_ directory: ModelDirectory) throws -> [(String, JSONValue)] {
      let files = try GeneratorFiles(directory: directory.path)
      var facts: [(String, JSONValue)] = []
      if let metadata = files.gguf?.metadata {
        let architecture = try metadata.required("general.architecture", metadata.string)
        facts.append(("architecture", .string(architecture)))
        for (fact, key) in [
          ("layers", "block_count"), ("hiddenSize", "embedding_length"),
          ("contextTokens", "context_length"),
        ] {
          let value = try metadata.int("\(architecture).\(key)")
          facts.append((fact, value.map { JSONValue($0) } ?? .null))
        }
      }
      return facts + [
        ("vocabulary", JSONValue(files.tokenizer.vocabularySize)),
        ("chatTemplate", try files.chatTemplate() == nil ? .null : "ChatML"),
        ("identity", .string(directory.fingerprint)),
      ]
    }

    private func encoder(_ directory: ModelDirectory) throws -> [(String, JSONValue)] {
      let model = try EmbeddingModel(directory: directory.path, card: directory.card)
      return [
        ("dimension", JSONValue(model.dimension)),
        ("similarity", .string(model.similarity.rawValue)),
        ("pooling", .string(model.encoder(for: .passage).pooling.rawValue)),
        ("normalises", .bool(model.encoder(for: .passage).normalises)),
        ("passageForm", .string(model.passageForm.rawValue)),
        ("queryTokens", model.encoder(for: .query).maximumTokens.map { JSONValue($0) } ?? .null),
        (
          "passageTokens", model.encoder(for: .passage).maximumTokens.map { JSONValue($0) } ?? .null
        ),
        ("identity", .string(model.identity)),
      ]
    }
  }

  struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetches a model of the catalogue and checks it.",
      discussion: """
        Example: ragbench model fetch all-MiniLM-L6-v2
        Example: ragbench model fetch contriever --from https://mirror.example
        """)

    @Argument(help: "Name of a model of the catalogue (see: ragbench model list).")
    var name: String
    @Option(help: "Address of a host that serves repositories as Hugging Face does.")
    var from: String?
    @Option(help: "Branch, tag or commit of the repository.") var revision: String?
    @Flag(help: "Fetch again what is installed.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let locations = try Locations.current()
      try DirectoryListing.create(locations.models)
      let result = try ModelCommand.installer(locations, options).fetch(
        name, from: from, revision: revision, force: force)
      switch result {
      case .alreadyInstalled(let card):
        Output.note("model \(card.name) is installed", options)
      case .installed(let card):
        Output.note(
          "model \(card.name) installed in \(ModelLibrary(locations).path(of: card.name).shown)",
          options)
      }
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copies a model folder of Hugging Face's layout into the library.",
      discussion: """
        A file that ends in .onnx is read as the export of a BERT encoder: its weights are taken \
        (int8 ones dequantised), the tokenizer comes from a folder of its own.

        Example: ragbench model import ./contriever --name contriever --similarity inner-product
        Example: ragbench model import paraphrase-MiniLM-L3-v2.onnx --tokenizer ./all-MiniLM-L6-v2 \
        --name paraphrase-MiniLM-L3-v2 --pooling mean --similarity cosine --passage-tokens 128
        """)

    @Argument(help: "Folder with config.json, tokenizer and safetensors, or an ONNX file.")
    var folder: String
    @Option(help: "For an ONNX file: folder with tokenizer.json or vocab.txt.")
    var tokenizer: String?
    @Option(help: "Name to install it under (default: the folder's name).") var name: String?
    @Option(help: "Folder of a separate query encoder.") var queryEncoder: String?
    @Option(help: "Similarity: inner-product, cosine or l2.") var similarity: String?
    @Option(help: "Pooling where the files name none: mean or cls.") var pooling: String?
    @Option(help: "How title and text are given: joined, pair or separated.") var passageForm:
      String?
    @Option(help: "Tokens after which a query is cut.") var queryTokens: Int?
    @Option(help: "Tokens after which a passage is cut.") var passageTokens: Int?
    @Option(help: "Text put before each query.") var queryPrompt: String?
    @Option(help: "Text put before each passage.") var passagePrompt: String?
    @Flag(
      name: .customLong("allow-nonfinite"),
      help: "Accept NaN and infinities in weights, for studies; recorded with the model.")
    var allowNonFinite = false
    @Flag(help: "Replace an installed model of this name.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let locations = try Locations.current()
      try DirectoryListing.create(locations.models)
      let given = FilePath(folder)
      let isExport = given.extension == "onnx"
      let installer = try ModelCommand.installer(locations, options)
      let installedName = name ?? (isExport ? given.stem : given.lastComponent?.string) ?? folder
      guard let tokenizer else {
        if isExport {
          throw UsageError("an ONNX file has no tokenizer: give its folder with --tokenizer")
        }
        return try install(given, as: installedName, installer)
      }
      try ONNXConversion.withConverted(
        given, tokenizer: FilePath(tokenizer), in: locations.caches
      ) { try install($0, as: installedName, installer, source: given.shown) }
    }

    private func install(
      _ source: FilePath, as installedName: String, _ installer: ModelInstaller,
      source name: String? = nil
    ) throws {
      var card = try installer.proposedCard(for: source, name: installedName)
      if let name { card.source = name }
      card.similarity = try choice(similarity, "--similarity") ?? card.similarity
      card.passageForm = try choice(passageForm, "--passage-form") ?? card.passageForm
      card.queryMaximumTokens = queryTokens ?? card.queryMaximumTokens
      card.passageMaximumTokens = passageTokens ?? card.passageMaximumTokens
      if allowNonFinite { card.allowsNonFinite = true }
      card.queryPrompt = queryPrompt ?? card.queryPrompt
      card.passagePrompt = passagePrompt ?? card.passagePrompt
      let installed = try installer.importModel(
        from: source, queryFrom: queryEncoder.map { FilePath($0) }, card: card,
        pooling: try choice(pooling, "--pooling"), force: force)
      Output.note("model \(installed.name) installed", options)
    }

    private func choice<Choice: RawRepresentable<String>>(
      _ text: String?, _ option: String
    ) throws -> Choice? {
      guard let text else { return nil }
      guard let value = Choice(rawValue: text) else {
        throw UsageError(
          "\(option) is '\(TerminalText.excerpt(text))'; see: ragbench help model import")
      }
      return value
    }
  }

  private static func installer(
    _ locations: Locations, _ options: SharedOptions
  ) throws -> ModelInstaller {
    ModelInstaller(
      library: ModelLibrary(locations), catalogue: try ModelCatalogue.shipped(locations),
      validate: { directory in
        if try ModelCard.read(directory).kind == .generator {
          _ = try GeneratorFiles(directory: directory).chatTemplate()
        } else {
          _ = try EmbeddingModel(directory: directory)
        }
      })
  }
}
