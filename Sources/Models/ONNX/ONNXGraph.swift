import Basics
import SystemPackage

/// The parts of an ONNX file that a conversion of weights needs: initialisers and nodes. Nothing is
/// executed.
///
/// - SeeAlso: onnx/onnx: `onnx/onnx.proto`.
struct ONNXGraph {
  /// Element types that are read.
  enum Element: Int {
    case float = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
    case float16 = 10

    var bytes: Int {
      switch self {
      case .uint8, .int8: 1
      case .float16: 2
      case .float, .int32: 4
      case .int64: 8
      }
    }
  }

  /// A tensor whose values lie in the file.
  struct Tensor {
    var name: String
    var shape: [Int]
    var type: Int
    /// Raw little-endian values, or the packed values of `float_data`.
    var data: Range<Int>
    /// Values that are written one by one.
    var numbers: [Int64]

    var count: Int { shape.reduce(1, *) }
  }

  /// An operation.
  struct Node {
    var name = ""
    var operation = ""
    var inputs: [String] = []
    var outputs: [String] = []
    var epsilon: Float?
    var axis: Int?
    /// The value of a `Constant`.
    var constant: Tensor?
  }

  let file: MappedFile
  private(set) var tensors: [String: Tensor] = [:]
  private(set) var nodes: [Node] = []
  /// The node that makes a value.
  private(set) var producers: [String: Int] = [:]

