import Basics
import SystemPackage

/// The objects of a JSON Lines file, or of a file that is one JSON array.
enum JSONRecords {
  /// Calls a closure with each object; malformed ones go to the reject log.
  ///
  /// Lines are read one at a time; an array is parsed as a whole.
  static func forEach(
    in path: FilePath, rejects: RejectLog, _ body: (JSONObject, Place) throws -> Void
  ) throws {
    var lines = try LineReader(path)
    var isFirst = true
    while true {
      let line: Line?
      do {
        line = try lines.next()
      } catch let error as InputError where error.place.line != nil {
        // A line that is too long; behind damaged gzip there is no next line.
        try rejects.add(error)
        continue
      }
      guard let line else { return }
      if line.isBlank { continue }
      if isFirst, line.bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "["),
        path != "-"
      {
        return try forEachElement(in: path, rejects: rejects, body)
      }
      isFirst = false
      let place = Place(file: lines.name, line: line.number, byteOffset: line.byteOffset)
      try rejects.attempt {
        let value = try JSONParser.parse(line, file: lines.name)
        try body(try value.requiredObject(at: place), place)
      }
    }
  }

  private static func forEachElement(
    in path: FilePath, rejects: RejectLog, _ body: (JSONObject, Place) throws -> Void
  ) throws {
    let value = try JSONParser.parse(contentsOf: path)
    guard let elements = value.arrayValue else {
      throw InputError(
        "expected an array of objects, found \(value.summary)", at: Place(file: path.shown))
    }
    for (index, element) in elements.enumerated() {
      let place = Place(file: path.shown, key: String(index))
      try rejects.attempt { try body(try element.requiredObject(at: place), place) }
    }
  }

  /// The object that a whole file holds.
  static func document(_ path: FilePath) throws -> (JSONObject, Place) {
    let place = Place(file: path.shown)
    return (try JSONParser.parse(contentsOf: path).requiredObject(at: place), place)
  }
}
