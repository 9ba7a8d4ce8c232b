/// How the rows of a batch divide into sequences, and which example each sequence belongs to.
///
/// Sequences of any lengths lie one behind the other; nothing is padded. Several sequences may
/// belong to one example, as the question and the passage of one pair do: a gradient "per example"
/// is the sum over all of them.
public struct Packing: Sendable, Equatable {
  /// Start of each sequence and, last, the number of rows.
  public let boundaries: [Int]
  /// The example of each sequence, 0 ..< `exampleCount`.
  public let examples: [Int]
  /// Number of examples of the batch; some may have no sequence here.
  public let exampleCount: Int

  /// Divides rows.
  ///
  /// - Parameters:
  ///   - boundaries: begins with 0, does not descend.
  ///   - examples: the example of each sequence; nil: each is an example of its own.
  ///   - exampleCount: number of examples; nil: one more than the largest.
  public init(boundaries: [Int], examples: [Int]? = nil, exampleCount: Int? = nil) {
    precondition(
      boundaries.first == 0 && zip(boundaries, boundaries.dropFirst()).allSatisfy { $0 <= $1 },
      "Packing: boundaries \(boundaries.prefix(8)) do not begin with 0 or descend")
    let examples = examples ?? Array(0..<boundaries.count - 1)
    let count = exampleCount ?? (examples.max() ?? -1) + 1
    precondition(
      examples.count == boundaries.count - 1 && examples.allSatisfy { (0..<count).contains($0) },
      "Packing: \(boundaries.count - 1) sequences, \(examples.count) examples of \(count)")
    self.boundaries = boundaries
    self.examples = examples
    self.exampleCount = count
  }

  /// Sequences of the given lengths, each an example of its own.
  public init(lengths: [Int]) {
    var boundaries = [0]
    for length in lengths { boundaries.append((boundaries.last ?? 0) + length) }
    self.init(boundaries: boundaries)
  }

  /// Every row is a sequence and an example.
  public static func rows(_ count: Int) -> Packing { Packing(boundaries: Array(0...count)) }

  /// Number of rows.
  public var rowCount: Int { boundaries.last ?? 0 }
  /// Number of sequences.
  public var sequenceCount: Int { boundaries.count - 1 }
  /// Rows of the longest sequence.
  public var longest: Int { zip(boundaries, boundaries.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// Rows of a sequence.
  public func rows(of sequence: Int) -> Range<Int> {
    boundaries[sequence]..<boundaries[sequence + 1]
  }

  /// One row for each sequence, as pooling makes them.
  public var pooled: Packing {
    Packing(
      boundaries: Array(0...sequenceCount), examples: examples, exampleCount: exampleCount)
  }

  /// One number for each row from one for each example.
  public func spread(_ perExample: [Float]) -> [Float] {
    precondition(
      perExample.count == exampleCount,
      "Packing: \(perExample.count) numbers for \(exampleCount) examples")
    var rows: [Float] = []
    rows.reserveCapacity(rowCount)
    for sequence in 0..<sequenceCount {
      rows.append(
        contentsOf: repeatElement(
          perExample[examples[sequence]], count: self.rows(of: sequence).count))
    }
    return rows
  }
}
