/// Grouping of sequences so that each group has about as many tokens as a full one.
///
/// A group is a group of sequences, not one long sequence: in a batch every sequence attends to
/// itself alone and counts its positions from 0, so packing changes no gradient of a token. What it
/// gives is steps of even size where lengths differ.
///
/// - SeeAlso: strategy `bfd` of `packing` in huggingface/trl, `trl/data_utils.py`.
public enum SequencePacking {
  /// Best fit, decreasing: the longest sequence first, each into the group that it fills best.
  ///
  /// - Parameters:
  ///   - lengths: Tokens of each sequence, 1 to `maximum`.
  ///   - maximum: Tokens of a full group, at least 1.
  /// - Returns: Groups of indices into `lengths`, each of at most `maximum` tokens; every index once.
  ///   Of equal lengths the lower index goes first, of equal rooms the group that has had it longest.
  public static func bestFitDecreasing(_ lengths: [Int], maximum: Int) -> [[Int]] {
    precondition(
      lengths.allSatisfy { (1...maximum).contains($0) },
      "packing lengths up to \(lengths.max() ?? 0) into \(maximum)")
    let order = lengths.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
    var groups: [[Int]] = []
    var rooms = Rooms(maximum: maximum)
    for index in order {
      let length = lengths[index]
      if let (group, room) = rooms.takeSmallest(from: length) {
        groups[group].append(index)
        rooms.put(group, room: room - length)
      } else {
        rooms.put(groups.count, room: maximum - length)
        groups.append([index])
      }
    }
    return groups
  }

  /// The groups by the tokens that still fit.
  private struct Rooms {
    /// For each room the groups that have it, the first `taken` of which are gone.
    private var groups: [(waiting: [Int], taken: Int)]
    /// Bit `r` says whether a group has the room `r`.
    private var words: [UInt64]

    init(maximum: Int) {
      groups = Array(repeating: ([], 0), count: maximum + 1)
      words = Array(repeating: 0, count: maximum / 64 + 1)
    }

    mutating func put(_ group: Int, room: Int) {
      groups[room].waiting.append(group)
      words[room / 64] |= 1 << UInt64(room % 64)
    }

    /// A group of the smallest room that is at least `length`; nil if none has.
    mutating func takeSmallest(from length: Int) -> (group: Int, room: Int)? {
      var word = length / 64
      var bits = words[word] & (~0 << UInt64(length % 64))
      while bits == 0 {
        word += 1
        guard word < words.count else { return nil }
        bits = words[word]
      }
      let room = word * 64 + bits.trailingZeroBitCount
      let group = groups[room].waiting[groups[room].taken]
      groups[room].taken += 1
      if groups[room].taken == groups[room].waiting.count {
        groups[room] = ([], 0)
        words[word] &= ~(1 << UInt64(room % 64))
      }
      return (group, room)
    }
  }
}
