import Basics
import Corpus
import Models
import Retrieval
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// An index is built once, resumed where it stopped, and never taken for another corpus's.
@Suite struct CorpusIndexBuilderTests {
  private static let passages: [Passage] = sampleTexts(1300, seed: 21).enumerated().map {
    Passage(
      id: "p\($0)", title: $0 % 2 == 0 ? "" : "Title \($0)", text: $0 == 78 ? "\u{200B}" : $1,
      metadata: ["n": JSONValue($0)])
  }

  /// Stages begun, with their sizes, and passages done in the last of them.
  private final class Record: Sendable {
    let stages = Mutex<[String]>([])
    let done = Mutex(0)

    func begin(_ stage: CorpusIndexBuilder.Stage) {
      done.withLock { $0 = 0 }
      stages.withLock {
        switch stage {
        case .importing(let total): $0.append("import \(total)")
        case .embedding(let total): $0.append("embed \(total)")
        }
      }
    }
  }

  private func build(
    _ bundle: CorpusBundle, _ indexes: FilePath, _ model: EmbeddingModel, threads: Int = 2,
    record: Record = Record(), advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> CorpusIndex {
    try CorpusIndexBuilder(
      bundle: bundle, embedder: Embedder(model: model, threads: threads), indexes: indexes
    ).build(
      begin: record.begin,
      advance: { count in
        record.done.withLock { $0 += count }
        advance(count)
      })
  }

  private func bits(_ index: CorpusIndex) -> [UInt32] {
    index.vectors.withValues { $0.map(\.bitPattern) }
  }

  @Test func theSecondBuildDoesNothing() throws {
    let directory = try TemporaryDirectory()
    let bundle = try makeBundle("c", in: directory, passages: Self.passages, separator: ". ")
    let model = try TinyRetriever.model()
    let record = Record()
    let builder = CorpusIndexBuilder(
      bundle: bundle, embedder: Embedder(model: model, threads: 1),
      indexes: directory.file("indexes"))
    #expect(try !builder.isComplete())
    let first = try build(bundle, directory.file("indexes"), model, record: record)
    #expect(try builder.isComplete())
    #expect(record.stages.withLock { $0 } == ["import 1300", "embed 1300"])
    #expect(record.done.withLock { $0 } == 1300)
    #expect(first.vectors.rows == 1299, "one passage has nothing to embed")
    #expect(first.state.documents == 1300)

    let again = Record()
    let second = try build(bundle, directory.file("indexes"), model, threads: 1, record: again)
    #expect(again.stages.withLock { $0 } == [])
    #expect(bits(second) == bits(first))

    // The vectors are those of the passages, in their order.
    let kept = Self.passages.filter { $0.id != "p78" }
    let direct = try Embedder(model: model, threads: 1).embed(
      kept.map { .passage(title: $0.title, text: $0.text, separator: ". ") })
    #expect(first.documentIDs.map(\.string) == kept.map(\.id))
    #expect(bits(first) == direct.matrix.withValues { $0.map(\.bitPattern) })
    try first.store.close()
    try second.store.close()
  }

  @Test func anotherRetrieverUsesTheSameStore() throws {
    let directory = try TemporaryDirectory()
    let bundle = try makeBundle("c", in: directory, passages: Array(Self.passages.prefix(60)))
    let bert = try build(bundle, directory.file("indexes"), try TinyRetriever.model())
    let record = Record()
    let mpnet = try build(
      bundle, directory.file("indexes"), try TinyRetriever.model("tiny-mpnet"), record: record)
    #expect(record.stages.withLock { $0 } == ["embed 60"])
    #expect(mpnet.store.path == bert.store.path)
    #expect(bits(mpnet) != bits(bert))
    #expect(try mpnet.store.retrievers().count == 2)
  }

  /// Stopped during the import, and in each part of the embedding.
  @Test(arguments: [1, 700, 1300, 1301, 1900, 2400, 2599])
  func aStoppedBuildIsResumed(after count: Int) async throws {
    let directory = try TemporaryDirectory()
    let bundle = try makeBundle("c", in: directory, passages: Self.passages)
    let model = try TinyRetriever.model()
    let indexes = directory.file("indexes")
    let whole = try build(bundle, directory.file("undisturbed"), model)

    let seen = DoneCount()
    await #expect(throws: CancellationError.self) {
      try await Task {
        let task = withUnsafeCurrentTask { UncheckedTask(task: $0) }
        _ = try build(bundle, indexes, model) { step in
          let isOver = seen.value.withLock { seen in
            seen += step
            return seen >= count
          }
          if isOver { task.task?.cancel() }
        }
        // Cancelled behind the last passage: nothing was left to be stopped.
        throw CancellationError()
      }.value
    }
    let record = Record()
    let resumed = try build(bundle, indexes, model, record: record)
    #expect(bits(resumed) == bits(whole))
    #expect(resumed.documentIDs == whole.documentIDs)
    #expect(resumed.state.checksum == whole.state.checksum)
    // What was committed is not done again: passages by 512.
    let stages = record.stages.withLock { $0 }
    if count > 1300 { #expect(!stages.contains { $0.hasPrefix("import") }, "\(stages)") }
    if count >= 1900 { #expect(!stages.contains("embed 1300"), "\(stages)") }
    #expect(try resumed.store.verify() == [])
  }

  @Test func changedPassagesGoToAnotherFolder() throws {
    let directory = try TemporaryDirectory()
    let indexes = directory.file("indexes")
    let model = try TinyRetriever.model()
    var passages = Array(Self.passages.prefix(40))
    let old = try makeBundle("c", in: directory, passages: passages)
    let first = try build(old, indexes, model)
    let rows = bits(first)

    passages[3].text += " changed"
    let new = try makeBundle("c", in: directory, passages: passages)
    let other = try makeBundle("d", in: directory, passages: passages)
    let separated = try makeBundle("c", in: directory, passages: passages, separator: ". ")
    let folders = [old, new, other, separated].map {
      CorpusIndexBuilder.directory(of: $0, in: indexes)
    }
    #expect(Set(folders).count == 4)
    let record = Record()
    let second = try build(new, indexes, model, record: record)
    #expect(record.stages.withLock { $0 } == ["import 40", "embed 40"])
    #expect(bits(second) != rows)
    #expect(bits(try build(old, indexes, model)) == rows, "the old index is as it was")
    #expect(try DirectoryListing.names(in: indexes).count == 2)
  }
}
