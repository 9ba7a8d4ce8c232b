import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct CSVReaderTests {
  private let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func rows(
    _ path: FilePath, _ delimiter: CSVReader.Delimiter = .comma, quotes: Bool = true,
    files: any FileSystem = LiveFileSystem()
  ) throws -> [[String]] {
    var reader = try CSVReader(path, delimiter: delimiter, acceptsQuotes: quotes, files: files)
    var rows = [reader.header]
    while let row = try reader.next() { rows.append(row.fields) }
    return rows
  }

  private func bytes(_ rows: [[String]]) -> [[[UInt8]]] { rows.map { $0.map { Array($0.utf8) } } }

  /// The oracle is Python's csv module; see make_fixtures.py.
  @Test func readsWhatPythonWrote() throws {
    let object = try JSONParser.parse(contentsOf: Checkout.fixture("basics/table.json"))
      .requiredObject()
    let expected =
      [try object.strings("header")]
      + (try object.array("rows").map { try #require($0.arrayValue).compactMap(\.stringValue) })
    let comma = Checkout.fixture("basics/table.csv")
    #expect(bytes(try rows(comma)) == bytes(expected))
    #expect(bytes(try rows(comma, files: FaultyFileSystem(.trickle))) == bytes(expected))
    #expect(bytes(try rows(Checkout.fixture("basics/table.tsv"), .tab)) == bytes(expected))
    var reader = try CSVReader(comma)
    #expect(try reader.next()?["é"] == "" && reader.next()?["e\u{301}"] == "comma, here")
  }

  @Test func acceptsEndingsMarkAndGzip() throws {
    let expected = [["a", "b"], ["1", "2"]]
    for text in [
      "a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\n1,2", "\u{FEFF}a,b\n1,2", "\"a\",\"b\"\n1,\"2\"",
    ] {
      #expect(try rows(directory.write("x", text: text)) == expected)
      #expect(try rows(directory.write("y", Gzip.compress(Array(text.utf8)))) == expected)
    }
    #expect(
      try rows(directory.write("q", text: "a\tb\n1\"\t\"2\n"), .tab, quotes: false)[1] == [
        "1\"", "\"2",
      ])
    #expect(try rows(directory.write("z", text: "a,b\n,\n"))[1] == ["", ""])
    #expect(try rows(directory.write("one", text: "a\n\n\"\"\nx")) == [["a"], [""], [""], ["x"]])
    #expect(try rows(directory.write("m", text: "a,b\n1,\u{301}x\n"))[1] == ["1", "\u{301}x"])
  }

  /// FAULTS 20 and 28: line and column are named.
  @Test(
    arguments: [
      ("", nil, nil, "is empty"), ("a,a\n", 1, 2, "also that of column 1"),
      ("a,\n", 1, 2, "no name"), ("a,b\n1\n", 2, nil, "1 fields, expected 2"),
      ("a,b\n1,2\n1,2,3\n", 3, nil, "3 fields, expected 2"), ("a,b\n\n", 2, nil, "1 fields"),
      ("a,b\n1,\"x\ny\nz", 2, 2, "not closed"), ("a,b\n\"x\ny\",\"z", 3, 2, "not closed"),
      ("a,b\n1,x\"y\n", 2, 2, "inside a field"), ("a,b\n1,\"x\"y\n", 2, 2, "after the closing"),
      ("a,b\n1,2\r3", 2, 2, "carriage return"), ("a,b\n1,2\r", 2, 2, "carriage return"),
      ("a,b\n1,x\0y\n", 2, 2, "NUL"),
    ] as [(String, Int?, Int?, String)])
  func refuses(text: String, line: Int?, column: Int?, message: String) throws {
    let path = try directory.write("bad", text: text)
    let error = #expect(throws: InputError.self) { try rows(path) }
    #expect(error?.message.contains(message) == true, "\(error?.description ?? "")")
    #expect(
      error?.place.line == line && error?.place.column == column, "\(error?.description ?? "")")
  }

  @Test func badRowsCostOneRow() throws {
    let bytes = Array("a,b\n1,2,3\n4,".utf8) + [0xFF] + Array("\n5,6\n".utf8)
    var reader = try CSVReader(directory.write("x", bytes))
    #expect(throws: InputError.self) { try reader.next() }
    let error = #expect(throws: InputError.self) { try reader.next() }
    #expect(error?.place == Place(file: reader.name, line: 3, column: 2, byteOffset: 10))
    let row = try #require(try reader.next())
    #expect(row.fields == ["5", "6"] && row.line == 4 && row.byteOffset == 14)
    #expect(try reader.next() == nil)
    var broken = try CSVReader(directory.write("y", text: "a\nx\"\nz\n"))
    #expect(throws: InputError.self) { try broken.next() }
    #expect(try broken.next() == nil)
  }

  @Test func columnsAndRowSizeAreLimited() throws {
    let wide = try directory.write("wide", text: String(repeating: ",", count: 1_000_000))
    let error = #expect(throws: InputError.self) { try CSVReader(wide) }
    #expect(error?.message.contains("1000 columns") == true)
    let long = try directory.write("long", text: "a\n\"" + String(repeating: "x\n", count: 100_000))
    var reader = try CSVReader(long, maximumRowBytes: 1000)
    #expect(throws: InputError.self) { try reader.next() }
  }
}
