public import Basics
public import SystemPackage

/// Plain text: a folder of `.txt` and `.md` files, or one file.
///
/// Of a folder each file is a passage, with its path below the folder as identifier, in the order
/// of bytes; links and files of other kinds are left out, and nothing but regular files is opened. A
/// name that is not UTF-8 is a refused record.
/// One file is one passage, or, as queries and payloads, one for each line that is not blank.
public struct TextReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .text }
  /// The size of one file, unpacked, that is accepted: 64 MiB.
  public static let maximumFileBytes = 64 << 20
  /// How deep folders may lie in each other.
  public static let maximumDepth = 64

  /// Reads one passage a file.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    if !path.isDirectory {
      try rejects.attempt {
        try readFile(path, id: path.lastComponent?.string ?? path.string, body)
      }
      return
    }
    var names: [UTF8Key] = []
    try collect(path, below: "", depth: 0, rejects: rejects, into: &names)
    names.sort()
    for name in names {
      try rejects.attempt { try readFile(path.appending(name.string), id: name.string, body) }
    }
  }

  /// Reads one query a line; the identifier is the line's number.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try forEachLine(in: path, rejects: rejects) { text, place in
      try body(Query(id: String(place.line ?? 0), text: text), place)
    }
  }

  /// Reads one payload a line; the identifier is the line's number.
  public func forEachPayload(
    in path: FilePath, key: String?, kind: String, rejects: RejectLog,
    _ body: (Payload, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try forEachLine(in: path, rejects: rejects) { text, place in
      try body(Payload(id: String(place.line ?? 0), kind: kind, text: text), place)
    }
  }

  private func readFile(
    _ path: FilePath, id: String, _ body: (Passage, Place) throws -> Void
  ) throws {
    let stream = try ByteStream(path, maximumBytes: Self.maximumFileBytes)
    let bytes = try stream.readAll()
    let place = Place(file: path.shown)
    var start = place
    start.byteOffset = stream.skippedBytes
    let text = try UTF8Check.string(bytes, at: start)
    try body(Passage(id: id, text: text), place)
  }

  private func collect(
    _ folder: FilePath, below prefix: String, depth: Int, rejects: RejectLog,
    into names: inout [UTF8Key]
  ) throws {
    guard depth <= Self.maximumDepth else {
      throw InputError(
        "more than \(Self.maximumDepth) folders in each other", at: Place(file: folder.shown))
    }
    for name in try DirectoryListing.undecodableNames(in: folder) {
      try rejects.add(
        InputError(
          "the name is not valid UTF-8, so it can be no id; rename the file",
          at: Place(file: folder.appending(name).shown)))
    }
    for name in try DirectoryListing.names(in: folder) {
      let path = folder.appending(name)
      // A link could lead in a circle or out of the folder.
      if path.isSymbolicLink { continue }
      if path.isDirectory {
        try collect(
          path, below: prefix + name + "/", depth: depth + 1, rejects: rejects, into: &names)
      } else if isText(name) {
        names.append(UTF8Key(prefix + name))
      }
    }
  }

  private func isText(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".txt", ".md", ".txt.gz", ".md.gz"].contains { lower.hasSuffix($0) }
  }

  private func forEachLine(
    in path: FilePath, rejects: RejectLog, _ body: (String, Place) throws -> Void
  ) throws {
    var lines = try LineReader(path)
    while true {
      let line: Line?
      do {
        line = try lines.next()
      } catch let error as InputError where error.place.line != nil {
        try rejects.add(error)
        continue
      }
      guard let line else { return }
      if line.isBlank { continue }
      let place = Place(file: lines.name, line: line.number, byteOffset: line.byteOffset)
      try rejects.attempt { try body(line.text(file: lines.name), place) }
    }
  }
}
