import Basics
import Glibc
import Tensors

/// Random trees that part rows by one coordinate at a time until each stands alone; what stands alone
/// early is unusual.
///
/// - SeeAlso: Liu, Ting and Zhou 2008, "Isolation forest", algorithms 1 to 3 and equation 2. Splits are
///   drawn as in `sklearn.ensemble.IsolationForest`: a coordinate that varies among the rows of the
///   node, then a value between the smallest and the largest.
struct IsolationForest: Sendable, Equatable {
  /// Where each tree begins.
  private(set) var roots: [Int] = []
  /// The coordinate that a node looks at; −1 for a leaf.
  private(set) var features: [Int] = []
  /// A row goes left if its coordinate is at most this.
  private(set) var thresholds: [Float] = []
  /// The left child's index; the root's for a leaf, whose children are not read.
  private(set) var left: [Int] = []
  private(set) var right: [Int] = []
  /// At a leaf: its depth and what parting the rows that share it would add.
  private(set) var lengths: [Double] = []
  /// The mean path length among as many rows as each tree was grown from.
  let normalizer: Double
  let dimension: Int

  /// The mean length of an unsuccessful search among `count` rows: c(n).
  static func meanPathLength(_ count: Int) -> Double {
    switch count {
    case ...1: return 0
    case 2: return 1
    default:
      let n = Double(count)
      return 2 * (log(n - 1) + 0.577_215_664_901_532_9) - 2 * (n - 1) / n
    }
  }

  /// Grows trees.
  ///
  /// - Parameters:
  ///   - rows: `[n, dimension]`, row-major, finite, n at least 2.
  ///   - dimension: At least 1.
  ///   - trees: How many, at least 1.
  ///   - samples: Rows that each tree is grown from, drawn without replacement; at most n are.
  ///   - seed: Decides samples and splits; each tree has its own stream.
  init(rows: [Float], dimension: Int, trees: Int, samples: Int, seed: UInt64) {
    let count = rows.count / dimension
    let size = min(samples, count)
    self.dimension = dimension
    normalizer = Self.meanPathLength(size)
    let limit = Int(log2(Double(max(size, 2))).rounded(.up))
    for tree in 0..<trees {
      var generator = Philox(seed: seed, stream: UInt64(tree))
      var all = Array(0..<count)
      for position in 0..<size {
        let other = position + Int(generator.next(upperBound: UInt64(count - position)))
        all.swapAt(position, other)
      }
      roots.append(features.count)
      _ = grow(Array(all[..<size]), depth: 0, limit: limit, from: rows, using: &generator)
    }
  }

  /// A forest from its parts, as a state or another program holds them.
  ///
  /// - Throws: `InputError` if a child is not behind its parent or a coordinate does not exist.
  init(
    dimension: Int, normalizer: Double, roots: [Int], features: [Int], thresholds: [Float],
    left: [Int], right: [Int], lengths: [Double]
  ) throws {
    let count = features.count
    guard dimension >= 1, normalizer > 0, !roots.isEmpty,
      roots.allSatisfy({ (0..<count).contains($0) }),
      [thresholds.count, left.count, right.count, lengths.count].allSatisfy({ $0 == count })
    else { throw InputError("the parts of the isolation forest do not fit each other") }
    for node in 0..<count where features[node] != -1 {
      // Children come after their parents, so that every path ends.
      guard (0..<dimension).contains(features[node]), left[node] > node, right[node] > node,
        left[node] < count, right[node] < count
      else { throw InputError("node \(node) of the isolation forest cannot be") }
    }
    self.dimension = dimension
    self.normalizer = normalizer
    self.roots = roots
    self.features = features
    self.thresholds = thresholds
    self.left = left
    self.right = right
    self.lengths = lengths
  }

  private mutating func grow(
    _ members: [Int], depth: Int, limit: Int, from rows: [Float], using generator: inout Philox
  ) -> Int {
    let node = features.count
    features.append(-1)
    thresholds.append(0)
    left.append(node)
    right.append(node)
    lengths.append(Double(depth) + Self.meanPathLength(members.count))
    guard members.count > 1, depth < limit,
      let split = split(members, from: rows, using: &generator)
    else { return node }
    features[node] = split.feature
    thresholds[node] = split.threshold
    var lower: [Int] = []
    var upper: [Int] = []
    for member in members {
      if rows[member * dimension + split.feature] <= split.threshold {
        lower.append(member)
      } else {
        upper.append(member)
      }
    }
    left[node] = grow(lower, depth: depth + 1, limit: limit, from: rows, using: &generator)
    right[node] = grow(upper, depth: depth + 1, limit: limit, from: rows, using: &generator)
    return node
  }

  private func split(
    _ members: [Int], from rows: [Float], using generator: inout Philox
  ) -> (feature: Int, threshold: Float)? {
    var candidates = Array(0..<dimension)
    var left = dimension
    while left > 0 {
      let drawn = Int(generator.next(upperBound: UInt64(left)))
      let feature = candidates[drawn]
      left -= 1
      candidates.swapAt(drawn, left)
      var smallest = Float.infinity
      var largest = -Float.infinity
      for member in members {
        let value = rows[member * dimension + feature]
        smallest = min(smallest, value)
        largest = max(largest, value)
      }
      guard smallest < largest else { continue }
      let share = Double(generator.next() >> 11) * 0x1p-53
      let threshold = Float(Double(smallest) + share * (Double(largest) - Double(smallest)))
      // Rounding must not send all of them left.
      return (feature, threshold < largest ? threshold : smallest)
    }
    return nil
  }

  /// 2 to the minus (mean path length / c): near 1 for what stands alone at once, below 1/2 for what
  /// lies deep.
  func score(_ row: UnsafeBufferPointer<Float>) -> Double {
    var total = 0.0
    for root in roots {
      var node = root
      while features[node] >= 0 {
        node = row[features[node]] <= thresholds[node] ? left[node] : right[node]
      }
      total += lengths[node]
    }
    return exp2(-total / Double(roots.count) / normalizer)
  }
}
