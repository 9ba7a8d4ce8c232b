public import Attacks
public import Basics
public import Corpus
import Defenses
import Models
public import Retrieval
import Synchronization
import SystemPackage

/// The figures of one retriever.
public struct RetrieverResult: Sendable {
  /// The retriever's name.
  public let name: String
  /// How its vectors are compared.
  public let similarity: String
  /// Cells in JSON, in the order of query sets and payload kinds.
  public let cells: [JSONObject]
  /// Detection for each query set, in JSON; empty if it was left out.
  public let detection: [JSONObject]
  /// What acting on flags does, for each query set, in JSON; empty if it was left out.
  public let responses: [JSONObject]

  /// Everything as JSON.
  public var json: JSONObject {
    [
      "retriever": .string(name), "similarity": .string(similarity),
      "cells": .array(cells.map { .object($0) }),
      "detection": .array(detection.map { .object($0) }),
      "responses": .array(responses.map { .object($0) }),
    ]
  }
}

/// An attack experiment in a run directory: each finished query set and payload kind is an event,
/// and a resumed run does not measure it again.
public final class AttackRun: Sendable {
  private let run: RunDirectory
  /// The corpus.
  public let bundle: CorpusBundle
  private let settings: AttackSettings
  private let paraphrases: ParaphraseTable?
  private let measuresSuccess: Bool
  private let detection: DetectionProtocol?
  private let response: ResponseProtocol?
  private let started = ContinuousClock.now
  private let poison: Mutex<[Written]> = Mutex([])
  /// What detectors flagged.
  private let flags: Mutex<[FlagFile.Entry]> = Mutex([])
  /// Times of responses, which stay out of the results.
  private let latencies: Mutex<[JSONValue]> = Mutex([])

  /// A poisoned document with what tells it from another of the same id.
  private struct Written {
    var document: PoisonedDocument
    var set: String
    var retriever: String
  }

  /// Begins or resumes.
  ///
  /// - Parameters:
  ///   - run: the run directory.
  ///   - bundle: the corpus.
  ///   - settings: what is measured.
  ///   - paraphrases: the attacker's own wordings of the questions.
  ///   - measuresSuccess: whether success rates and geometry are measured.
  ///   - detection: how detectors are measured; nil leaves them out.
  ///   - response: what is done about flagged passages; nil leaves it out. It needs `detection`.
  public init(
    run: RunDirectory, bundle: CorpusBundle, settings: AttackSettings,
    paraphrases: ParaphraseTable?, measuresSuccess: Bool = true, detection: DetectionProtocol?,
    response: ResponseProtocol? = nil
  ) {
    self.run = run
    self.bundle = bundle
    self.settings = settings
    self.paraphrases = paraphrases
    self.measuresSuccess = measuresSuccess
    self.detection = detection
    self.response = response
  }

  /// Measures one retriever.
  ///
  /// - Parameters:
  ///   - index: the corpus as it sees it.
  ///   - embedder: the retriever.
  ///   - begin: called with a label and a number of texts at the start of each stage.
  ///   - advance: called with the number of texts done since the last call, from any thread.
  /// - Returns: the figures.
  /// - Throws: what embedding, search and writing throw.
  public func measure(
    index: CorpusIndex, embedder: Embedder, begin: (String, Int) -> Void,
    advance: @escaping @Sendable (Int) -> Void
  ) throws -> RetrieverResult {
    let experiment = AttackExperiment(
      bundle: bundle, index: index, embedder: embedder, settings: settings,
      paraphrases: paraphrases)
    let name = embedder.model.name
    var cells: [JSONObject] = []
    var detection: [JSONObject] = []
    var responses: [JSONObject] = []
    // One fit for all query sets needs all of their questions.
    var datasets: [DetectionDataset] = []
    for set in settings.querySets {
      let count = try bundle.queryCount(set)
      begin("\(set): questions", min(settings.limit ?? count, count))
      let clean = try experiment.clean(set, advance: advance)
      var attacked: [PoisonedRetrieval] = []
      for kind in settings.payloadKinds {
        begin("\(set): \(kind)", clean.queries.count * settings.attack.documentsPerQuery)
        let poisoned = try experiment.poison(clean, kind: kind, advance: advance)
        attacked.append(poisoned)
        guard measuresSuccess else { continue }
        cells.append(
          try run.recorded(
            "cell", ["retriever": .string(name), "set": .string(set), "payload": .string(kind)]
          ) {
            try experiment.measure(poisoned, clean: clean).json()
          })
      }
      poison.withLock { poison in
        for document in attacked.lazy.flatMap(\.documents) {
          poison.append(Written(document: document, set: set, retriever: name))
        }
      }
      guard let detectors = self.detection else { continue }
      if let response {
        begin("\(set): responses", clean.queries.count)
        responses.append(
          try run.recorded("response", ["retriever": .string(name), "set": .string(set)]) {
            try respond(response, detectors, clean, attacked, index: index, embedder: embedder)
          })
      }
      begin("\(set): detectors", clean.queries.count)
      func dataset() throws -> DetectionDataset {
        try AttackDetection(index: index, clean: clean, embedder: embedder, seed: settings.seed)
          .dataset(attacked, mode: detectors.mode, windows: detectors.windows)
      }
      switch detectors.grouping {
      case .querySet:
        detection.append(
          try recorded(
            ["retriever": .string(name), "set": .string(set)], of: name, index
          ) { try detectors.evaluate(dataset()) })
      case .global: datasets.append(try dataset())
      }
    }
    if let detectors = self.detection, let all = try DetectionDataset(joining: datasets) {
      detection.append(
        try recorded(
          ["retriever": .string(name), "sets": .array(settings.querySets.map { .string($0) })],
          of: name, index
        ) { try detectors.evaluate(all) })
    }
    return RetrieverResult(
      name: name, similarity: embedder.model.similarity.rawValue, cells: cells,
      detection: detection, responses: responses)
  }

