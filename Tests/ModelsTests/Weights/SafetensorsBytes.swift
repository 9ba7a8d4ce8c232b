import Basics
import SystemPackage
import Tensors
import TestSupport

@testable import Models

/// Builds safetensors files, right and wrong ones.
enum SafetensorsBytes {
  /// A file of a header as text and data; `length` replaces the header's true length.
  static func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    file(headerBytes: Array(header.utf8), data: data, length: length)
  }

  static func file(
    headerBytes header: [UInt8], data: [UInt8] = [], length: UInt64? = nil
  ) -> [UInt8] {
    let length = (length ?? UInt64(header.count)).littleEndian
    return withUnsafeBytes(of: length) { Array($0) } + header + data
  }

  /// The bytes of Float32 numbers.
  static func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
  }

  /// The bytes of 16-bit patterns.
  static func halves(_ patterns: [UInt16]) -> [UInt8] {
    patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  /// One entry of a header.
  static func entry(
    _ name: String, _ shape: String, _ offsets: String, _ type: String = "F32"
  ) -> String {
    #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  /// A file of Float32 tensors, one behind the other.
  static func file(_ tensors: [(name: String, shape: [Int], values: [Float])]) -> [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for tensor in tensors {
      let end = data.count + tensor.values.count * 4
      entries.append(entry(tensor.name, "\(tensor.shape)", "[\(data.count),\(end)]"))
      data += floats(tensor.values)
    }
    return file("{" + entries.joined(separator: ",") + "}", data: data)
  }
}

/// Reads bytes as a safetensors file.
struct SafetensorsBench {
  let directory = try? TemporaryDirectory()

  func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
    guard let directory else { throw InputError("no temporary directory") }
    return try SafetensorsFile(directory.write("model.safetensors", bytes))
  }

  /// The message with which the bytes are refused, nil if they are not.
  func refusal(_ bytes: [UInt8]) throws -> String? {
    do {
      let file = try open(bytes)
      for entry in file.entries { _ = try file.tensor(entry) }
      return nil
    } catch let error as InputError {
      return error.description
    }
  }
}
