import Basics
import SystemPackage
import Tensors

/// One import on its way: passages first, then what refers to them.
struct ImportRun {
  let request: ImportRequest
  let writer: BundleWriter
  let rejects: RejectLog
  let progress: CorpusImporter.Progress
  private(set) var documentCount = 0
  private(set) var blankCount = 0
  private(set) var unknownGold: [(set: String, count: Int)] = []
  private(set) var unknownJudgements: [(set: String, queries: Int, documents: Int)] = []

  /// The documents taken, with the number of passages made of each.
  private var table = IdentifierTable()
  private var isSeparatedByStop = true
  private var sources: [JSONValue] = []

  init(
    request: ImportRequest, writer: BundleWriter, rejects: RejectLog,
    progress: @escaping CorpusImporter.Progress
  ) {
    self.request = request
    self.writer = writer
    self.rejects = rejects
    self.progress = progress
  }

  /// Writes all files and gives the manifest; throws if too many records were refused.
  mutating func write() throws -> BundleManifest {
    let passages = try writePassages()
    var queries: [(set: String, file: BundleFile)] = []
    var qrels: [(set: String, file: BundleFile)] = []
    for query in request.queries {
      let written = try writeSet(query)
      queries.append((query.name, written.queries))
      if let file = written.qrels { qrels.append((query.name, file)) }
    }
    var payloads: [(kind: String, file: BundleFile)] = []
    for payload in request.payloads {
      try note(payload.source, kind: nil, as: "payloads " + payload.name)
      payloads.append(
        (
          payload.name,
          try Self.writePayloads(payload, "payloads/", writer: writer, rejects: rejects)
        ))
    }
    try rejects.finish()
    return BundleManifest(
      name: request.name, title: request.title.isEmpty ? request.name : request.title,
      licence: request.licence,
      titleSeparator: request.titleSeparator ?? (isSeparatedByStop ? ". " : " "),
      description: request.description, passages: passages, queries: queries, qrels: qrels,
      payloads: payloads, provenance: provenance())
  }

  // MARK: Passages

  /// Ends the reading when enough documents were taken.
  private struct EnoughRead: Error {}

  private mutating func writePassages() throws -> BundleFile {
    var selector = Selector(request.selection)
    if case .sample(let count, _) = request.selection {
      var total = 0
      try forEachDocument(rejects: rejects, phase: "counting documents") { _, _ in total += 1 }
      guard count <= total else {
        throw UsageError("a sample of \(count) is asked for, there are \(total) documents")
      }
      selector.total = total
      sources = []
    }
    let isSecondReading = selector.total != nil
    let path = "passages.jsonl"
    let file = try writer.file(path)
    var passageCount = 0
    var blank = 0
    var taken = 0
    let chunker = request.chunker
    let limit = if case .first(let count) = request.selection { count } else { Int.max }
    var pieces = IdentifierTable()
    do {
      try forEachDocument(
        rejects: isSecondReading ? RejectLog(maximum: .max) : rejects, phase: "reading documents"
      ) { document, place in
        guard selector.takes() else { return }
        let passages = chunker.map { Self.passages(of: document, chunker: $0) } ?? [document]
        try pieces.insert(document.id, at: place, pieces: passages.count)
        if passages.count > 1 {
          for passage in passages { try pieces.insert(passage.id, at: place) }
        }
        for passage in passages {
          try file.write(passage.beirObject.serialized() + "\n")
          passageCount += 1
          if Self.isBlank(passage.title), Self.isBlank(passage.text) { blank += 1 }
        }
        taken += 1
        if taken == limit { throw EnoughRead() }
      }
    } catch is EnoughRead {}
    table = pieces
    documentCount = taken
    blankCount = blank
    progress("reading documents", taken)
    return try writer.commit(file, path: path, count: passageCount)
  }

