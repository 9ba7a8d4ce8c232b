import Attacks
import Basics
import Corpus
import Defenses
import Evaluation
import Foundation
import Models
import Retrieval
import SystemPackage
import TestSupport
import Testing

/// Runs in a directory: what is finished is not measured again, and the end is the same.
@Suite struct AttackRunTests {
  private static let detectors = DetectionProtocol(
    detectors: [.init("similarity"), .init("document-norm")], reach: 1, seed: 3)

  private func bytes(_ path: FilePath) -> [UInt8] {
    FileManager.default.contents(atPath: path.string).map(Array.init) ?? []
  }

  @discardableResult
  private func perform(
    _ bench: AttackBench, in path: FilePath, _ settings: AttackSettings,
    detection: DetectionProtocol? = Self.detectors, models: [EmbeddingModel]? = nil,
    threads: Int = 2
  ) throws -> JSONObject {
    let run = try RunDirectory(path, description: ["seed": JSONValue(3)])
    let attack = AttackRun(
      run: run, bundle: bench.bundle, settings: settings, paraphrases: nil, detection: detection)
    let results = try (models ?? [bench.model]).map { model in
      let embedder = Embedder(model: model, threads: threads)
      let index = try CorpusIndexBuilder(
        bundle: bench.bundle, embedder: embedder, indexes: bench.directory.file("indexes")
      ).build()
      return try attack.measure(
        index: index, embedder: embedder, begin: { _, _ in }, advance: { _ in })
    }
    return try attack.finish(results)
  }