  /// Reads a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FileError` if it cannot be read; `InputError` with the byte offset if it is no ONNX
  ///   model, names tensors outside the file, or has a name twice.
  init(_ path: FilePath) throws {
    file = try MappedFile(path)
    let place = Place(file: path.shown)
    let mapped = file
    var graphs: [Range<Int>] = []
    try mapped.withBytes { bytes in
      var reader = ProtobufReader(bytes, 0..<bytes.count, file: path.shown)
      while let (field, value) = try reader.next() {
        if field == 7, case .bytes(let range) = value { graphs.append(range) }
      }
      guard graphs.count == 1 else {
        throw InputError("no ONNX model: \(graphs.count) graphs, expected 1", at: place)
      }
      try readGraph(bytes, graphs[0], place)
    }
    for (number, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        guard producers.updateValue(number, forKey: output) == nil else {
          throw InputError("'\(TerminalText.excerpt(output))' is made twice", at: place)
        }
      }
    }
  }

  private mutating func readGraph(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ place: Place
  ) throws {
    var reader = ProtobufReader(bytes, range, file: place.file ?? "")
    while let (field, value) = try reader.next() {
      guard case .bytes(let part) = value else { continue }
      if field == 1 {
        nodes.append(try Self.node(bytes, part, place))
      } else if field == 5 {
        let tensor = try Self.tensor(bytes, part, place)
        guard tensors.updateValue(tensor, forKey: tensor.name) == nil else {
          throw InputError("tensor '\(TerminalText.excerpt(tensor.name))' stands twice", at: place)
        }
      }
    }
  }

  private static func text(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ place: Place
  ) throws -> String {
    try UTF8Check.string(
      Array(bytes[range]), at: Place(file: place.file, byteOffset: range.lowerBound))
  }

  private static func node(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ place: Place
  ) throws -> Node {
    var node = Node()
    var reader = ProtobufReader(bytes, range, file: place.file ?? "")
    while let (field, value) = try reader.next() {
      guard case .bytes(let part) = value else { continue }
      switch field {
      case 1: node.inputs.append(try text(bytes, part, place))
      case 2: node.outputs.append(try text(bytes, part, place))
      case 3: node.name = try text(bytes, part, place)
      case 4: node.operation = try text(bytes, part, place)
      case 5: try attribute(bytes, part, place, of: &node)
      default: break
      }
    }
    return node
  }

  private static func attribute(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ place: Place, of node: inout Node
  ) throws {
    var name = ""
    var float: Float?
    var integer: Int64?
    var value: Tensor?
    var reader = ProtobufReader(bytes, range, file: place.file ?? "")
    while let (field, part) = try reader.next() {
      switch (field, part) {
      case (1, .bytes(let range)): name = try text(bytes, range, place)
      case (2, .number(let bits)): float = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      case (3, .number(let bits)): integer = Int64(bitPattern: bits)
      case (5, .bytes(let range)): value = try tensor(bytes, range, place)
      default: break
      }
    }
    switch name {
    case "epsilon": node.epsilon = float
    case "axis": node.axis = integer.flatMap { Int(exactly: $0) }
    case "value": node.constant = value
    case "value_int":
      node.constant = integer.map {
        Tensor(name: "", shape: [], type: Element.int64.rawValue, data: 0..<0, numbers: [$0])
      }
    default: break
    }
  }

  private static func tensor(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ place: Place
  ) throws -> Tensor {
    var tensor = Tensor(name: "", shape: [], type: 0, data: 0..<0, numbers: [])
    var isOutside = false
    var reader = ProtobufReader(bytes, range, file: place.file ?? "")
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .number(let size)): tensor.shape.append(try dimension(size, place))
      case (1, .bytes(let part)):
        tensor.shape += try packed(bytes, part, place).map { try dimension($0, place) }
      case (2, .number(let type)): tensor.type = Int(truncatingIfNeeded: type)
      case (4, .bytes(let part)), (9, .bytes(let part)): tensor.data = part
      case (5, .bytes(let part)), (7, .bytes(let part)):
        tensor.numbers += try packed(bytes, part, place).map { Int64(bitPattern: $0) }
      case (5, .number(let number)), (7, .number(let number)):
        tensor.numbers.append(Int64(bitPattern: number))
      case (8, .bytes(let part)): tensor.name = try text(bytes, part, place)
      case (14, .number(let location)): isOutside = location != 0
      default: break
      }
    }
    let shown = TerminalText.excerpt(tensor.name)
    guard !isOutside else {
      throw InputError("tensor '\(shown)' lies in another file, which is not read", at: place)
    }
    var count = 1
    for size in tensor.shape {
      let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
      guard !isTooLarge else { throw InputError("tensor '\(shown)' is too large", at: place) }
      count = product
    }
    if tensor.numbers.isEmpty, let element = Element(rawValue: tensor.type) {
      let (size, isTooLarge) = count.multipliedReportingOverflow(by: element.bytes)
      guard !isTooLarge, size == tensor.data.count else {
        throw InputError(
          "tensor '\(shown)' has \(tensor.data.count) bytes, its shape \(tensor.shape) needs others",
          at: place)
      }
    } else if !tensor.numbers.isEmpty, tensor.numbers.count != count {
      throw InputError(
        "tensor '\(shown)' has \(tensor.numbers.count) values, its shape \(tensor.shape) needs"
          + " \(count)", at: place)
    }
    return tensor
  }

  private static func dimension(_ value: UInt64, _ place: Place) throws -> Int {
    guard let size = Int(exactly: value), size < 1 << 40 else {
      throw InputError("a dimension of \(value)", at: place)
    }
    return size
  }

  private static func packed(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ place: Place
  ) throws -> [UInt64] {
    // A packed list is a run of numbers without keys.
    var values: [UInt64] = []
    var value: UInt64 = 0
    var shift: UInt64 = 0
    for position in range {
      guard shift < 64 else {
        throw InputError(
          "no ONNX model: a number of more than 64 bits",
          at: Place(file: place.file, byteOffset: position))
      }
      value |= UInt64(bytes[position] & 0x7F) << shift
      shift += 7
      if bytes[position] & 0x80 == 0 {
        values.append(value)
        (value, shift) = (0, 0)
      }
    }
    return values
  }

  /// The integers of a tensor of integers; nil for another one.
  func integers(_ tensor: Tensor) -> [Int]? {
    if !tensor.numbers.isEmpty { return tensor.numbers.map { Int($0) } }
    guard let element = Element(rawValue: tensor.type) else { return nil }
    return file.withBytes { bytes -> [Int]? in
      let part = UnsafeRawBufferPointer(rebasing: bytes[tensor.data])
      func values<Value: FixedWidthInteger>(_ type: Value.Type) -> [Int] {
        (0..<tensor.count).map {
          Int(
            truncatingIfNeeded: Value(
              littleEndian: part.loadUnaligned(
                fromByteOffset: $0 * MemoryLayout<Value>.size, as: type)))
        }
      }
      switch element {
      case .int64: return values(Int64.self)
      case .int32: return values(Int32.self)
      case .int8: return values(Int8.self)
      case .uint8: return values(UInt8.self)
      case .float, .float16: return nil
      }
    }
  }

  /// The values of a floating-point tensor; nil for another one.
  func floats(_ tensor: Tensor) -> [Float]? {
    guard let element = Element(rawValue: tensor.type), tensor.numbers.isEmpty else { return nil }
    return file.withBytes { bytes -> [Float]? in
      let part = UnsafeRawBufferPointer(rebasing: bytes[tensor.data])
      switch element {
      case .float:
        return (0..<tensor.count).map {
          Float(
            bitPattern: UInt32(
              littleEndian: part.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
        }
      case .float16:
        return (0..<tensor.count).map {
          HalfPrecision.float(
            UInt16(littleEndian: part.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
        }
      default: return nil
      }
    }
  }
}

/// IEEE 754 binary16.
private enum HalfPrecision {
  static func float(_ bits: UInt16) -> Float { Float(Float16(bitPattern: bits)) }
}
