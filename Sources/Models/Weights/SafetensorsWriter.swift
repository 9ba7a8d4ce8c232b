import Basics
import SystemPackage

/// Writing of safetensors files in Float32.
///
/// - SeeAlso: huggingface/safetensors: README, "Format".
enum SafetensorsWriter {
  /// Writes tensors; the file appears whole.
  ///
  /// - Parameters:
  ///   - tensors: Name, shape and row-major values; names are different.
  ///   - path: The file.
  /// - Throws: `FileError`.
  static func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], to path: FilePath
  ) throws {
    var header = JSONObject()
    var offset = 0
    for (name, shape, values) in tensors {
      precondition(
        shape.reduce(1, *) == values.count, "'\(name)': shape \(shape), \(values.count) values")
      header[name] = .object([
        "dtype": "F32", "shape": .array(shape.map { JSONValue($0) }),
        "data_offsets": .array([JSONValue(offset), JSONValue(offset + 4 * values.count)]),
      ])
      offset += 4 * values.count
    }
    var text = Array(try JSONValue.object(header).serialized().utf8)
    // Values begin at a multiple of 8.
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    let file = try AtomicFile.Writer(path)
    try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try file.write($0) }
    try file.write(text)
    for (_, _, values) in tensors {
      // Every platform that runs this is little-endian.
      try values.withUnsafeBytes { try file.write($0) }
    }
    try file.commit()
  }
}
