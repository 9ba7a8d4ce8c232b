public import Basics
import SystemPackage

/// Named Float32 arrays of one fixture: `NAME.json` describes, `NAME.f32` holds them.
public struct GoldenArrays {
  /// What `NAME.json` says.
  public let description: JSONObject
  private let values: [Float]
  private var places: [String: (shape: [Int], offset: Int)] = [:]

  /// Reads a fixture.
  ///
  /// - Parameters:
  ///   - topic: The folder below `Tests/Fixtures`.
  ///   - name: The two files' name without its ending.
  /// - Throws: `FileError` or `InputError` if one is missing or malformed.
  public init(_ topic: String, _ name: String) throws {
    let folder = Checkout.fixture(topic)
    description = try JSONParser.parse(contentsOf: folder.appending(name + ".json"))
      .requiredObject()
    let bytes = try FileBytes.read(folder.appending(name + ".f32"), limit: 1 << 26)
    values = stride(from: 0, to: bytes.count, by: 4).map { at in
      let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * $1) }
      return Float(bitPattern: bits)
    }
    for entry in try description.objects("arrays") {
      places[try entry.string("name")] = (try entry.ints("shape"), try entry.int("offset"))
    }
  }

  /// The names of all arrays.
  public var names: [String] { places.keys.sorted() }

  /// Sizes of an array's dimensions.
  public func shape(_ name: String) throws -> [Int] { try place(name).shape }

  /// The numbers of an array, row-major.
  public func array(_ name: String) throws -> [Float] {
    let (shape, offset) = try place(name)
    return Array(values[offset..<offset + shape.reduce(1, *)])
  }

  /// A list of lists of ids in the description.
  public func idLists(_ key: String) throws -> [[Int32]] {
    try description.array(key).map { list in
      (list.arrayValue ?? []).map { Int32($0.intValue ?? -1) }
    }
  }

  private func place(_ name: String) throws -> (shape: [Int], offset: Int) {
    guard let place = places[name] else { throw InputError("no array '\(name)'") }
    return place
  }
}
