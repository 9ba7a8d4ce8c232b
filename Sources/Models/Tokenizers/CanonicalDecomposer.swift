/// Canonical decomposition (NFD) of a stream of scalars, which keeps the alignment.
///
/// Marks are put into canonical order only between two scalars of class 0, so a stream needs no
/// more memory than its longest run of marks.
struct CanonicalDecomposer {
  /// A scalar with its final place.
  struct Output {
    var scalar: UInt32
    var place: ScalarBounds
  }

  private struct Mark {
    var scalar: UInt32
    var combiningClass: UInt8
    /// Whether it is a further part of a decomposition, which stands for no scalar of its own.
    var isInserted: Bool
  }

  private let tables = ScalarTables.shared
  private var marks: [Mark] = []
  /// The places of those marks that are not inserted, in the order of the text: the oracle hands
  /// places out by position, after the marks have changed theirs.
  private var places: [ScalarBounds] = []
  private var lastPlace = ScalarBounds(start: 0, end: 0)

  /// Whether no mark is waiting for its place.
  var isIdle: Bool { marks.isEmpty }

  /// Takes one scalar and appends what has its final place.
  @inline(__always)
  mutating func push(
    _ scalar: UInt32, flags: ScalarFlags, at place: ScalarBounds,
    to output: inout [Output]
  ) {
    let isHangul = (0xAC00...0xD7A3).contains(scalar)
    if !isHangul, flags.isDisjoint(with: [.decomposes, .reorders]) {
      if !marks.isEmpty { flush(to: &output) }
      lastPlace = place
      output.append(Output(scalar: scalar, place: place))
      return
    }
    let parts = tables.decomposition(of: scalar, flags: flags)
    for index in 0..<parts.count {
      let part = parts[index]
      let combiningClass = tables.combiningClass(of: part)
      if combiningClass == 0 {
        if !marks.isEmpty { flush(to: &output) }
        if index == 0 { lastPlace = place }
        output.append(Output(scalar: part, place: lastPlace))
      } else {
        marks.append(Mark(scalar: part, combiningClass: combiningClass, isInserted: index > 0))
        if index == 0 { places.append(place) }
      }
    }
  }

  /// Appends the marks that wait, in canonical order.
  mutating func flush(to output: inout [Output]) {
    // Insertion sort, stable; for the long runs of an adversarial text the library's, also stable.
    if marks.count > 32 {
      marks.sort { $0.combiningClass < $1.combiningClass }
    } else {
      for index in marks.indices.dropFirst() {
        var position = index
        while position > 0, marks[position - 1].combiningClass > marks[position].combiningClass {
          marks.swapAt(position - 1, position)
          position -= 1
        }
      }
    }
    var next = 0
    for mark in marks {
      if !mark.isInserted {
        lastPlace = places[next]
        next += 1
      }
      output.append(Output(scalar: mark.scalar, place: lastPlace))
    }
    marks.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }
}