  /// Calls the closure with every document that is acceptable.
  private mutating func forEachDocument(
    rejects: RejectLog, phase: String, _ body: (Passage, Place) throws -> Void
  ) throws {
    var table = IdentifierTable()
    for source in request.passages {
      let kind = try source.reader ?? SourceFormat.detect(source.path)
      if kind != .chunks { isSeparatedByStop = false }
      try note(source, kind: kind, as: "passages")
      try kind.reader.forEachPassage(in: source.path, key: source.key, rejects: rejects) {
        passage, place in
        var passage = passage
        passage.id = source.idPrefix + passage.id
        try RecordCheck.passage(passage, at: place)
        try table.insert(passage.id, at: place)
        if table.count % 256 == 0 { progress(phase, table.count) }
        try body(passage, place)
      }
    }
  }

  /// The chunks of a document as passages; a document of one chunk keeps its identifier.
  static func passages(of document: Passage, chunker: Chunker) -> [Passage] {
    let chunks = chunker.chunks(of: document.text)
    if chunks.count <= 1 { return [document] }
    return chunks.enumerated().map { index, chunk in
      var passage = document
      passage.id = "\(document.id)#\(index + 1)"
      passage.text = chunk.text
      passage.metadata["document"] = .string(document.id)
      passage.metadata["offset"] = JSONValue(chunk.offset)
      passage.metadata["length"] = JSONValue(chunk.length)
      return passage
    }
  }

