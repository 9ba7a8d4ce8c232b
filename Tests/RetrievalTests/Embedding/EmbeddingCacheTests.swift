import Basics
import Foundation
import Models
import SystemPackage
import TestSupport
import Testing

@testable import Retrieval

/// What the cache gives equals what would be computed, or it gives nothing.
@Suite struct EmbeddingCacheTests {
  private static let inputs: [EmbeddingInput] = sampleTexts(70, seed: 9).enumerated().map {
    $0 % 2 == 0 ? .query($1) : .passage(title: "T\($0)", text: $1, separator: " ")
  }

  private func embed(
    _ inputs: [EmbeddingInput], _ model: EmbeddingModel, _ path: FilePath
  ) throws -> (values: [[Float]], found: Int) {
    let record = ProgressRecord()
    let embedder = Embedder(model: model, threads: 2, cache: try EmbeddingCache(path))
    let embeddings = try embedder.embed(inputs) { record.add($0) }
    #expect(record.total == inputs.count)
    return ((0..<inputs.count).map { embeddings.matrix[$0] }, record.found)
  }

  @Test(arguments: TinyRetriever.names)
  func theSecondRunComputesNothing(name: String) throws {
    let directory = try TemporaryDirectory()
    let model = try TinyRetriever.model(name)
    let plain = try Embedder(model: model, threads: 1).embed(Self.inputs)
    let first = try embed(Self.inputs, model, directory.file("cache"))
    let second = try embed(Self.inputs.reversed(), model, directory.file("cache"))
    #expect(first.found == 0)
    #expect(second.found == Self.inputs.count)
    #expect(first.values == (0..<Self.inputs.count).map { plain.matrix[$0] })
    #expect(second.values == first.values.reversed())
    // Half of it is new.
    let more = Self.inputs + sampleTexts(30, seed: 10).map { .query($0) }
    #expect(try embed(more, model, directory.file("cache")).found == Self.inputs.count)
  }

  @Test func anotherModelNeverHits() throws {
    let directory = try TemporaryDirectory()
    let models = [
      try TinyRetriever.model("tiny-bert"),
      try TinyRetriever.model("tiny-mpnet"),
      try TinyRetriever.model("tiny-bert-cls"),
      try TinyRetriever.model("tiny-bert") { $0.passageMaximumTokens = 20 },
      try TinyRetriever.model("tiny-bert") { $0.queryPrompt = "ask: " },
      try TinyRetriever.model("tiny-bert") { $0.similarity = .l2 },
      try TinyRetriever.model("tiny-bert") { $0.passageForm = .pair },
    ]
    #expect(Set(models.map(\.identity)).count == models.count)
    for model in models {
      #expect(try embed(Self.inputs, model, directory.file("cache")).found == 0)
    }
    for model in models {
      let again = try embed(Self.inputs, model, directory.file("cache"))
      let plain = try Embedder(model: model, threads: 1).embed(Self.inputs)
      #expect(again.found == Self.inputs.count)
      #expect(again.values == (0..<Self.inputs.count).map { plain.matrix[$0] })
    }
  }

  @Test func sidesAndSeparatorsAreKeptApart() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("cache")
    let asymmetric = try TinyRetriever.model { $0.queryPrompt = "ask: " }
    _ = try embed([.query("iron dose")], asymmetric, path)
    let passage = EmbeddingInput.passage(title: "", text: "iron dose", separator: " ")
    #expect(try embed([passage], asymmetric, path).found == 0)
    #expect(try embed([passage, .query("iron dose")], asymmetric, path).found == 2)

    // One encoder, no prompt: both sides have one vector, so one is enough.
    let symmetric = try TinyRetriever.model()
    let query = try embed([.query("iron dose")], symmetric, path)
    let same = try embed([passage], symmetric, path)
    #expect(same.found == 1 && same.values == query.values)

