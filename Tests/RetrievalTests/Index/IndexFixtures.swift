import Models
import Retrieval

/// Seeded numbers for index tests (SplitMix64).
struct IndexRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func bits() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in -1..<1.
  mutating func value() -> Float { Float(bits() >> 40) / Float(1 << 23) - 1 }

  mutating func vectors(_ rows: Int, _ dimension: Int) throws -> VectorMatrix {
    try VectorMatrix(
      (0..<rows * dimension).map { _ in value() }, rows: rows, dimension: dimension)
  }

  /// Points around `clusters` centres, as passages lie around topics.
  mutating func clustered(_ rows: Int, _ dimension: Int, clusters: Int) throws -> VectorMatrix {
    let centres = try vectors(clusters, dimension)
    var values: [Float] = []
    for row in 0..<rows {
      for centre in centres[row % clusters] { values.append(centre + 0.4 * value()) }
    }
    return try VectorMatrix(values, rows: rows, dimension: dimension)
  }
}

extension VectorMatrix {
  /// Some rows as a matrix of their own.
  func rows(_ range: Range<Int>) throws -> VectorMatrix {
    try VectorMatrix(
      range.flatMap { self[$0] }, rows: range.count, dimension: dimension)
  }
}

/// Exact search in the plainest way, in Float64.
func plainRanking(
  _ vectors: VectorMatrix, ids: [Int64], query: [Float], similarity: Similarity, k: Int
) -> [(id: Int64, score: Double)] {
  let q = query.map(Double.init)
  func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  let scored = (0..<vectors.rows).map { row -> (id: Int64, score: Double) in
    let x = vectors[row].map(Double.init)
    let score =
      switch similarity {
      case .innerProduct: dot(x, q)
      case .cosine: dot(x, q) / (dot(x, x) * dot(q, q)).squareRoot()
      case .l2: -zip(x, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
    return (ids[row], score)
  }
  return Array(
    scored.sorted { $0.score > $1.score || ($0.score == $1.score && $0.id < $1.id) }.prefix(k))
}

/// The mean share of the true neighbours that an index found.
func recall(_ found: [[Neighbor]], of truth: [[Neighbor]]) -> Double {
  let shares = zip(found, truth).map { found, truth in
    Double(Set(found.map(\.id)).intersection(truth.map(\.id)).count) / Double(truth.count)
  }
  return shares.reduce(0, +) / Double(shares.count)
}
