import Basics

/// A token declared in `added_tokens`.
struct AddedToken: Equatable {
  var content: String
  var id: Int
}

extension TokenizerFile {
  /// The declared special tokens of a file.
  static func addedTokens(of root: JSONObject, at place: Place) throws -> [AddedToken] {
    guard root["added_tokens"] != nil else { return [] }
    let inner = place.inside("added_tokens")
    return try root.objects("added_tokens", at: place).enumerated().map { index, object in
      let entry = inner.inside(String(index))
      let token = AddedToken(
        content: try object.string("content", at: entry), id: try object.int("id", at: entry))
      guard try object.bool("special", at: entry) else {
        throw InputError(
          "\(quoted(entry)): the added token '\(TerminalText.excerpt(token.content))' is not "
            + "special; added tokens that match inside text are not supported", at: place)
      }
      return token
    }
  }

  /// All tokens of the model and the added ones; their ids must be 0 to count - 1, each once.
  static func vocabulary(
    _ object: JSONObject, added: [AddedToken], at place: Place
  ) throws -> Vocabulary {
    let place = place.inside("vocab")
    guard !object.isEmpty else {
      throw InputError("\(quoted(place)): the vocabulary is empty", at: place)
    }
    let further = added.filter { object[$0.content] == nil }
    for token in added {
      guard let id = object[token.content]?.intValue, id != token.id else { continue }
      throw InputError(
        "the added token '\(TerminalText.excerpt(token.content))' has the id \(token.id), "
          + "the vocabulary gives it \(id)", at: place)
    }
    let members = object.members
    let count = members.count + further.count
    // Position in the list of entries, by id.
    var owners = [Int32](repeating: -1, count: count)
    func name(_ entry: Int) -> String {
      let token =
        entry < members.count ? members[entry].key : further[entry - members.count].content
      return "'\(TerminalText.excerpt(token))'"
    }
    func take(_ id: Int?, _ entry: Int, _ found: () -> String) throws {
      guard let id, id >= 0 else {
        throw InputError(
          "\(quoted(place)): expected an id of 0 or more for the token \(name(entry)), found "
            + found(), at: place)
      }
      guard id < count else {
        throw InputError(
          "\(quoted(place)): the token \(name(entry)) has the id \(id), and the vocabulary only "
            + "\(count) tokens", at: place)
      }
      guard owners[id] < 0 else {
        throw InputError(
          "\(quoted(place)): the tokens \(name(Int(owners[id]))) and \(name(entry)) both have the "
            + "id \(id)", at: place)
      }
      owners[id] = Int32(truncatingIfNeeded: entry)
    }
    var totalBytes = 0
    for (index, member) in members.enumerated() {
      try take(member.value.intValue, index) { member.value.summary }
      totalBytes += member.key.utf8.count
    }
    for (index, token) in further.enumerated() {
      try take(token.id, members.count + index) { "the integer \(token.id)" }
    }

    var tokens: [UInt8] = []
    tokens.reserveCapacity(totalBytes)
    var ends: [Int] = []
    ends.reserveCapacity(count)
    for entry in owners {
      let entry = Int(entry)
      var token =
        entry < members.count ? members[entry].key : further[entry - members.count].content
      token.withUTF8 { tokens.append(contentsOf: $0) }
      ends.append(tokens.count)
    }
    var reserved = [Bool](repeating: false, count: count)
    for token in added where reserved.indices.contains(token.id) { reserved[token.id] = true }
    do {
      return try Vocabulary(tokens: tokens, ends: ends, isReserved: reserved)
    } catch {
      throw InputError(
        "\(quoted(place)): the token \(name(Int(owners[error.second]))) stands twice", at: place)
    }
  }

  /// Refuses settings of byte pair encoding that are not supported.
  static func checkPlainBPE(_ object: JSONObject, at place: Place) throws {
    guard try (object.optionalDouble("dropout", at: place) ?? 0) == 0 else {
      throw InputError("\(quoted(place.inside("dropout"))): dropout is not supported", at: place)
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      guard try (object.optionalString(key, at: place) ?? "").isEmpty else {
        throw InputError("\(quoted(place.inside(key))): not supported, expected null", at: place)
      }
    }
  }

