import Basics

/// What a record must satisfy before it is let into a corpus.
enum RecordCheck {
  /// Bytes of an identifier that are accepted; the longest path of a file fits.
  static let maximumIdentifierBytes = 4096

  /// Refuses identifiers that the files of a run could not hold.
  static func identifier(_ id: String, at place: Place) throws {
    guard !id.isEmpty else { throw InputError("the id is empty", at: place) }
    guard id.utf8.count <= maximumIdentifierBytes else {
      throw InputError(
        "the id has \(id.utf8.count) bytes, at most \(maximumIdentifierBytes) are accepted",
        at: place.inRecord(id))
    }
    // TREC files separate by tab and newline; the store would cut at NUL.
    if let control = id.unicodeScalars.first(where: { $0.value < 0x20 || $0.value == 0x7F }) {
      throw InputError(
        "the id holds the control character \(TerminalText.escaped(String(control)))",
        at: place.inRecord(id))
    }
  }

  /// Refuses NUL, which the store would silently cut the text at.
  static func text(_ text: String, _ member: String, at place: Place) throws {
    guard let position = text.utf8.firstIndex(of: 0) else { return }
    let offset = text.utf8.distance(from: text.startIndex, to: position)
    throw InputError("NUL (U+0000) at byte \(offset) of '\(member)'", at: place)
  }

  static func passage(_ passage: Passage, at place: Place) throws {
    try identifier(passage.id, at: place)
    let place = place.inRecord(passage.id)
    try text(passage.title, "title", at: place)
    try text(passage.text, "text", at: place)
  }

  static func query(_ query: Query, at place: Place) throws {
    try identifier(query.id, at: place)
    let place = place.inRecord(query.id)
    try text(query.text, "text", at: place)
    for option in query.options {
      try text(option.label, "options", at: place)
      try text(option.text, "options", at: place)
    }
    var labels: Set<UTF8Key> = []
    for option in query.options where !labels.insert(UTF8Key(option.label)).inserted {
      throw InputError(
        "the option '\(TerminalText.excerpt(option.label))' stands twice", at: place)
    }
    if let answer = query.answer, !query.options.isEmpty, !labels.contains(UTF8Key(answer)) {
      throw InputError(
        "the answer '\(TerminalText.excerpt(answer))' is not one of the options "
          + query.options.map { TerminalText.excerpt($0.label) }.joined(separator: ", "),
        at: place)
    }
    for gold in query.goldPassages { try identifier(gold, at: place) }
  }

  static func payload(_ payload: Payload, at place: Place) throws {
    try identifier(payload.id, at: place)
    let place = place.inRecord(payload.id)
    try text(payload.text, "text", at: place)
    if payload.text.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
      throw InputError("the payload is empty", at: place)
    }
  }
}

/// Remembers where each identifier of a corpus stood, in 40 bytes an identifier.
///
/// Identifiers are kept as 128 bits of the standard library's keyed hash, which is seeded anew in
/// every process: input cannot aim at a collision, and chance gives none (2^-80 for 10^7 ids).
struct IdentifierTable {
  private struct Digest: Hashable {
    let first: Int
    let second: Int

    init(_ id: String) {
      let key = UTF8Key(id)
      var one = Hasher()
      one.combine(0 as UInt8)
      one.combine(key)
      var two = Hasher()
      two.combine(1 as UInt8)
      two.combine(key)
      first = one.finalize()
      second = two.finalize()
    }
  }

  private struct Entry {
    var file: UInt32
    var line: UInt32
    /// Passages made of the document.
    var pieces: UInt32
  }

  private var files: [String] = []
  private var entries: [Digest: Entry] = [:]

  /// The number of identifiers.
  var count: Int { entries.count }

  /// Notes an identifier; one that is there already is refused with both places.
  mutating func insert(_ id: String, at place: Place, pieces: Int = 1) throws {
    let name = place.file ?? ""
    if files.last != name { files.append(name) }
    let entry = Entry(
      file: UInt32(files.count - 1), line: UInt32(clamping: place.line ?? 0),
      pieces: UInt32(clamping: pieces))
    if let earlier = entries.updateValue(entry, forKey: Digest(id)) {
      entries[Digest(id)] = earlier
      let earlierPlace = Place(
        file: files[Int(earlier.file)], line: earlier.line == 0 ? nil : Int(earlier.line))
      throw InputError(
        "the id is there already, at \(earlierPlace)", at: place.inRecord(id))
    }
  }

  /// Whether the identifier was noted.
  func contains(_ id: String) -> Bool { entries[Digest(id)] != nil }

  /// The number of passages made of a document, 0 for one that is unknown.
  func pieces(of id: String) -> Int { entries[Digest(id)].map { Int($0.pieces) } ?? 0 }
}
