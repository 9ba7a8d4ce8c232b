import Basics
import SystemPackage
import TestSupport

/// Named Float32 arrays of one fixture: `NAME.json` describes, `NAME.f32` holds them.
struct GoldenArrays {
  let description: JSONObject
  private let values: [Float]

  init(_ topic: String, _ name: String) throws {
    let folder = Checkout.fixture(topic)
    description = try JSONParser.parse(contentsOf: folder.appending(name + ".json"))
      .requiredObject()
    let bytes = try FileBytes.read(folder.appending(name + ".f32"), limit: 1 << 26)
    values = stride(from: 0, to: bytes.count, by: 4).map { at in
      let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * $1) }
      return Float(bitPattern: bits)
    }
  }

  func array(_ name: String) throws -> [Float] {
    for entry in try description.objects("arrays") where try entry.string("name") == name {
      let count = try entry.ints("shape").reduce(1, *)
      let offset = try entry.int("offset")
      return Array(values[offset..<offset + count])
    }
    throw InputError("no array '\(name)'")
  }

  func idLists(_ key: String) throws -> [[Int32]] {
    try description.array(key).map { list in
      (list.arrayValue ?? []).map { Int32($0.intValue ?? -1) }
    }
  }
}