  /// Whether nothing of the text can be seen: white space, controls, zero-width characters.
  static func isBlank(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
        || scalar.properties.generalCategory == .format
    }
  }

  /// Decides document by document; a sample is drawn by selection sampling (Knuth, The Art of
  /// Computer Programming, volume 2, algorithm 3.4.2 S), which needs nothing but the total.
  private struct Selector {
    let selection: ImportRequest.Selection
    /// The number of documents, once it is known.
    var total: Int?
    private var seen = 0
    private var taken = 0
    private var generator: Philox

    init(_ selection: ImportRequest.Selection) {
      self.selection = selection
      if case .sample(_, let seed) = selection {
        generator = Philox(seed: seed)
      } else {
        generator = Philox(seed: 0)
      }
    }

    mutating func takes() -> Bool {
      guard case .sample(let count, _) = selection, let total else { return true }
      defer { seen += 1 }
      // Uniform in [0, 1) with 53 bits.
      let draw = Double(generator.next() >> 11) * 0x1p-53
      guard draw * Double(total - seen) < Double(count - taken) else { return false }
      taken += 1
      return true
    }
  }

  // MARK: Queries and judgements

  private mutating func writeSet(
    _ named: ImportRequest.NamedSource
  ) throws -> (queries: BundleFile, qrels: BundleFile?) {
    let set = named.name
    let judgements = try request.judgements.first { try utf8Equal(request.set(of: $0), set) }
    var judged: [Judgement] = []
    if let judgements {
      try note(ImportRequest.Source(judgements.path), kind: nil, as: "qrels " + set)
      try JudgementReader.forEach(in: judgements.path, rejects: rejects) { judgement, _ in
        var judgement = judgement
        judgement.query = judgements.queryPrefix + judgement.query
        judged.append(judgement)
      }
    }
    let judgedIDs = Set(judged.map { UTF8Key($0.query) })
    let isJudgedOnly = request.judgedOnly.contains { utf8Equal($0, set) }

    let source = named.source
    let kind = try source.reader ?? SourceFormat.detect(source.path)
    try note(source, kind: kind, as: "queries " + set)
    let path = "queries/\(set).jsonl"
    let file = try writer.file(path)
    var ids = IdentifierTable()
    var count = 0
    var unknown = 0
    var goldRows: [Judgement] = []
    let table = self.table
    try kind.reader.forEachQuery(in: source.path, key: source.key, rejects: rejects) {
      query, place in
      var query = query
      query.id = source.idPrefix + query.id
      try RecordCheck.query(query, at: place)
      try ids.insert(query.id, at: place)
      if isJudgedOnly, !judgedIDs.contains(UTF8Key(query.id)) { return }
      let gold = query.goldPassages
      query.goldPassages = Self.unique(gold.flatMap { Self.passages(of: $0, in: table) })
      unknown += gold.count { table.pieces(of: $0) == 0 }
      goldRows += query.goldPassages.map { Judgement(query: query.id, document: $0, grade: 1) }
      try file.write(query.beirObject.serialized() + "\n")
      count += 1
      if count % 256 == 0 { progress("reading queries of \(set)", count) }
    }
    let queries = try writer.commit(file, path: path, count: count)
    if unknown > 0 { unknownGold.append((set, unknown)) }
    if judgements != nil {
      let strangers = judged.count { !ids.contains($0.query) }
      let strayDocuments = judged.count { table.pieces(of: $0.document) == 0 }
      if strangers > 0 || strayDocuments > 0 {
        unknownJudgements.append((set, strangers, strayDocuments))
      }
      // A judgement of a document that was cut holds for each of its passages.
      goldRows = judged.flatMap { judgement in
        let passages = Self.passages(of: judgement.document, in: table)
        return (passages.isEmpty ? [judgement.document] : passages).map {
          Judgement(query: judgement.query, document: $0, grade: judgement.grade)
        }
      }
    }
    return (queries, goldRows.isEmpty ? nil : try writeJudgements(goldRows, set: set))
  }

  private func writeJudgements(_ rows: [Judgement], set: String) throws -> BundleFile {
    let path = "qrels/\(set).tsv"
    let file = try writer.file(path)
    try file.write("query-id\tcorpus-id\tscore\n")
    for row in rows { try file.write("\(row.query)\t\(row.document)\t\(row.grade)\n") }
    return try writer.commit(file, path: path, count: rows.count)
  }

  /// The passages made of a document, none if it is unknown.
  private static func passages(of document: String, in table: IdentifierTable) -> [String] {
    let pieces = table.pieces(of: document)
    return pieces <= 1
      ? (pieces == 0 ? [] : [document]) : (1...pieces).map { "\(document)#\($0)" }
  }

  private static func unique(_ ids: [String]) -> [String] {
    var seen: Set<UTF8Key> = []
    return ids.filter { seen.insert(UTF8Key($0)).inserted }
  }

  // MARK: Payloads and provenance

  static func writePayloads(
    _ named: ImportRequest.NamedSource, _ folder: String, writer: BundleWriter, rejects: RejectLog
  ) throws -> BundleFile {
    let source = named.source
    let kind = try source.reader ?? SourceFormat.detect(source.path)
    let path = "\(folder)\(named.name).jsonl"
    let file = try writer.file(path)
    var ids = IdentifierTable()
    var count = 0
    try kind.reader.forEachPayload(
      in: source.path, key: source.key, kind: named.name, rejects: rejects
    ) { payload, place in
      try RecordCheck.payload(payload, at: place)
      try ids.insert(payload.id, at: place)
      try file.write(payload.beirObject.serialized() + "\n")
      count += 1
    }
    guard count > 0 || rejects.count > 0 else {
      throw InputError("no payload is in the file", at: Place(file: source.path.shown))
    }
    return try writer.commit(file, path: path, count: count)
  }

  private mutating func note(
    _ source: ImportRequest.Source, kind: ReaderKind?, as role: String
  ) throws {
    var object: JSONObject = [
      "role": .string(role), "file": .string(source.path.lastComponent?.string ?? ""),
    ]
    if !source.path.isDirectory {
      object["sha256"] = .string(try Checksum.sha256(of: source.path))
    }
    if let kind { object["reader"] = .string(kind.rawValue) }
    object["key"] = source.key.map { .string($0) }
    if !source.idPrefix.isEmpty { object["idPrefix"] = .string(source.idPrefix) }
    sources.append(.object(object))
  }

  private func provenance() -> JSONObject {
    var object: JSONObject = [
      "sources": .array(sources), "documents": JSONValue(documentCount),
      "rejects": JSONValue(rejects.count),
    ]
    switch request.selection {
    case .all: break
    case .first(let count): object["selection"] = ["first": JSONValue(count)]
    case .sample(let count, let seed):
      // As text, because a JSON number may not hold 64 bits.
      object["selection"] = ["sample": JSONValue(count), "seed": .string(String(seed))]
    }
    if let chunker = request.chunker {
      let unit = if case .characters = chunker.unit { "characters" } else { "tokens" }
      object["chunks"] = [
        "unit": .string(unit), "size": JSONValue(chunker.size),
        "overlap": JSONValue(chunker.overlap),
      ]
    }
    return object
  }
}
