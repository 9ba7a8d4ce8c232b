import Basics
import TestSupport
import Testing

@Suite struct UTF8CheckTests {
  /// The oracle is Python's strict decoder; see make_fixtures.py.
  @Test func firstFaultAgreesWithPython() throws {
    let rows = try #require(
      try JSONParser.parse(contentsOf: Checkout.fixture("basics/utf8.json")).arrayValue)
    #expect(rows.count > 300)
    for row in try rows.map({ try $0.requiredObject() }) {
      let hex = Array(try row.string("hex").utf8)
      let bytes = try stride(from: 0, to: hex.count, by: 2).map {
        try #require(UInt8(String(decoding: hex[$0..<($0 + 2)], as: UTF8.self), radix: 16))
      }
      let fault = bytes.withUnsafeBytes { UTF8Check.firstFault(in: $0) }
      #expect(try fault == row.optionalInt("fault"), "\(bytes)")
      if let fault {
        let error = #expect(throws: InputError.self) {
          try UTF8Check.string(bytes, at: Place(byteOffset: 10))
        }
        #expect(error?.place.byteOffset == 10 + fault)
      } else {
        #expect(Array(try UTF8Check.string(bytes).utf8) == bytes)
      }
    }
  }
}