    // The same two texts joined in another way.
    func titled(_ title: String, _ text: String, _ separator: String) -> EmbeddingInput {
      .passage(title: title, text: text, separator: separator)
    }
    _ = try embed([titled("iron", "dose", ". ")], symmetric, path)
    #expect(try embed([titled("iron", "dose", "; ")], symmetric, path).found == 0)
    #expect(try embed([titled("iron", "dose", ". ")], symmetric, path).found == 1)
    let pairs = try TinyRetriever.model { $0.passageForm = .pair }
    _ = try embed([titled("ab", "c", " ")], pairs, path)
    #expect(try embed([titled("a", "bc", " ")], pairs, path).found == 0)
    #expect(try embed([titled("", "ab c", " ")], pairs, path).found == 0)
    // Canonically equal is not equal: the bytes decide.
    _ = try embed([.query("\u{E9}")], symmetric, path)
    #expect(try embed([.query("e\u{301}")], symmetric, path).found == 0)
  }

  @Test func aVectorOfAnotherLengthIsReplaced() throws {
    let directory = try TemporaryDirectory()
    let model = try TinyRetriever.model()
    let cache = try EmbeddingCache(directory.file("cache"))
    let embedder = Embedder(model: model, threads: 1, cache: cache)
    let input = EmbeddingInput.query("heart")
    let expected = try Embedder(model: model, threads: 1).embed([input]).matrix[0]
    for wrong in [[Float](repeating: 1, count: 31), [], [Float](repeating: 1, count: 64)] {
      try cache.write([(embedder.key(input), wrong)])
      let record = ProgressRecord()
      #expect(try embedder.embed([input]) { record.add($0) }.matrix[0] == expected)
      #expect(record.found == 0)
      let again = ProgressRecord()
      #expect(try embedder.embed([input]) { again.add($0) }.matrix[0] == expected)
      #expect(again.found == 1)
    }
  }

  @Test(arguments: ["this is no database, whatever its name says\n", "SQLite format 3\u{0}rest"])
  func aDamagedFileIsReported(content: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("cache.sqlite", text: content)
    let error = #expect(throws: EmbeddingCacheError.self) { _ = try EmbeddingCache(path) }
    #expect(error?.exitStatus == .badData)
    #expect(error?.description.contains("cache.sqlite") == true)
    #expect(error?.description.contains("delete it") == true)
    #expect(FileManager.default.contents(atPath: path.string) == Data(content.utf8))
  }

  @Test func aFolderOrAnotherDatabaseIsReported() throws {
    let directory = try TemporaryDirectory()
    try directory.write("folder/file", text: "")
    #expect(throws: EmbeddingCacheError.self) { _ = try EmbeddingCache(directory.file("folder")) }
    #expect(throws: EmbeddingCacheError.self) {
      _ = try EmbeddingCache(directory.file("missing/cache"))
    }
  }

  /// Every damaged byte: the right bits, or an error of ours.
  @Test func flippedBytesGiveTheRightBitsOrAnError() throws {
    let directory = try TemporaryDirectory()
    let model = try TinyRetriever.model()
    let inputs = Array(Self.inputs.prefix(24))
    let expected = try embed(inputs, model, directory.file("cache")).values
    let bytes = Array(
      try #require(FileManager.default.contents(atPath: directory.file("cache").string)))
    var (found, refused) = (0, 0)
    try Damage.flipping(bytes, step: 41) { damaged, position in
      let other = try TemporaryDirectory()
      let path = try other.write("cache", damaged)
      do {
        let result = try embed(inputs, model, path)
        #expect(result.values == expected, "byte \(position)")
        found += result.found
      } catch let error as any ReportableError {
        #expect(error is EmbeddingCacheError, "byte \(position): \(error)")
        refused += 1
      }
    }
    #expect(found > 0 && refused > 0)
    for length in [0, 1, 99, 100, 4096, bytes.count / 2, bytes.count - 1] {
      let other = try TemporaryDirectory()
      let path = try other.write("cache", bytes.prefix(length))
      do {
        #expect(try embed(inputs, model, path).values == expected, "\(length) bytes")
      } catch {
        #expect(error is EmbeddingCacheError, "\(length) bytes: \(error)")
      }
    }
  }
}
