import Basics
import Glibc
import SystemPackage

/// The readers that are fuzzed, by the names that the command line takes.
enum Target: String, CaseIterable {
  case safetensors, gguf, tokenizer, json, csv, manifest, detector

  func run(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .safetensors: fuzzSafetensors(bytes)
    case .gguf: fuzzGGUF(bytes)
    case .tokenizer: fuzzTokenizer(bytes)
    case .json: fuzzJSON(bytes)
    case .csv: fuzzCSV(bytes)
    case .manifest: fuzzManifest(bytes)
    case .detector: fuzzDetector(bytes)
    }
  }
}

/// A file in memory that is written anew for every input.
enum Scratch {
  /// The directory of this process, below `/dev/shm`.
  static let directory: FilePath = {
    let path = FilePath("/dev/shm/ragbench-fuzz-\(getpid())")
    _ = path.withPlatformString { mkdir($0, 0o700) }
    atexit { Scratch.remove() }
    return path
  }()

  /// Writes the input under a name and gives its path.
  static func file(_ name: String, _ bytes: UnsafeRawBufferPointer) -> FilePath {
    let path = directory.appending(name)
    let descriptor = path.withPlatformString {
      open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    }
    guard descriptor >= 0, write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
      fatalError("cannot write \(path)")
    }
    close(descriptor)
    return path
  }

  private static func remove() {
    for name in (try? DirectoryListing.names(in: directory)) ?? [] {
      _ = directory.appending(name).withPlatformString { unlink($0) }
    }
    _ = directory.withPlatformString { rmdir($0) }
  }
}

/// Lets errors of the reportable kind pass, for any other is a finding.
func expectReportable(_ body: () throws -> Void) {
  do {
    try body()
  } catch let error as any ReportableError {
    // The sentence itself is made of hostile input.
    let text = error.description
    precondition(
      text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" },
      "a control character in the message: \(text.debugDescription)")
  } catch {
    fatalError("an error that is not reportable: \(error)")
  }
}
