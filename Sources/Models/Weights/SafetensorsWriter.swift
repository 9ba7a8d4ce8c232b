import Basics
package import SystemPackage
package import Tensors

/// Writing of safetensors files in Float32.
///
/// - SeeAlso: huggingface/safetensors: README, "Format".
package enum SafetensorsWriter {
  /// Writes tensors; the file appears whole.
  ///
  /// - Parameters:
  ///   - tensors: Name, shape and row-major values; names are different.
  ///   - path: The file.
  /// - Throws: `FileError`.
  static func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], to path: FilePath
  ) throws {
    try write(tensors.map { ($0, $1, try Tensor($2, shape: $1)) }, metadata: [:], to: path)
  }

  /// Writes tensors without copying their numbers; the file appears whole.
  ///
  /// - Parameters:
  ///   - tensors: Name, shape and values; names are different.
  ///   - metadata: Texts in the header, in order of their keys.
  ///   - path: The file.
  /// - Throws: `FileError`.
  package static func write(
    _ tensors: [(name: String, shape: [Int], value: Tensor)], metadata: [String: String],
    to path: FilePath
  ) throws {
    var header = JSONObject()
    if !metadata.isEmpty {
      header["__metadata__"] = .object(
        JSONObject(
          metadata.sorted { UTF8Key($0.key) < UTF8Key($1.key) }.map {
            ($0.key, JSONValue.string($0.value))
          }))
    }
    var offset = 0
    for (name, shape, value) in tensors {
      precondition(
        shape.reduce(1, *) == value.count, "'\(name)': shape \(shape), \(value.count) values")
      header[name] = .object([
        "dtype": "F32", "shape": .array(shape.map { JSONValue($0) }),
        "data_offsets": .array([JSONValue(offset), JSONValue(offset + 4 * value.count)]),
      ])
      offset += 4 * value.count
    }
    var text = Array(try JSONValue.object(header).serialized().utf8)
    // Values begin at a multiple of 8.
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    let file = try AtomicFile.Writer(path)
    try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try file.write($0) }
    try file.write(text)
    for (_, _, value) in tensors {
      // Every platform that runs this is little-endian.
      try value.withValues { try file.write(UnsafeRawBufferPointer($0)) }
    }
    try file.commit()
  }
}
