import Basics
import CKernels
public import SystemPackage
public import Tensors

/// A weight file in the safetensors format, mapped into memory.
///
/// The file is checked whole before anything of it is used: no length in it is trusted, offsets
/// neither overlap nor leave holes, names are compared by bytes. Float32 tensors are served from
/// the mapping without a copy; half-precision ones are widened.
///
/// - SeeAlso: huggingface/safetensors, `README.md`, section "Format".
public struct SafetensorsFile: Sendable {
  /// Element types that occur in such files.
  public enum ElementType: String, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    /// Bytes of one element.
    public var size: Int {
      switch self {
      case .float64, .int64: 8
      case .float32, .int32: 4
      case .float16, .bfloat16, .int16: 2
      case .int8, .uint8, .bool: 1
      }
    }
  }

  /// One tensor of the file.
  public struct Entry: Sendable, Equatable {
    /// The name, as written.
    public let name: String
    /// The element type.
    public let type: ElementType
    /// Sizes of the dimensions; `[]` is a scalar.
    public let shape: [Int]
    /// Where the elements lie in the file.
    public let bytes: Range<Int>

    /// Bytes of memory that ``SafetensorsFile/tensor(_:allowNonFinite:)`` takes: none where the
    /// numbers are Float32 at an aligned place, else what they have as Float32.
    var copiedBytes: Int {
      type == .float32 && bytes.lowerBound % 4 == 0 ? 0 : bytes.count / type.size * 4
    }
  }

  /// Largest header that is read.
  public static let maximumHeaderBytes = 100_000_000

  /// The tensors, in the order of their bytes.
  public let entries: [Entry]
  /// Texts beside the tensors, `__metadata__`.
  public let metadata: [String: String]
  private let file: MappedFile
  private let index: [UTF8Key: Int]

  /// Maps and checks a file.
  ///
  /// - Parameter path: the file.
  /// - Throws: `FileError` if it cannot be read; `InputError` naming the byte or the tensor if it is
  ///   no such file.
  public init(_ path: FilePath) throws {
    let file = try MappedFile(path)
    self.file = file
    (entries, metadata) = try file.withBytes { try Self.contents(of: $0, file: path.shown) }
    index = Dictionary(
      uniqueKeysWithValues: entries.enumerated().map { (UTF8Key($1.name), $0) })
  }

  /// The entry of a name, compared by bytes.
  public func entry(_ name: String) -> Entry? { index[UTF8Key(name)].map { entries[$0] } }

  /// The numbers of a tensor as Float32.
  ///
  /// - Parameters:
  ///   - entry: one of `entries`.
  ///   - allowNonFinite: whether NaN and infinities are let through, for studies.
  /// - Returns: a tensor of the entry's shape.
  /// - Throws: `InputError` if the type is no floating-point type we widen, or at the first number
  ///   that is not finite, naming its index.
  public func tensor(_ entry: Entry, allowNonFinite: Bool = false) throws -> Tensor {
    let place = Place(file: file.path.shown, byteOffset: entry.bytes.lowerBound)
    guard let base = file.bytes.baseAddress.map({ $0 + entry.bytes.lowerBound }) else {
      return try Tensor([], shape: entry.shape)
    }
    let count = entry.bytes.count / entry.type.size
    let tensor: Tensor
    switch entry.type {
    case .float32 where UInt(bitPattern: base) % 4 == 0:
      tensor = Tensor(
        storage: TensorStorage(
          borrowing: base.assumingMemoryBound(to: Float.self), count: count, from: file),
        shape: entry.shape)
    case .float32, .float16, .bfloat16:
      let storage = TensorStorage(capacity: count)
      if entry.type == .float32 {
        UnsafeMutableRawPointer(storage.pointer).copyMemory(from: base, byteCount: count * 4)
      } else {
        // A copy first: the bytes need not be aligned to two.
        let halves = [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
          UnsafeMutableRawBufferPointer(buffer).copyMemory(
            from: UnsafeRawBufferPointer(start: base, count: count * 2))
          initialized = count
        }
        if entry.type == .float16 {
          rbk_widen_f16(halves, count, storage.pointer)
        } else {
          rbk_widen_bf16(halves, count, storage.pointer)
        }
      }
      tensor = Tensor(storage: storage, shape: entry.shape)
    default:
      throw InputError(
        "tensor '\(TerminalText.excerpt(entry.name))' has type \(entry.type.rawValue), expected F32, F16 or BF16",
        at: place)
    }
    if !allowNonFinite { try tensor.requireFinite(entry.name, at: place) }
    return tensor
  }
}

