import Basics
import Foundation
import Retrieval
import SystemPackage
import TestSupport

/// A store in a directory of its own.
struct TemporaryStore {
  let directory: TemporaryDirectory
  let origin = ImportOrigin(run: "test", source: "corpus.jsonl")

  init() {
    do {
      directory = try TemporaryDirectory()
    } catch {
      fatalError("\(error)")
    }
  }

  var path: FilePath { directory.file(DocumentStore.fileName) }

  func create() throws -> DocumentStore { try DocumentStore.create(in: directory.path) }

  func open(_ access: DocumentStore.Access = .reading) throws -> DocumentStore {
    try DocumentStore.open(in: directory.path, for: access)
  }

  var bytes: [UInt8] { FileManager.default.contents(atPath: path.string).map(Array.init) ?? [] }

  func overwrite(_ bytes: [UInt8], suffix: String = "") throws {
    try directory.write(DocumentStore.fileName + suffix, bytes)
  }
}

extension RetrieverIdentity {
  static func test(dimension: Int = 4, model: String = "tiny") -> RetrieverIdentity {
    RetrieverIdentity(
      model: model, modelHash: "abc", dimension: dimension, similarity: "cosine",
      titleSeparator: " ", instructionSet: "avx512")
  }
}

/// Documents `d0000` and on with texts of their own.
func documents(_ count: Int, prefix: String = "d") -> [StoredDocument] {
  (0..<count).map { number in
    StoredDocument(
      id: prefix + String(10_000 + number).dropFirst(), title: "Title \(number)",
      text: "The text of document \(number), é and 患者.", metadata: ["n": .integer(Int64(number))],
      line: number + 1)
  }
}

/// The exit status of the error a closure throws, `nil` if it throws none that has one.
func exitStatus(_ body: () throws -> Void) -> ExitStatus? {
  do {
    try body()
    return nil
  } catch {
    return (error as? any ReportableError)?.exitStatus
  }
}
