import Basics
import Foundation
import Glibc
public import SystemPackage

/// Turns a BERT encoder in an ONNX file into a folder of Hugging Face's layout, which is then
/// imported like any other. The graph is read and never run.
public enum ONNXConversion {
  /// Files of a tokenizer that are taken along.
  private static let tokenizerFiles = [
    "tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
  ]

  /// Converts into a temporary folder, which goes when the closure ends.
  ///
  /// - Parameters:
  ///   - path: The ONNX file.
  ///   - tokenizer: A folder with `tokenizer.json` or `vocab.txt`.
  ///   - parent: Where the folder is made.
  ///   - body: Takes the folder.
  /// - Throws: As ``convert(_:tokenizer:into:)``; what `body` throws.
  public static func withConverted(
    _ path: FilePath, tokenizer: FilePath, in parent: FilePath, _ body: (FilePath) throws -> Void
  ) throws {
    let folder = parent.appending("onnx-\(getpid())")
    try DirectoryListing.create(folder)
    defer { try? FileManager.default.removeItem(atPath: folder.string) }
    try convert(path, tokenizer: tokenizer, into: folder)
    try body(folder)
  }

  /// Writes `model.safetensors` and `config.json`, and copies the tokenizer.
  ///
  /// - Parameters:
  ///   - path: The ONNX file: Float32 or Float16 weights, or int8 and uint8 ones with their scales.
  ///   - tokenizer: A folder with `tokenizer.json` or `vocab.txt`.
  ///   - directory: A folder that exists.
  /// - Throws: `InputError` if the file holds no BERT encoder, with what is missing; `FileError`.
  public static func convert(
    _ path: FilePath, tokenizer: FilePath, into directory: FilePath
  ) throws {
    let found = tokenizerFiles.filter { tokenizer.appending($0).exists }
    guard found.contains("tokenizer.json") || found.contains("vocab.txt") else {
      throw FileError(
        cannot: "read", tokenizer, reason: "it has neither tokenizer.json nor vocab.txt",
        exitStatus: .noInput)
    }
    let export = try BERTExport(ONNXGraph(path))
    try SafetensorsWriter.write(
      export.tensors.map { ($0.name, $0.shape, $0.values) },
      to: directory.appending("model.safetensors"))
    try AtomicFile.write(
      JSONValue.object(export.configuration).serialized(pretty: true) + "\n",
      to: directory.appending("config.json"))
    for name in found {
      try AtomicFile.write(
        FileBytes.read(tokenizer.appending(name), limit: 1 << 30), to: directory.appending(name))
    }
  }
}