// The header.
extension SafetensorsFile {
  private static func contents(
    of bytes: UnsafeRawBufferPointer, file: String
  ) throws -> (entries: [Entry], metadata: [String: String]) {
    func refuse(_ message: String, at offset: Int = 0) -> InputError {
      InputError(message, at: Place(file: file, byteOffset: offset))
    }
    if let format = WeightFormat.recognise(bytes) {
      throw refuse("this is \(format.rawValue), expected safetensors")
    }
    guard bytes.count >= 8 else {
      throw refuse("header too small: \(bytes.count) of 8 bytes")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(maximumHeaderBytes) else {
      throw refuse("header of \(length) bytes, the limit is \(maximumHeaderBytes)")
    }
    let headerEnd = 8 + Int(length)
    guard headerEnd <= bytes.count else {
      throw refuse("header cut: \(headerEnd - bytes.count) of \(length) bytes are missing")
    }
    let header = UnsafeRawBufferPointer(rebasing: bytes[8..<headerEnd])
    guard header.first == UInt8(ascii: "{") else {
      throw refuse("the header does not start with '{'", at: 8)
    }
    let object = try JSONParser.parse(header, file: file).requiredObject(at: Place(file: file))
    let dataBytes = bytes.count - headerEnd
    var entries: [Entry] = []
    entries.reserveCapacity(object.count)
    for (name, value) in object.members where name != "__metadata__" {
      entries.append(
        try entry(name, value, headerEnd: headerEnd, dataBytes: dataBytes, file: file))
    }
    entries.sort {
      ($0.bytes.lowerBound, $0.bytes.upperBound, UTF8Key($0.name))
        < ($1.bytes.lowerBound, $1.bytes.upperBound, UTF8Key($1.name))
    }
    var end = headerEnd
    for entry in entries {
      guard entry.bytes.lowerBound == end else {
        let kind = entry.bytes.lowerBound < end ? "overlaps the one before" : "leaves a hole"
        throw refuse(
          "tensor '\(TerminalText.excerpt(entry.name))' \(kind): begins at byte \(entry.bytes.lowerBound), expected \(end)",
          at: entry.bytes.lowerBound)
      }
      end = entry.bytes.upperBound
    }
    guard end == bytes.count else {
      throw refuse("\(bytes.count - end) bytes after the last tensor", at: end)
    }
    var metadata: [String: String] = [:]
    for (key, value) in object["__metadata__"]?.objectValue?.members ?? [] {
      metadata[key] = value.stringValue
    }
    return (entries, metadata)
  }

  private static func entry(
    _ name: String, _ value: JSONValue, headerEnd: Int, dataBytes: Int, file: String
  ) throws -> Entry {
    let place = Place(file: file, record: name)
    let object = try value.requiredObject(at: place)
    let typeName = try object.string("dtype", at: place)
    guard let type = ElementType(rawValue: typeName) else {
      throw InputError("unknown element type '\(TerminalText.excerpt(typeName))'", at: place)
    }
    let shape = try object.ints("shape", at: place)
    guard let count = elementCount(of: shape),
      case (let size, let overflow) = count.multipliedReportingOverflow(by: type.size), !overflow
    else {
      throw InputError("shape \(shape) is negative or overflows", at: place)
    }
    let offsets = try object.ints("data_offsets", at: place)
    guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1] else {
      throw InputError("data_offsets \(offsets) are not a range", at: place)
    }
    guard offsets[1] <= dataBytes else {
      throw InputError(
        "data ends at byte \(offsets[1]), the file holds \(dataBytes):"
          + " \(offsets[1] - dataBytes) bytes are missing", at: place)
    }
    guard offsets[1] - offsets[0] == size else {
      throw InputError(
        "shape \(shape) of \(typeName) takes \(size) bytes, data_offsets span"
          + " \(offsets[1] - offsets[0])", at: place)
    }
    return Entry(
      name: name, type: type, shape: shape, bytes: headerEnd + offsets[0]..<headerEnd + offsets[1])
  }
}
