import Basics
import Tensors

/// Examples to learn from and examples that are held out; examples that share a key, such as the
/// text of a question, stay on one side.
public struct ExampleSplit: Sendable, Equatable {
  /// Numbers of the examples to learn from, ascending.
  public let training: [Int]
  /// Numbers of the examples that are held out, ascending.
  public let heldOut: [Int]

  /// Splits.
  ///
  /// - Parameters:
  ///   - keys: The keys of each example.
  ///   - share: Share of the examples that is held out, above 0 and below 1: at most so many, as far
  ///     as groups fit. Each side has at least one example if there are two groups of them.
  ///   - seed: Decides which.
  public init(_ keys: [[String]], heldOut share: Double, seed: UInt64) {
    var joined = DisjointGroups(count: keys.count)
    var owner: [UTF8Key: Int] = [:]
    for (index, names) in keys.enumerated() {
      for name in names {
        let key = UTF8Key(name)
        if let other = owner[key] { joined.join(other, index) } else { owner[key] = index }
      }
    }
    let groups = Dictionary(grouping: keys.indices) { joined.first(of: $0) }
      .sorted { $0.key < $1.key }
      .map(\.value)
    var random = Philox(seed: seed, stream: 0x7370_6C69_74)
    var training: [Int] = []
    var heldOut: [Int] = []
    let wanted = max(1, Int((Double(keys.count) * share).rounded()))
    let shuffled = groups.shuffled(using: &random)
    for group in shuffled {
      // A group that does not fit would hold out more than was asked for.
      if heldOut.count + group.count <= wanted { heldOut += group } else { training += group }
    }
    if heldOut.isEmpty, groups.count > 1, let smallest = shuffled.min(by: { $0.count < $1.count }) {
      heldOut = smallest
      let held = Set(smallest)
      training.removeAll { held.contains($0) }
    } else if training.isEmpty, groups.count > 1, let last = shuffled.last {
      training = last
      let kept = Set(last)
      heldOut.removeAll { kept.contains($0) }
    }
    self.training = training.sorted()
    self.heldOut = heldOut.sorted()
  }
}
