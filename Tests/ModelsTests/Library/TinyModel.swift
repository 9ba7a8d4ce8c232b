import Basics
import Foundation
import SystemPackage
import TestSupport

@testable import Models

/// Folders that look like models to the library; nothing of them is loaded here.
enum TinyModel {
  /// A safetensors file with one matrix of 2 x 2.
  static func weights(_ first: Float = 1) -> [UInt8] {
    let header = #"{"table":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    bytes += Array(header.utf8)
    for value in [first, 2, 3, 4] {
      bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    return bytes
  }

  static let files: [String: [UInt8]] = [
    "config.json": Array(#"{"model_type": "bert"}"#.utf8),
    "vocab.txt": Array("[PAD]\n[UNK]\n".utf8),
    "model.safetensors": weights(),
  ]

  /// Writes a whole model into a folder of a temporary directory.
  @discardableResult
  static func write(
    to directory: TemporaryDirectory, _ folder: String, without: String? = nil
  ) throws -> FilePath {
    for (name, bytes) in files where name != without {
      try directory.write("\(folder)/\(name)", bytes)
    }
    return directory.file(folder)
  }
}

/// A library in a temporary directory with an installer for it.
final class LibraryBench {
  let directory: TemporaryDirectory
  let library: ModelLibrary

  init() throws {
    directory = try TemporaryDirectory()
    library = ModelLibrary(directory: directory.file("models"))
  }

  func installer(
    _ catalogue: ModelCatalogue = .init(entries: []), pip: [String]? = ["/nonexistent/pip"],
    validate: @escaping @Sendable (FilePath) throws -> Void = { _ in }
  ) -> ModelInstaller {
    var limits = HTTPDownloader.Limits()
    limits.attempts = 2
    return ModelInstaller(
      library: library, catalogue: catalogue,
      downloader: HTTPDownloader(limits: limits, pause: { _ in }),
      packageDownloader: PackageDownloader(command: pip), validate: validate)
  }

  /// Everything in the library's folder but the lock.
  func names() throws -> [String] {
    try DirectoryListing.names(in: library.directory).filter { $0 != ".lock" }
  }

  @discardableResult
  func install(_ name: String) throws -> ModelCard {
    let source = try TinyModel.write(to: directory, "source-\(name)")
    return try installer().importModel(from: source, card: ModelCard(name: name))
  }
}

/// Expects an error of an exit status whose text contains a fragment.
func expectError(
  _ status: Basics.ExitStatus, _ fragment: String, _ body: () throws -> Void
) -> Bool {
  do {
    try body()
  } catch let error as any ReportableError {
    return error.exitStatus == status && error.description.contains(fragment)
  } catch {
    return false
  }
  return false
}
