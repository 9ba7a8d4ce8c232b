import Basics
import Models
import Synchronization
import TestSupport
import Testing

@testable import Retrieval

/// The contract of `Embedder`: the bits of a vector depend on the text alone.
@Suite struct EmbedderTests {
  /// Both sides, titles, texts that stand twice, and one that cannot be embedded.
  static let inputs: [EmbeddingInput] = {
    let texts = sampleTexts(150, seed: 5)
    var inputs: [EmbeddingInput] = texts.enumerated().map { number, text in
      number % 3 == 0
        ? .query(text)
        : .passage(title: number % 3 == 1 ? "" : "Title \(number)", text: text, separator: ". ")
    }
    inputs += [inputs[7], inputs[60], .passage(title: "", text: "\u{200B}\n ", separator: " ")]
    return inputs
  }()

  private func values(_ embeddings: Embeddings) -> [UInt32] {
    embeddings.matrix.withValues { $0.map(\.bitPattern) }
  }

  @Test(arguments: TinyRetriever.names)
  func bitsDoNotDependOnThreadsOrCompany(name: String) throws {
    let model = try TinyRetriever.model(name)
    let whole = try Embedder(model: model, threads: 1).embed(Self.inputs)
    let expected = values(whole)
    #expect(whole.unembeddable == [152])
    #expect(whole.matrix.rows == Self.inputs.count)
    for threads in [2, 5] {
      let other = try Embedder(model: model, threads: threads).embed(Self.inputs)
      #expect(values(other) == expected, "\(threads) threads")
      #expect(other.unembeddable == whole.unembeddable)
    }
    for threads in [1, 2] {
      let embedder = Embedder(model: model, threads: threads)
      let alone = try Self.inputs.flatMap { values(try embedder.embed([$0])) }
      #expect(alone == expected, "one by one, \(threads) threads")
    }
    #expect(Set(expected).count > 1000)
  }

  @Test(arguments: TinyRetriever.names)
  func theOrderOfInputsDoesNotMatter(name: String) throws {
    let embedder = Embedder(model: try TinyRetriever.model(name), threads: 2)
    let forwards = try embedder.embed(Self.inputs)
    let backwards = try embedder.embed(Self.inputs.reversed())
    let last = Self.inputs.count - 1
    for row in Self.inputs.indices {
      #expect(
        forwards.matrix[row].map(\.bitPattern) == backwards.matrix[last - row].map(\.bitPattern),
        "input \(row)")
    }
    #expect(backwards.unembeddable == [0])
  }

  @Test func equalInputsAreComputedOnce() throws {
    let embedder = Embedder(model: try TinyRetriever.model(), threads: 2)
    let record = ProgressRecord()
    let texts = sampleTexts(40, seed: 8).map { EmbeddingInput.query($0) }
    let embeddings = try embedder.embed(texts + texts.reversed() + texts) { record.add($0) }
    #expect(record.found == 80)
    #expect(record.total == 120)
    for row in 0..<40 {
      #expect(embeddings.matrix[row] == embeddings.matrix[79 - row])
      #expect(embeddings.matrix[row] == embeddings.matrix[80 + row])
    }
  }

  @Test(arguments: [1, 2, 5])
  func aQueryAloneHasTheSameBits(threads: Int) throws {
    for name in TinyRetriever.names {
      let embedder = Embedder(model: try TinyRetriever.model(name), threads: threads)
      for text in sampleTexts(12, seed: 3) {
        let alone = try #require(embedder.embed(query: text))
        #expect(
          alone.map(\.bitPattern)
            == (try embedder.embed([.query(text)])).matrix[0].map(\.bitPattern),
          "\(name): \(text)")
      }
      #expect(embedder.embed(query: " \n\u{FEFF}") == nil)
    }
  }

  @Test func nothingGivesNothing() throws {
    let embedder = Embedder(model: try TinyRetriever.model(), threads: 2)
    let none = try embedder.embed([])
    #expect(none.matrix.rows == 0 && none.matrix.dimension == 32 && none.unembeddable == [])
  }

  @Test(arguments: ["", " ", "\n\t\r\n", "\u{200B}", "\u{0000}", "\u{FEFF}\u{200D}", "\u{2028}"])
  func aTextWithoutContentIsNamedAndZero(text: String) throws {
    let embedder = Embedder(model: try TinyRetriever.model(), threads: 1)
    let embeddings = try embedder.embed([
      .query("gout"), .query(text), .passage(title: "", text: text, separator: ". "),
      .query("iron"), .query(text),
    ])
    #expect(embeddings.unembeddable == [1, 2, 4])
    for row in [1, 2, 4] { #expect(embeddings.matrix[row].allSatisfy { $0 == 0 }) }
    for row in [0, 3] { #expect(embeddings.matrix[row].contains { $0 != 0 }) }
  }

  @Test(arguments: [1, 2])
  func aCancelledTaskStops(threads: Int) async throws {
    let embedder = Embedder(model: try TinyRetriever.model(), threads: threads)
    let inputs = sampleTexts(600, seed: 1).map { EmbeddingInput.query($0) }
    // Before it begins.
    await #expect(throws: CancellationError.self) {
      try await Task {
        withUnsafeCurrentTask { $0?.cancel() }
        _ = try embedder.embed(inputs)
      }.value
    }
    // On the way, from whatever thread reports progress.
    let done = DoneCount()
    await #expect(throws: CancellationError.self) {
      try await Task {
        let task = withUnsafeCurrentTask { UncheckedTask(task: $0) }
        _ = try embedder.embed(inputs) { count in
          done.value.withLock { $0 += count }
          if count > 0 { task.task?.cancel() }
        }
      }.value
    }
    #expect(done.value.withLock { $0 } <= 32 * threads)
  }
}

/// Inputs that were finished.
final class DoneCount: Sendable {
  let value = Mutex(0)
}

/// `@unchecked Sendable`: used while the task runs, only to cancel it.
struct UncheckedTask: @unchecked Sendable {
  let task: UnsafeCurrentTask?
}
