import Basics
public import SystemPackage
import Tensors

extension CorpusBundle {
  /// The same corpus with fewer passages: those that a question or a judgement of some query sets
  /// names, and others drawn by the seed. Queries, judgements and payloads stay as they are.
  ///
  /// The sample is kept below a folder, so that it is drawn once.
  ///
  /// - Parameters:
  ///   - count: Passages of the sample; more are taken if more are named.
  ///   - seed: Decides the draw.
  ///   - sets: Query sets whose passages are kept; one that the corpus lacks names none.
  ///   - folder: Where samples are kept; it is made if it is missing.
  /// - Returns: The sample; the corpus itself if it has no more passages than that.
  /// - Throws: `InputError` for a damaged file, `FileError` if the sample cannot be written,
  ///   `LockedError` if another process is drawing it.
  public func sample(
    of count: Int, seed: UInt64, keeping sets: [String], keptIn folder: FilePath
  ) throws -> CorpusBundle {
    guard count < passageCount else { return self }
    let sets = querySets.filter { set in sets.contains { utf8Equal($0, set) } }
    let origin = Checksum.sha256(([checksum] + sets).joined(separator: "\n"))
    let name = "\(name)-\(count)-\(seed)-\(origin.prefix(12))"
    let directory = folder.appending(name)
    if !directory.appending(BundleManifest.fileName).exists {
      try writeSample(of: count, seed: seed, keeping: sets, as: name, in: folder)
    }
    return try CorpusBundle(directory: directory, origin: self.origin, shared: shared)
  }

  private func writeSample(
    of count: Int, seed: UInt64, keeping sets: [String], as name: String, in folder: FilePath
  ) throws {
    let writer = try BundleWriter(name: name, in: folder)
    defer { writer.abandon() }
    let kept = try passages(namedBy: sets)
    var isTaken = [Bool](repeating: false, count: passageCount)
    var others: [Int] = []
    var position = 0
    try forEachPassage { passage in
      if kept.contains(UTF8Key(passage.id)) {
        isTaken[position] = true
      } else {
        others.append(position)
      }
      position += 1
    }
    var generator = Philox(seed: seed, stream: 0x73_61_6d_70_6c_65)
    let room = max(0, count - (passageCount - others.count))
    for other in others.shuffled(using: &generator).prefix(room) { isTaken[other] = true }

    var sampled = manifest
    let file = try writer.file(manifest.passages.path)
    position = 0
    var written = 0
    try forEachPassage { passage in
      defer { position += 1 }
      guard isTaken[position] else { return }
      try file.write(JSONValue.object(passage.beirObject).serialized() + "\n")
      written += 1
    }
    sampled.passages = try writer.commit(file, path: manifest.passages.path, count: written)
    for other in manifest.allFiles.dropFirst() {
      let copy = try writer.file(other.path)
      try copy.write(FileBytes.read(directory.appending(other.path), limit: other.bytes))
      _ = try writer.commit(copy, path: other.path, count: other.count)
    }
    sampled.title += ", \(written) of \(passageCount) passages"
    sampled.provenance["sample"] = .object([
      "of": .string(checksum), "passages": JSONValue(count), "seed": .string("\(seed)"),
      "named": JSONValue(passageCount - others.count),
      "namedBy": .array(sets.map { .string($0) }),
    ])
    try writer.publish(BundleManifest.fileName, sampled.json)
  }

  /// Passages that a question of the sets has as gold, or that a judgement grades above 0.
  private func passages(namedBy sets: [String]) throws -> Set<UTF8Key> {
    var named: Set<UTF8Key> = []
    for set in sets {
      for query in try queries(set) { named.formUnion(query.goldPassages.map { UTF8Key($0) }) }
      guard let path = qrelsPath(set) else { continue }
      try JudgementReader.forEach(in: path, rejects: RejectLog()) { judgement, _ in
        if judgement.grade > 0 { named.insert(UTF8Key(judgement.document)) }
      }
    }
    return named
  }
}
