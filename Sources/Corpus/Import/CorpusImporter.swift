public import Basics
import SystemPackage

/// Turns files in public formats into an installed corpus.
///
/// Records are read one at a time; memory holds an entry of 40 bytes for each identifier. The
/// corpus appears under its name when all of it is written, else nothing changes.
public struct CorpusImporter: Sendable {
  /// Says what is being read and how many records were taken so far, every 256 records.
  public typealias Progress = (_ phase: String, _ records: Int) -> Void

  /// Where corpora are installed.
  public let library: CorpusLibrary

  /// An importer into a library.
  public init(library: CorpusLibrary) { self.library = library }

  /// Imports a corpus.
  ///
  /// - Parameters:
  ///   - request: What to import.
  ///   - progress: Called as reading goes on.
  /// - Returns: What was done.
  /// - Throws: `UsageError` for a request that cannot be met or a name that is taken;
  ///   ``ImportRefused`` if too many records are malformed; `FileError`, `LockedError`.
  public func run(
    _ request: ImportRequest, progress: @escaping Progress = { _, _ in }
  ) throws -> ImportReport {
    try request.check()
    let target = library.installedDirectory.appending(request.name)
    if target.exists, !request.replacesExisting {
      throw UsageError(
        "the corpus '\(request.name)' is installed already, in '\(target.shown)'; "
          + "add --force to replace it")
    }
    for source in request.passages + (request.queries + request.payloads).map(\.source) {
      do {
        _ = try source.path.stat()
      } catch {
        throw FileError(cannot: "read", source.path, errno: error, exitStatus: .noInput)
      }
    }
    let writer = try BundleWriter(name: request.name, in: library.installedDirectory)
    defer { writer.abandon() }
    let list = library.installedDirectory.appending("\(request.name).rejects.jsonl")
    try DirectoryTree.remove(list)
    var run = ImportRun(
      request: request, writer: writer,
      rejects: RejectLog(path: list, maximum: request.maximumRejects), progress: progress)
    let manifest = try run.write()
    try writer.publish(BundleManifest.fileName, manifest.json)
    return ImportReport(
      bundle: try library.bundle(named: request.name), documents: run.documentCount,
      passages: manifest.passages.count, blankPassages: run.blankCount,
      rejects: run.rejects.count, rejectList: run.rejects.count > 0 ? list : nil,
      unknownGold: run.unknownGold, unknownJudgements: run.unknownJudgements)
  }

  /// Installs payload kinds that every corpus has; kinds of other names stay as they are.
  ///
  /// - Parameters:
  ///   - payloads: The kinds.
  ///   - provenance: How they were made.
  /// - Throws: ``ImportRefused`` for malformed records, `UsageError` for a name that is not valid,
  ///   `FileError`, `LockedError`.
  public func installSharedPayloads(
    _ payloads: [ImportRequest.NamedSource], provenance: JSONObject = JSONObject()
  ) throws {
    for payload in payloads { try CorpusName.check(payload.name, of: "payload kind") }
    let writer = try BundleWriter(
      name: SharedPayloads.directoryName, in: library.installedDirectory)
    defer { writer.abandon() }
    let rejects = RejectLog()
    var files: [(kind: String, file: BundleFile)] = []
    var provenance = provenance
    if let existing = try? SharedPayloads(directory: writer.target) {
      for (kind, file) in existing.files
      where !payloads.contains(where: { utf8Equal($0.name, kind) }) {
        let copy = try writer.file(file.path)
        let bytes = try FileBytes.read(existing.directory.appending(file.path), limit: file.bytes)
        try copy.write(bytes)
        files.append((kind, try writer.commit(copy, path: file.path, count: file.count)))
      }
      for (key, value) in existing.provenance.members where provenance[key] == nil {
        provenance[key] = value
      }
    }
    for payload in payloads {
      files.append(
        (payload.name, try ImportRun.writePayloads(payload, "", writer: writer, rejects: rejects)))
    }
    try rejects.finish()
    try writer.publish(
      SharedPayloads.fileName, SharedPayloads.manifest(files, provenance: provenance))
  }
}