  @Test func aResumedRunEndsWithTheSameBytes() throws {
    let bench = try AttackBench(queries: 30)
    let settings = try bench.settings(copies: 2)
    let whole = bench.directory.file("whole")
    try perform(bench, in: whole, settings, threads: 1)
    let results = bytes(whole.appending("results.json"))
    let log = bytes(whole.appending("events.jsonl"))
    let lines = log.split(separator: 0x0A, omittingEmptySubsequences: true)
    #expect(lines.count == 6, "four cells, two detections")

    for count in 0...lines.count {
      let folder = bench.directory.file("resumed-\(count)")
      let kept = lines.prefix(count).flatMap { $0 + [0x0A] }
      try bench.directory.write(
        "resumed-\(count)/run.json", bytes(whole.appending("run.json")))
      // The last line was torn by the interruption.
      let torn = count < lines.count ? Array(lines[count].prefix(25)) : []
      try bench.directory.write("resumed-\(count)/events.jsonl", kept + torn)
      try perform(bench, in: folder, settings)
      #expect(bytes(folder.appending("results.json")) == results, "\(count) events")
      #expect(bytes(folder.appending("events.jsonl")) == log, "\(count) events")
      #expect(
        bytes(folder.appending("poisoned.jsonl")) == bytes(whole.appending("poisoned.jsonl")))
    }
  }

  /// What the log says is taken, so it was not measured again.
  @Test func eventsAreReused() throws {
    let bench = try AttackBench()
    let settings = try bench.settings()
    let folder = bench.directory.file("run")
    try bench.directory.write("run/run.json", text: #"{"seed": 3}"#)
    let event =
      #"{"event":"cell","of":{"retriever":"tiny-bert","set":"two","payload":"pii"},"#
      + #""value":{"set":"two","payload":"pii","questions":987654}}"#
    try bench.directory.write("run/events.jsonl", text: event + "\n")
    let value = try perform(bench, in: folder, settings, detection: nil)
    let cells = try #require(
      value["retrievers"]?.arrayValue?.first?.objectValue?["cells"]?.arrayValue)
    #expect(cells.compactMap { $0.objectValue?["questions"]?.intValue } == [12, 12, 987654, 12])
    #expect(try RunRecord(folder).events.count == 4)
  }

  @Test func poisonIsAValidCorpus() throws {
    let bench = try AttackBench()
    let settings = try bench.settings(copies: 2)
    let folder = bench.directory.file("run")
    try perform(bench, in: folder, settings, detection: nil)
    let path = folder.appending("poisoned.jsonl")
    let documents = try PoisonedDocuments.read(path)
    // Two sets with one set of ids, two kinds, twelve questions, two copies.
    #expect(documents.count == 96)
    #expect(Set(documents.map { UTF8Key($0.id) }).count == 96)
    for set in ["one", "two"] {
      let queries = try bench.bundle.queries(set)
      for query in queries {
        let own = documents.filter { $0.text.hasPrefix(query.text) }
        #expect(own.count == 4 && own.allSatisfy { $0.targetQueryIDs == [query.id] })
        #expect(Set(own.map(\.payloadKind)) == ["pii", "web"])
      }
    }
    #expect(documents.allSatisfy { $0.payloadText != nil && $0.seed == 3 })

    // It is added to an index like any other corpus.
    let report = try CorpusIndexBuilder.addPassages(
      of: path, to: bench.bundle, in: bench.directory.file("indexes"))
    #expect(report.added == 96)
  }

  /// Padding is the best clean passage of each retriever, so the documents differ.
  @Test func documentsOfTwoRetrieversStandBesideEachOther() throws {
    let bench = try AttackBench()
    let other = try AttackBench("tiny-bert-cls").model
    let same = bench.directory.file("same")
    let settings = try bench.settings(sets: ["one"], kinds: ["pii"])
    try perform(bench, in: same, settings, detection: nil, models: [bench.model, other])
    #expect(try PoisonedDocuments.read(same.appending("poisoned.jsonl")).count == 12)
    let padded = bench.directory.file("padded")
    try perform(
      bench, in: padded,
      bench.settings(
        sets: ["one"], kinds: ["pii"], parameters: ["padding": .string("clean-passage")]),
      detection: nil, models: [bench.model, other])
    let documents = try PoisonedDocuments.read(padded.appending("poisoned.jsonl"))
    #expect((13...24).contains(documents.count))
    #expect(documents.dropFirst(12).allSatisfy { $0.id.hasSuffix(":one:tiny-bert-cls") })
  }

  @Test func oneFitServesAllSets() throws {
    let bench = try AttackBench(queries: 30)
    let settings = try bench.settings()
    var detection = Self.detectors
    detection.grouping = .global
    let value = try perform(
      bench, in: bench.directory.file("run"), settings, detection: detection)
    let reports = try #require(
      value["retrievers"]?.arrayValue?.first?.objectValue?["detection"]?.arrayValue)
    #expect(reports.count == 1)
    let fits = reports[0].objectValue?["fits"]?.arrayValue?.compactMap(\.objectValue) ?? []
    #expect(fits.compactMap { $0["querySet"]?.stringValue } == ["one", "one", "two", "two"])
    #expect(fits.count == 4)
  }

  @Test func theLimitDrawsBySeed() throws {
    let bench = try AttackBench()
    func drawn(_ seed: UInt64, _ limit: Int?) throws -> [String] {
      var settings = try bench.settings(limit: limit)
      settings.seed = seed
      return try AttackExperiment(
        bundle: bench.bundle, index: bench.index(), embedder: bench.embedder(),
        settings: settings
      ).clean("one").queries.map(\.id)
    }
    let all = (0..<12).map { "q\($0)" }
    #expect(try drawn(1, nil) == all)
    #expect(try drawn(1, 12) == all && drawn(1, 99) == all)
    let five = try drawn(1, 5)
    #expect(five.count == 5 && all.filter(five.contains) == five, "in the set's order")
    #expect(try drawn(1, 5) == five)
    #expect(try (2...6).contains { try drawn($0, 5) != five })
  }

  /// The tables of `ragbench attack`.
  @Test func tablesFitATerminalOf80Columns() throws {
    let bench = try AttackBench(queries: 30)
    let settings = try bench.settings(ks: [2, 5, 10])
    let run = try RunDirectory(bench.directory.file("run"), description: [:])
    let attack = AttackRun(
      run: run, bundle: bench.bundle, settings: settings, paraphrases: nil,
      detection: Self.detectors)
    let result = try attack.measure(
      index: bench.index(), embedder: bench.embedder(), begin: { _, _ in }, advance: { _ in })
    let sections = AttackTables(result, settings: settings).sections
    #expect(sections.count == 5)
    for section in sections {
      let lines = section.table.rendered(width: 80).split(separator: "\n").map(String.init)
      #expect(lines.count == section.table.rowCount + 2)
      for line in lines + section.note.split(separator: "\n").map(String.init) {
        #expect(TextWidth.columns(line) <= 80, "\(line)")
        #expect(!line.unicodeScalars.contains("\u{1B}") && !line.hasSuffix(" "))
      }
    }
    #expect(sections[0].title == "one: percent of 30 questions hijacked through tiny-bert (cosine)")
    #expect(sections[0].table.rowCount == 6, "two kinds; solo, joint, any")
  }
}
