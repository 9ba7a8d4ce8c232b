import Basics
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Models

@Suite struct ModelLibraryTests {
  @Test func emptyLibrary() throws {
    let bench = try LibraryBench()
    #expect(bench.library.list().isEmpty)
    #expect(bench.library.names() == [])
    #expect(expectError(.usage, "not installed") { _ = try bench.library.card(named: "x") })
  }

  @Test func listsWithSizesAndFaults() throws {
    let bench = try LibraryBench()
    try bench.install("b")
    try bench.install("a")
    try bench.install("B")
    try bench.directory.write("models/a/vocab.txt", text: "cut")
    try bench.directory.write("models/no-card/config.json", text: "{}")
    let list = bench.library.list()
    #expect(list.map(\.name) == ["B", "a", "b"])
    #expect(list[0].bytes == TinyModel.files.values.reduce(0) { $0 + $1.count })
    #expect(list[0].fault == nil)
    #expect(list[1].card == nil)
    #expect(list[1].fault?.contains("'vocab.txt' has 3 bytes, expected 12") == true)
  }

  @Test func verifyNamesEveryFault() throws {
    let bench = try LibraryBench()
    try bench.install("tiny")
    try bench.directory.write("models/tiny/model.safetensors", TinyModel.weights(5))
    try bench.directory.write("models/tiny/config.json", text: "{}")
    try LiveFileSystem().unlink(bench.library.path(of: "tiny").appending("vocab.txt"))
    let faults = try bench.library.verify("tiny")
    #expect(faults.map(\.path) == ["config.json", "model.safetensors", "vocab.txt"])
    #expect(faults.first?.kind == .size(expected: 22, found: 2))
    #expect(
      faults[1].kind
        == .checksum(
          expected: Checksum.sha256(TinyModel.weights()),
          found: Checksum.sha256(TinyModel.weights(5))))
    #expect(faults.last?.kind == .missing)
  }

  @Test func damageIsSeenWhenTheModelIsTaken() throws {
    let bench = try LibraryBench()
    try bench.install("tiny")
    let weights = bench.library.path(of: "tiny").appending("model.safetensors")
    #expect(truncate(weights.string, 10) == 0)
    #expect(
      expectError(.badData, "'model.safetensors' has 10 bytes, expected 85") {
        _ = try bench.library.card(named: "tiny")
      })
    // A link in the place of a file is no file of the model.
    try LiveFileSystem().unlink(weights)
    #expect(symlink("/etc/passwd", weights.string) == 0)
    #expect(
      expectError(.badData, "'model.safetensors' is missing") {
        _ = try bench.library.card(named: "tiny")
      })
  }

  @Test func renamedFolder() throws {
    let bench = try LibraryBench()
    try bench.install("tiny")
    try LiveFileSystem().rename(bench.library.path(of: "tiny"), to: bench.library.path(of: "other"))
    #expect(
      expectError(.badData, "the card is of the model 'tiny', expected 'other'") {
        _ = try bench.library.card(named: "other")
      })
  }

  /// Hashing eight gigabytes would take seconds.
  @Test func takingAModelDoesNotReadItsWeights() throws {
    let bench = try LibraryBench()
    var card = try bench.install("big")
    let weights = bench.library.path(of: "big").appending("model.safetensors")
    #expect(truncate(weights.string, 8 << 30) == 0)
    for index in card.files.indices where card.files[index].path == "model.safetensors" {
      card.files[index].bytes = 8 << 30
    }
    try card.write(to: bench.library.path(of: "big"))
    let start = ContinuousClock.now
    for _ in 0..<20 { _ = try bench.library.card(named: "big") }
    #expect(ContinuousClock.now - start < .seconds(1))
  }

  @Test func resolvesNamesAndPaths() throws {
    let bench = try LibraryBench()
    let card = try bench.install("tiny")
    let installed = try bench.library.resolve("tiny")
    #expect(installed.card == card && installed.path == bench.library.path(of: "tiny"))
    let byPath = try bench.library.resolve(bench.library.path(of: "tiny").string)
    for similarity in Similarity.allCases {
      let other = try bench.library.resolve("tiny@\(similarity.rawValue)")
      #expect(other.path == installed.path && other.card.similarity == similarity)
      #expect(other.card.name == "tiny@\(similarity.rawValue)")
    }
    #expect(throws: UsageError.self) { try bench.library.resolve("tiny@euclid") }
    #expect(throws: UsageError.self) { try bench.library.resolve("tine@l2") }
    #expect(byPath.card == card)
    // A folder without a card gets one made of its files.
    let plain = try TinyModel.write(to: bench.directory, "plain model")
    let made = try bench.library.resolve(plain.string).card
    #expect(made.files == card.files && made.kind == .transformer)
    #expect(ModelName.fault(made.name) == nil)
    try LiveFileSystem().unlink(plain.appending("config.json"))
    #expect(try bench.library.resolve(plain.string).card.kind == .static)
  }

  @Test(arguments: [
    ("specter", "'ragbench model fetch specter' gets it"),
    ("spectre", "did you mean 'specter'? 'ragbench model fetch specter' gets it"),
    ("tinny", "did you mean 'tiny'?"),
    ("zzzzzzzzzz", "installed: tiny"),
    ("", "unknown model ''"),
    ("./nowhere", "is no folder of a model"),
    ("../tiny", "is no folder of a model"),
    ("a\u{1B}[31m", "unknown model"),
  ])
  func unknownNames(_ name: String, _ fragment: String) throws {
    let bench = try LibraryBench()
    try bench.install("tiny")
    let catalogue = try ModelCatalogue.read(Checkout.root.appending("Corpora/models.json"))
    do {
      _ = try bench.library.resolve(name, catalogue: catalogue)
      Issue.record("found")
    } catch let error as UsageError {
      #expect(error.description.contains(fragment), "\(error)")
      #expect(!error.description.contains("\u{1B}"))
    }
  }
}
