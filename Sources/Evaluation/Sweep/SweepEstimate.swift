import Attacks
public import Basics
public import Corpus
import Models
import Retrieval
public import SystemPackage

/// What a sweep would do, and about what it takes: tokens are counted on a sample, the speed of each
/// retriever is measured on it, so the estimate is for this machine as it is now.
public struct SweepEstimate {
  /// The work for one corpus through one retriever.
  struct Row {
    var corpus: String
    var retriever: String
    var units: Int
    var cells: Int
    /// Passages without an embedding in the store.
    var passages: Int
    /// Questions and poisoned documents, as if none were in the cache.
    var texts: Int
    /// Encoding what is missing.
    var seconds: Double
    /// Vectors that search holds in memory.
    var memory: Int
    /// New vectors on disk.
    var disk: Int
  }

  /// Passages that are tokenized and embedded to find out length and speed.
  private static let sample = 48
  /// Judging one poisoned document by one detector, with its share of search, geometry and
  /// resamples: 12 s for 7,663 questions, 5 payload kinds and 8 detectors on two cores (the MiniLM
  /// column on the open textbooks, from cache).
  private static let judging = 12.0 / (7663 * 5 * 8)

  let rows: [Row]
  private let judgingSeconds: Double

  /// Measures.
  ///
  /// - Parameters:
  ///   - plan: The grid, without what is not selected.
  ///   - selection: The part that this process does.
  ///   - bundles: The corpora of the plan.
  ///   - surroundings: Retrievers.
  ///   - indexes: The folder of all indexes.
  /// - Throws: What opening a corpus, a retriever or a store throws.
  public init(
    _ plan: SweepPlan, _ selection: SweepSelection,
    _ bundles: [(name: String, bundle: CorpusBundle)], _ surroundings: Surroundings,
    indexes: FilePath
  ) throws {
    let all = SweepRun.units(of: plan, bundles)
    let units = selection.part(of: all)
    var rows: [Row] = []
    var encoded: Set<[UTF8Key]> = []
    var documents = 0
    for (name, bundle) in bundles {
      var sample: [Passage] = []
      let step = max(1, bundle.passageCount / Self.sample)
      var position = 0
      try bundle.forEachPassage { passage in
        if position % step == 0, sample.count < Self.sample { sample.append(passage) }
        position += 1
      }
      for retriever in plan.retrievers {
        let own = units.filter { utf8Equal($0.corpus, name) && utf8Equal($0.retriever, retriever) }
        guard !own.isEmpty else { continue }
        let embedder = try surroundings.embedder(retriever)
        let plain = Embedder(model: embedder.model, threads: embedder.threads)
        let inputs = sample.map { passage in
          EmbeddingInput.passage(
            title: passage.title, text: passage.text, separator: bundle.titleSeparator)
        }
        let clock = ContinuousClock()
        let perPassage =
          try clock.measure { _ = try plain.embed(inputs) }.inSeconds
          / Double(max(1, inputs.count))
        let pending = try Self.pending(bundle, plain, indexes: indexes)
        var texts = 0
        for unit in own {
          let count = try bundle.queryCount(unit.querySet)
          let questions = min(plan.questions ?? count, count)
          let poison =
            questions * plan.payloads.count
            * (try plan.variant(of: unit).documentsPerQuestion)
          documents +=
            poison
            * (1 + plan.contamination.count + SweepRun.targets(of: unit, in: all, plan).count)
          // Poison and questions of a retriever serve every corpus.
          let key = [retriever, unit.querySet, unit.variant, "\(unit.seed)"].map { UTF8Key($0) }
          if encoded.insert(key).inserted { texts += questions + poison }
        }
        let dimension = embedder.model.dimension
        rows.append(
          Row(
            corpus: name, retriever: retriever, units: own.count,
            cells: own.count * plan.payloads.count, passages: pending, texts: texts,
            seconds: Double(pending + texts) * perPassage,
            memory: bundle.passageCount * dimension * 4,
            // Each passage's vector stands in the store and in the file that is mapped.
            disk: (2 * pending + texts) * dimension * 4))
      }
    }
    self.rows = rows
    judgingSeconds = Double(documents * max(1, plan.detectors.count)) * Self.judging
  }

  private static func pending(
    _ bundle: CorpusBundle, _ embedder: Embedder, indexes: FilePath
  ) throws -> Int {
    let directory = CorpusIndexBuilder.directory(of: bundle, in: indexes)
    guard DocumentStore.exists(in: directory), CorpusIndexBuilder.isImported(directory) else {
      return bundle.passageCount
    }
    let identity = CorpusIndexBuilder(bundle: bundle, embedder: embedder, indexes: indexes).identity
    let store = try DocumentStore.open(in: directory)
    defer { try? store.close() }
    return try store.retrievers().first { $0.identity == identity }?.pending ?? bundle.passageCount
  }

  /// One line for each corpus and retriever.
  public var table: TextTable {
    var table = TextTable([
      .init("corpus"), .init("retriever"), .init("cells", .right), .init("passages", .right),
      .init("other texts", .right), .init("encoding", .right), .init("memory", .right),
      .init("disk", .right),
    ])
    for row in rows {
      table.append([
        row.corpus, row.retriever, Format.count(row.cells), Format.count(row.passages),
        Format.count(row.texts), Format.duration(seconds: row.seconds), Format.bytes(row.memory),
        Format.bytes(row.disk),
      ])
    }
    return table
  }

  private var encodingSeconds: Double { rows.reduce(0) { $0 + $1.seconds } }

  /// The whole in a sentence.
  public var summary: String {
    let cells = rows.reduce(0) { $0 + $1.cells }
    let disk = rows.reduce(0) { $0 + $1.disk }
    return
      "\(Format.count(cells)) cells: at most \(Format.duration(seconds: encodingSeconds)) of encoding"
      + " (texts that are in the cache cost nothing), about"
      + " \(Format.duration(seconds: judgingSeconds)) of ranking and judging; the vectors of a"
      + " corpus take up to \(Format.bytes(rows.map(\.memory).max() ?? 0)) of memory, new ones"
      + " \(Format.bytes(disk)) of disk"
  }

  /// The same as JSON.
  public var json: JSONObject {
    [
      "rows": .array(
        rows.map { row in
          .object([
            "corpus": .string(row.corpus), "retriever": .string(row.retriever),
            "units": JSONValue(row.units), "cells": JSONValue(row.cells),
            "passages": JSONValue(row.passages), "texts": JSONValue(row.texts),
            "seconds": .number(row.seconds), "memoryBytes": JSONValue(row.memory),
            "diskBytes": JSONValue(row.disk),
          ])
        }),
      "encodingSeconds": .number(encodingSeconds), "judgingSeconds": .number(judgingSeconds),
    ]
  }
}
