import Basics

/// One document, then the same bytes as JSON Lines.
func fuzzJSON(_ bytes: UnsafeRawBufferPointer) {
  expectReportable {
    let value = try JSONParser.parse(bytes)
    let text = try value.serialized()
    let pretty = try value.serialized(pretty: true)
    for text in [text, pretty] {
      let again = try JSONParser.parse(text)
      precondition(again == value, "another value after writing: \(text)")
    }
  }
  expectReportable {
    var lines = try LineReader(Scratch.file("lines.jsonl", bytes), maximumLineBytes: 1 << 12)
    var number = 0
    var count = 0
    while true {
      do {
        guard let line = try lines.next() else { break }
        precondition(line.number > number, "line \(line.number) after \(number)")
        number = line.number
        expectReportable { _ = try JSONParser.parse(line, file: lines.name) }
      } catch let error as InputError where error.place.line != nil {
        // A line that is too long is skipped.
      }
      count += 1
      precondition(count <= bytes.count * 1100 + 2, "more lines than there can be")
    }
  }
}

/// Commas and tabs, with quotes and without.
func fuzzCSV(_ bytes: UnsafeRawBufferPointer) {
  let path = Scratch.file("table.csv", bytes)
  for (delimiter, acceptsQuotes) in [
    (CSVReader.Delimiter.comma, true), (.tab, true), (.tab, false),
  ] {
    expectReportable {
      var reader = try CSVReader(
        path, delimiter: delimiter, acceptsQuotes: acceptsQuotes, maximumColumns: 64,
        maximumRowBytes: 1 << 12)
      precondition(!reader.header.isEmpty, "a header of no columns")
      var line = 0
      while true {
        do {
          guard let record = try reader.next() else { break }
          precondition(record.fields.count == reader.header.count, "a row of another length")
          precondition(record.line > line, "line \(record.line) after \(line)")
          line = record.line
          precondition(record[reader.header[0]] != nil, "the first column has no name")
        } catch let error as InputError where error.place.line ?? 0 > line {
          line = error.place.line ?? 0
        }
      }
    }
  }
}
