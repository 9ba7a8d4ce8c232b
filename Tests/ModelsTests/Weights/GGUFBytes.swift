import Basics
import SystemPackage
import Tensors
import TestSupport

@testable import Models

/// Builds GGUF files, right and wrong ones.
struct GGUFBytes {
  /// One tensor of the table.
  struct Tensor {
    var name = "w"
    /// ggml's order: fastest first.
    var sizes: [UInt64] = [2]
    var type: UInt32 = 0
    var offset: UInt64 = 0
  }

  var magic = "GGUF"
  var version: UInt32 = 3
  /// Keys with type and value already encoded.
  var keys: [(String, [UInt8])] = []
  var tensors: [Tensor] = []
  var data: [UInt8] = []
  var tensorCount: UInt64?
  var keyCount: UInt64?
  var alignment = 32

  var bytes: [UInt8] {
    var bytes = Array(magic.utf8) + Self.number(version)
    bytes += Self.number(tensorCount ?? UInt64(tensors.count))
    bytes += Self.number(keyCount ?? UInt64(keys.count))
    for (key, value) in keys { bytes += Self.text(key) + value }
    for tensor in tensors {
      bytes += Self.text(tensor.name) + Self.number(UInt32(tensor.sizes.count))
      for size in tensor.sizes { bytes += Self.number(size) }
      bytes += Self.number(tensor.type) + Self.number(tensor.offset)
    }
    if !tensors.isEmpty {
      bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    }
    return bytes + data
  }

  static func number<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + text.utf8 }

  /// A value with its type's number before it.
  static func value(_ type: UInt32, _ bytes: [UInt8]) -> [UInt8] { number(type) + bytes }

  static func array(_ type: UInt32, count: UInt64, _ bytes: [UInt8]) -> [UInt8] {
    number(UInt32(9)) + number(type) + number(count) + bytes
  }
}

/// Reads bytes as a GGUF file.
struct GGUFBench {
  let directory = try? TemporaryDirectory()

  func open(_ bytes: [UInt8]) throws -> GGUFFile {
    guard let directory else { throw InputError("no temporary directory") }
    return try GGUFFile(directory.write("model.gguf", bytes))
  }

  /// The message with which the bytes are refused, nil if they are not; everything is read.
  func refusal(_ bytes: [UInt8]) throws -> String? {
    do {
      let file = try open(bytes)
      for entry in file.entries { _ = try file.tensor(entry) }
      for key in file.metadata.keys {
        let metadata = file.metadata
        _ = try? metadata.string(key)
        _ = try? metadata.bool(key)
        _ = try? metadata.int(key)
        _ = try? metadata.double(key)
        _ = try? metadata.strings(key)
        _ = try? metadata.ints(key)
        _ = try? metadata.doubles(key)
      }
      return nil
    } catch let error as InputError {
      return error.description
    }
  }
}
