import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Models

@Suite struct ModelImportTests {
  @Test func copiesAndRecords() throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source")
    try bench.directory.write("source/pytorch_model.bin", text: "never read")
    try bench.directory.write("source/.git/config", text: "x")
    try bench.directory.write("source/1_Pooling/config.json", text: "{}")
    try bench.directory.write("source/onnx/config.json", text: "{}")
    let wanted = ModelCard(name: "tiny", title: "Tiny", similarity: .l2, passageForm: .pair)
    let card = try bench.installer().importModel(from: source, card: wanted)
    #expect(
      card.files.map(\.path) == [
        "1_Pooling/config.json", "config.json", "model.safetensors", "vocab.txt",
      ])
    let weights = try #require(card.files.first { $0.path == "model.safetensors" })
    #expect(weights.bytes == TinyModel.weights().count)
    #expect(weights.sha256 == Checksum.sha256(TinyModel.weights()))
    #expect(try bench.library.card(named: "tiny") == card)
    #expect(card.title == "Tiny" && card.similarity == .l2 && card.passageForm == .pair)
    let copied = bench.library.path(of: "tiny").appending("model.safetensors")
    #expect(try FileBytes.read(copied, limit: 1000) == TinyModel.weights())
    #expect(try bench.names() == ["tiny"])
    #expect(try bench.library.verify("tiny") == [])
  }

  /// Hugging Face's cache holds links to the files.
  @Test func followsLinksToFiles() throws {
    let bench = try LibraryBench()
    let blobs = try TinyModel.write(to: bench.directory, "blobs")
    let source = bench.directory.file("source")
    try DirectoryListing.create(source)
    for name in TinyModel.files.keys {
      try FileManager.default.createSymbolicLink(
        atPath: source.appending(name).string, withDestinationPath: blobs.appending(name).string)
    }
    _ = try bench.installer().importModel(from: source, card: ModelCard(name: "tiny"))
    #expect(try bench.library.verify("tiny") == [])
    #expect(!bench.library.path(of: "tiny").appending("config.json").isSymbolicLink)
  }

  @Test func separateQueryEncoder() throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "articles")
    let queries = try TinyModel.write(to: bench.directory, "queries")
    let card = try bench.installer().importModel(
      from: source, queryFrom: queries, card: ModelCard(name: "two"), pooling: .cls)
    #expect(card.queryDirectory == "query")
    #expect(card.files.map(\.path).contains("query/model.safetensors"))
    for folder in ["", "query/"] {
      let pooling = bench.library.path(of: "two").appending(folder + "1_Pooling/config.json")
      let json = try JSONParser.parse(contentsOf: pooling).objectValue
      #expect(json?["pooling_mode_cls_token"] == .bool(true))
      #expect(json?["pooling_mode_mean_tokens"] == .bool(false))
    }
    let files = try SentenceTransformerFiles(
      directory: bench.library.path(of: "two").appending("query"))
    #expect(files.pooling == .cls && !files.normalises)
    try LiveFileSystem().unlink(queries.appending("vocab.txt"))
    #expect(
      expectError(.badData, "tokenizer.json or vocab.txt is missing") {
        _ = try bench.installer().importModel(
          from: source, queryFrom: queries, card: ModelCard(name: "three"))
      })
    #expect(try bench.names() == ["two"])
  }

  /// The authors' own pooling goes before one that is asked for.
  @Test func keepsThePoolingOfTheFiles() throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source")
    try bench.directory.write("source/modules.json", text: "[]")
    let card = try bench.installer().importModel(
      from: source, card: ModelCard(name: "tiny"), pooling: .cls)
    #expect(!card.files.map(\.path).contains("1_Pooling/config.json"))
  }

  @Test(arguments: [
    ("config.json", "config.json is missing"),
    ("vocab.txt", "tokenizer.json or vocab.txt is missing"),
    ("model.safetensors", "model.safetensors is missing"),
  ])
  func incomplete(_ file: String, _ fragment: String) throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source", without: file)
    #expect(
      expectError(.badData, fragment) {
        _ = try bench.installer().importModel(from: source, card: ModelCard(name: "tiny"))
      })
    #expect(try bench.names() == [])
  }

  @Test(arguments: [
    ("model.safetensors", "<!DOCTYPE html>", "an HTML page"),
    ("model.safetensors", "version https://git-lfs.github.com/spec/v1\n", "LFS pointer"),
    ("model.safetensors", "\u{1F}", ""),
    ("config.json", "<html><body>404", "an HTML page"),
    ("vocab.txt", "version https://git-lfs.github.com/spec/v1\n", "LFS pointer"),
  ])
  func otherContent(_ file: String, _ text: String, _ fragment: String) throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source")
    try bench.directory.write("source/\(file)", text: text)
    if fragment.isEmpty {
      try bench.directory.write("source/\(file)", [0x80, 2, 0x7D, 0x71, 0, 0x58, 4, 0, 0, 0])
    }
    #expect(
      expectError(.badData, fragment.isEmpty ? "pickle" : fragment) {
        _ = try bench.installer().importModel(from: source, card: ModelCard(name: "tiny"))
      })
    #expect(try bench.names() == [])
  }

  @Test func otherFormatsAreNamed() throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "s", without: "model.safetensors")
    try bench.directory.write("s/pytorch_model.bin", text: "x")
    #expect(
      expectError(.badData, "there is pytorch_model.bin, which is not read") {
        _ = try bench.installer().importModel(from: source, card: ModelCard(name: "tiny"))
      })
  }

  @Test func modelThatDoesNotLoad() throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source")
    let installer = bench.installer { folder in
      // The check sees the folder as it will be, card included.
      #expect(try ModelCard.read(folder).files.count == 3)
      throw InputError("it does not load")
    }
    #expect(
      expectError(.badData, "it does not load") {
        _ = try installer.importModel(from: source, card: ModelCard(name: "tiny"))
      })
    #expect(try bench.names() == [])
  }

  @Test func takenNames() throws {
    let bench = try LibraryBench()
    try bench.install("tiny")
    let source = try TinyModel.write(to: bench.directory, "other")
    try bench.directory.write("other/model.safetensors", TinyModel.weights(7))
    #expect(
      expectError(.usage, "--force replaces it") {
        _ = try bench.installer().importModel(from: source, card: ModelCard(name: "tiny"))
      })
    #expect(try bench.library.verify("tiny") == [])
    let failing = bench.installer { _ in throw InputError("no") }
    #expect(
      expectError(.badData, "no") {
        _ = try failing.importModel(from: source, card: ModelCard(name: "tiny"), force: true)
      })
    let old = try bench.library.card(named: "tiny")
    let new = try bench.installer().importModel(
      from: source, card: ModelCard(name: "tiny"), force: true)
    #expect(old.files != new.files)
    #expect(try bench.library.card(named: "tiny") == new)
    #expect(try bench.library.verify("tiny") == [])
    #expect(try bench.names() == ["tiny"])
  }

  @Test(arguments: [
    "", ".", "..", ".hidden", "-x", "a/b", "a b", "é", "a\n", String(repeating: "a", count: 65),
  ])
  func badNames(_ name: String) throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source")
    #expect(
      expectError(.usage, "the name") {
        _ = try bench.installer().importModel(from: source, card: ModelCard(name: name))
      })
  }

  @Test func folderThatIsNotThere() throws {
    let bench = try LibraryBench()
    let file = try bench.directory.write("file", text: "")
    for path in [bench.directory.file("none"), file] {
      #expect(
        expectError(.noInput, "cannot read") {
          _ = try bench.installer().importModel(from: path, card: ModelCard(name: "tiny"))
        })
    }
  }

  /// A folder with a card of its own is taken with its settings and held to its records.
  @Test func folderWithACard() throws {
    let bench = try LibraryBench()
    let source = try TinyModel.write(to: bench.directory, "source")
    let first = try bench.installer().importModel(
      from: source, card: ModelCard(name: "first", similarity: .l2))
    let folder = bench.library.path(of: "first")
    let proposed = try bench.installer().proposedCard(for: folder, name: "second")
    #expect(proposed.name == "second" && proposed.similarity == .l2)
    let second = try bench.installer().importModel(from: folder, card: proposed)
    #expect(second.files == first.files)
    try TinyModel.weights(9).withUnsafeBytes {
      try AtomicFile.write($0, to: folder.appending("model.safetensors"))
    }
    #expect(
      expectError(.badData, "the card records") {
        var third = proposed
        third.name = "third"
        _ = try bench.installer().importModel(from: folder, card: third)
      })
  }

  @Test func whatDeadProcessesLeft() throws {
    let bench = try LibraryBench()
    try bench.install("tiny")
    try bench.install("gone")
    try bench.directory.write("models/.install-1-half/config.json", text: "{}")
    // Killed between the two renames of a replacement, and after both.
    try LiveFileSystem().rename(
      bench.library.path(of: "gone"), to: bench.library.directory.appending(".replaced-gone"))
    try bench.directory.write("models/.replaced-tiny/config.json", text: "{}")
    try bench.install("third")
    #expect(try bench.names() == ["gone", "third", "tiny"])
    #expect(try bench.library.verify("gone") == [])
    #expect(try bench.library.verify("tiny") == [])
  }

  @Test func oneWriterAtATime() throws {
    let bench = try LibraryBench()
    try DirectoryListing.create(bench.library.directory)
    let lock = try FileLock(bench.library.directory.appending(".lock"))
    #expect(expectError(.locked, "is locked by") { try bench.install("tiny") })
    withExtendedLifetime(lock) {}
  }
}
