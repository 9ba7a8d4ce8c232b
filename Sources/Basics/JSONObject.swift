/// A JSON object: members in the order written, keys compared by bytes.
///
/// Lookup is linear up to eight members and by an open-addressing table beyond.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
  private static let linearLimit = 8

  /// The members in the order written.
  public private(set) var members: [(key: String, value: JSONValue)] = []
  /// Positions in `members` plus one, 0 for an empty slot; empty while the search is linear.
  private var slots: [UInt32] = []

  /// An object without members.
  public init() {}

  /// An object with members in the given order; of a repeated key the last value stays.
  public init(_ members: some Sequence<(String, JSONValue)>) {
    for (key, value) in members { self[key] = value }
  }

  /// An object from a literal; of a repeated key the last value stays.
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

  /// The number of members.
  public var count: Int { members.count }
  /// Whether there is no member.
  public var isEmpty: Bool { members.isEmpty }
  /// The keys in the order written.
  public var keys: [String] { members.map(\.key) }

  /// The value of a key; `nil` removes the member, a new key goes to the end.
  public subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      if let value = newValue {
        if !insert(key, value), let position = position(of: key) {
          members[position].value = value
        }
      } else if let position = position(of: key) {
        members.remove(at: position)
        rebuild()
      }
    }
  }

  /// Adds a member at the end, or leaves everything as it is if the key is there already.
  ///
  /// - Returns: Whether the member was added.
  mutating func insert(_ key: String, _ value: JSONValue) -> Bool {
    if members.count < Self.linearLimit {
      for member in members where utf8Equal(member.key, key) { return false }
      members.append((key, value))
      return true
    }
    if slots.count < 2 * (members.count + 1) { rebuild() }
    let slot = self.slot(of: key)
    guard slots[slot] == 0 else { return false }
    members.append((key, value))
    slots[slot] = UInt32(members.count)
    return true
  }

  private func position(of key: String) -> Int? {
    if slots.isEmpty { return members.firstIndex { utf8Equal($0.key, key) } }
    let entry = slots[slot(of: key)]
    return entry == 0 ? nil : Int(entry) - 1
  }

  /// The slot that holds the key, or the empty one where it belongs.
  private func slot(of key: String) -> Int {
    let mask = slots.count - 1
    // Seeded per process by the standard library, so that a file cannot aim at collisions.
    var slot = UTF8Key(key).hashValue & mask
    while slots[slot] != 0, !utf8Equal(members[Int(slots[slot]) - 1].key, key) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func rebuild() {
    guard members.count >= Self.linearLimit else {
      slots = []
      return
    }
    var capacity = 32
    while capacity < 4 * members.count { capacity *= 2 }
    slots = [UInt32](repeating: 0, count: capacity)
    for position in members.indices {
      slots[slot(of: members[position].key)] = UInt32(position + 1)
    }
  }
}

extension JSONObject: Equatable {
  /// Whether both have the same keys with equal values, in any order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
  }
}
