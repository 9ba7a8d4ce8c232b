import Defenses
import Glibc
import Retrieval

/// A generator for tests: SplitMix64.
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) / 9_007_199_254_740_992 }
  mutating func normal() -> Double { sqrt(-2 * log(uniform())) * cos(2 * .pi * uniform()) }
}

/// Lists of made-up vectors; the similarity is the inner product.
enum SyntheticLists {
  static func row(_ values: [Double]) throws -> EmbeddingRow {
    EmbeddingRow(try VectorMatrix(vector: values.map { Float($0) }), row: 0)
  }

  static func list(
    _ name: String, query: [Double], documents: [[Double]], texts: [String] = [],
    queryText: String = "", subjects: [Int]? = nil
  ) throws -> DetectionList {
    let candidates = try documents.enumerated().map { index, vector in
      DetectionCandidate(
        id: "\(name)-\(index)", title: "", text: index < texts.count ? texts[index] : "",
        vector: try row(vector), similarity: zip(query, vector).reduce(0) { $0 + $1.0 * $1.1 })
    }
    return try DetectionList(
      query: DetectionQuery(id: name, text: queryText, vector: try row(query)),
      candidates: candidates, subjects: subjects)
  }

  /// Queries at random; documents normal with standard deviations 1, 1/2, 1/3, …
  static func gaussian(
    _ count: Int, documents: Int = 5, dimension: Int, seed: UInt64, rotation: [[Double]]? = nil
  ) throws -> [DetectionList] {
    var generator = TestGenerator(seed)
    func rotated(_ x: [Double]) -> [Double] {
      guard let rotation else { return x }
      return rotation.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    return try (0..<count).map { number in
      let query = (0..<dimension).map { _ in generator.normal() }
      let vectors = (0..<documents).map { _ in
        (0..<dimension).map { generator.normal() / Double($0 + 1) }
      }
      return try list(
        "q\(seed)-\(number)", query: rotated(query), documents: vectors.map(rotated))
    }
  }

  /// A rotation: the product of plane rotations.
  static func rotation(_ dimension: Int, seed: UInt64) -> [[Double]] {
    var generator = TestGenerator(seed)
    var matrix = (0..<dimension).map { row in (0..<dimension).map { $0 == row ? 1.0 : 0 } }
    for i in 0..<dimension {
      for j in 0..<i {
        let angle = 2 * .pi * generator.uniform()
        for column in 0..<dimension {
          let (a, b) = (matrix[i][column], matrix[j][column])
          matrix[i][column] = cos(angle) * a - sin(angle) * b
          matrix[j][column] = sin(angle) * a + cos(angle) * b
        }
      }
    }
    return matrix
  }
}
