import Basics
import SystemPackage

/// One line of a table in text, split on demand.
struct LineFields {
  let line: Line
  let place: Place

  var hasTab: Bool { line.bytes.contains(UInt8(ascii: "\t")) }

  /// Calls `body` for each line that is not blank and collects the lines it refuses.
  ///
  /// Errors of the reader itself (a file that ends inside its gzip stream, a line beyond all limits)
  /// end the reading, because what follows is not to be trusted.
  ///
  /// - Returns: The error of each refused line.
  /// - Throws: `RejectedLines` if there are more than `maximumRejects`; what the reader throws.
  static func forEachLine(
    of path: FilePath, maximumRejects: Int, _ body: (LineFields) throws -> Void
  ) throws -> [InputError] {
    var rejects: [InputError] = []
    var reader = try LineReader(path)
    while let line = try reader.next() {
      if line.isBlank { continue }
      do {
        try body(
          LineFields(line: line, place: Place(file: reader.name, line: line.number)))
      } catch let error as InputError {
        rejects.append(error)
      }
    }
    if rejects.count > maximumRejects {
      throw RejectedLines(file: reader.name, rejects: rejects, limit: maximumRejects)
    }
    return rejects
  }

  /// The fields between runs of spaces and tabs.
  func separated() throws -> [String] {
    try strings(
      line.bytes.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
  }

  /// The fields between single tabs; between spaces if the line has no tab.
  func separatedByTabs() throws -> [String] {
    guard hasTab else { return try separated() }
    return try strings(
      line.bytes.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false))
  }

  func separated(expecting count: Int, _ layout: String) throws -> [String] {
    try checked(separated(), count, layout)
  }

  func separatedByTabs(expecting count: Int, _ layout: String) throws -> [String] {
    try checked(separatedByTabs(), count, layout)
  }

  private func checked(
    _ fields: [String], _ count: Int, _ layout: String
  ) throws -> [String] {
    guard fields.count == count else {
      throw InputError(
        "found \(fields.count) \(fields.count == 1 ? "field" : "fields"), "
          + "expected \(count): \(layout)", at: place)
    }
    if let empty = fields.firstIndex(where: \.isEmpty) {
      throw InputError("field \(empty + 1) is empty", at: place)
    }
    return fields
  }

  private func strings(_ slices: [ArraySlice<UInt8>]) throws -> [String] {
    try slices.map { slice in
      guard let text = String(validating: slice, as: UTF8.self) else {
        // The whole line knows the offset of the fault.
        _ = try line.text(file: place.file)
        throw InputError("invalid UTF-8", at: place)
      }
      if slice.contains(0) { throw InputError("a field holds a NUL byte", at: place) }
      return text
    }
  }
}