  /// What detectors found; what they flagged goes to a file of its own.
  private func recorded(
    _ identity: JSONObject, of retriever: String, _ index: CorpusIndex,
    _ evaluate: () throws -> DetectionReport
  ) throws -> JSONObject {
    var value = try run.recorded("detection", identity) {
      let report = try evaluate()
      var object = try report.json.requiredObject()
      object["flags"] = .array(report.flags.map { .object($0.json) })
      return object
    }
    let found = value["flags"]?.arrayValue?.compactMap(\.objectValue) ?? []
    value["flags"] = nil
    let entries = try FlagFile.entries(found, of: retriever, in: index)
    flags.withLock { $0 += entries }
    return value
  }

  /// What acting on flags does to one query set.
  private func respond(
    _ response: ResponseProtocol, _ detectors: DetectionProtocol, _ clean: CleanRetrieval,
    _ attacked: [PoisonedRetrieval], index: CorpusIndex, embedder: Embedder
  ) throws -> JSONObject {
    let experiment = try ResponseExperiment(
      settings: detectors, response: response,
      dataset: AttackDetection(
        index: index, clean: clean, embedder: embedder, seed: settings.seed
      ).dataset(attacked, mode: detectors.mode, windows: detectors.windows),
      index: index, embedder: embedder,
      judgements: JudgementSource.judgements(of: clean.set, queries: clean.queries, in: bundle))
    var entries: [JSONValue] = []
    for choice in detectors.detectors {
      let (json, times) = try experiment.measure(choice)
      entries += json.map { .object($0) }
      latencies.withLock { latencies in
        latencies += times.map { latency in
          [
            "retriever": .string(embedder.model.name), "set": .string(clean.set),
            "detector": .string(latency.detector), "policy": .string(latency.policy.rawValue),
            "questions": JSONValue(latency.seconds.count),
            "p50Seconds": latency.quantile(0.5).map { .number($0) } ?? .null,
            "p99Seconds": latency.quantile(0.99).map { .number($0) } ?? .null,
          ]
        }
      }
    }
    return [
      "querySet": .string(clean.set), "settings": response.json, "responses": .array(entries),
    ]
  }

  /// Writes the poisoned documents, the results and the times.
  ///
  /// - Parameter results: one for each retriever.
  /// - Returns: the content of `results.json`.
  /// - Throws: `FileError` if writing fails.
  public func finish(_ results: [RetrieverResult]) throws -> JSONObject {
    let value: JSONObject = [
      "corpus": .object([
        "name": .string(bundle.name), "origin": .string(bundle.origin.rawValue),
        "passages": JSONValue(bundle.passageCount), "checksum": .string(bundle.checksum),
      ]),
      "attack": .string(type(of: settings.attack).metadata.name),
      "retrievers": .array(results.map { .object($0.json) }),
    ]
    let lines = try writePoison()
    if detection != nil {
      try FlagFile.write(flags.withLock { $0 }, linesOfPoison: lines, to: run.path)
    }
    try run.finish(
      results: value,
      timings: [
        "seconds": .number((ContinuousClock.now - started).inSeconds),
        "responses": .array(latencies.withLock { $0 }),
      ])
    return value
  }

  /// A document stands once if it serves several retrievers. Where it depends on the retriever (by
  /// its tokens, by the clean passage it hides behind), or two query sets use one id, the later ones
  /// have set and retriever added to theirs: ids of a corpus are distinct.
  ///
  /// - Returns: the line of each.
  private func writePoison() throws -> [FlagFile.PoisonKey: Int] {
    var lines: [FlagFile.PoisonKey: Int] = [:]
    var documents: [PoisonedDocument] = []
    var positions: [UTF8Key: Int] = [:]
    for written in poison.withLock({ $0 }) {
      var document = written.document
      if let position = positions[UTF8Key(document.id)], documents[position] != document {
        document.id += ":\(written.set):\(written.retriever)"
      }
      if positions[UTF8Key(document.id)] == nil {
        positions[UTF8Key(document.id)] = documents.count
        documents.append(document)
      }
      let key = FlagFile.PoisonKey(
        id: UTF8Key(written.document.id), set: UTF8Key(written.set),
        retriever: UTF8Key(written.retriever))
      lines[key] = positions[UTF8Key(document.id)].map { $0 + 1 }
    }
    try PoisonedDocuments.write(documents, to: run.path.appending(FlagFile.poisonName))
    return lines
  }
}