  /// Byte pair encoding as SentencePiece models use it.
  static func bpe(
    _ object: JSONObject, _ vocabulary: Vocabulary, _ added: [AddedToken], at place: Place
  ) throws -> any TokenModel {
    guard try !(object.optionalBool("ignore_merges", at: place) ?? false) else {
      throw InputError("\(quoted(place.inside("ignore_merges"))): not supported", at: place)
    }
    let unknown = try object.optionalString("unk_token", at: place).map {
      try id(of: $0, vocabulary, at: place.inside("unk_token"))
    }
    let byteTokens =
      try object.optionalBool("byte_fallback", at: place) ?? false
      ? try byteTokens(in: vocabulary, at: place) : []
    guard unknown != nil || !byteTokens.isEmpty else {
      throw InputError(
        "\(quoted(place)): neither 'unk_token' nor 'byte_fallback': unknown text would be lost",
        at: place)
    }
    return BPEModel(
      vocabulary: vocabulary,
      merges: try merges(
        object.array("merges", at: place), vocabulary, reserved: Set(added.map(\.id)),
        at: place.inside("merges")),
      unknownID: unknown, byteTokens: byteTokens,
      fusesUnknown: try object.optionalBool("fuse_unk", at: place) ?? false)
  }

  private static func byteTokens(in vocabulary: Vocabulary, at place: Place) throws -> [Int32] {
    try (0..<256).map { (byte: Int) -> Int32 in
      let digits = String(byte, radix: 16, uppercase: true)
      let token = "<0x\(byte < 16 ? "0" : "")\(digits)>"
      guard let id = vocabulary.id(of: token) else {
        throw InputError(
          "\(quoted(place.inside("byte_fallback"))): the token '\(token)' is not in the "
            + "vocabulary; byte fallback needs all 256", at: place)
      }
      return id
    }
  }

  /// The merges of a file, a pair or two tokens with a space between each; what gives a reserved id
  /// never merges.
  static func merges(
    _ entries: [JSONValue], _ vocabulary: Vocabulary, reserved: Set<Int>, at place: Place
  ) throws -> MergeTable {
    var table = MergeTable(capacity: entries.count)
    var joined: [UInt8] = []
    for (index, entry) in entries.enumerated() {
      func fault(_ reason: String) -> InputError {
        InputError("\(quoted(place.inside(String(index)))): \(reason)", at: place)
      }
      // Newer files write a pair, older ones two tokens with a space between.
      var left = 0
      joined.removeAll(keepingCapacity: true)
      switch entry {
      case .string(var text):
        text.withUTF8 { joined.append(contentsOf: $0) }
        guard let space = joined.firstIndex(of: 0x20), !joined[(space + 1)...].contains(0x20)
        else {
          throw fault("expected two tokens with a space between, found \(entry.summary)")
        }
        joined.remove(at: space)
        left = space
      case .array(let pair):
        guard pair.count == 2, let first = pair[0].stringValue, let second = pair[1].stringValue
        else { throw fault("expected two tokens, found \(entry.summary)") }
        joined.append(contentsOf: first.utf8)
        left = joined.count
        joined.append(contentsOf: second.utf8)
      default:
        throw fault("expected two tokens, found \(entry.summary)")
      }
      let ids = joined.withUnsafeBufferPointer { bytes in
        (
          left: vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[..<left])),
          right: vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[left...])),
          result: vocabulary.id(of: bytes)
        )
      }
      guard let leftID = ids.left, let rightID = ids.right, let result = ids.result else {
        let part =
          ids.left == nil ? joined[..<left] : ids.right == nil ? joined[left...] : joined[...]
        let token = TerminalText.excerpt(String(decoding: part, as: UTF8.self))
        throw fault("the merge has '\(token)', which is not in the vocabulary")
      }
      table.append(
        left: leftID, right: rightID, result: result, isReserved: reserved.contains(Int(result)))
    }
    return table
  }
}
