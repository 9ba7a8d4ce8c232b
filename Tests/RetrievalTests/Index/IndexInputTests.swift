import Basics
import Models
import Retrieval
import Testing

/// Rows 30 and 35 to 39 of FAULTS.md.
@Suite struct IndexInputTests {
  private func make(_ text: String = "Flat", _ similarity: Similarity = .cosine) throws
    -> FaissIndex
  {
    try FaissIndex(kind: IndexKind(parsing: text), dimension: 2, similarity: similarity)
  }

  @Test(
    arguments: [
      ([.nan, 1], "value nan in column 0 is not finite"),
      ([1, .infinity], "value inf in column 1 is not finite"),
      ([0, -0.0], "norm 0 has no direction for cosine"),
    ] as [([Float], String)], ["Flat", "HNSW8"])
  func badVectors(_ bad: ([Float], String), _ text: String) throws {
    let index = try make(text)
    let vectors = try VectorMatrix([3, 4] + bad.0, rows: 2, dimension: 2)
    #expect(throws: VectorIndexError.vector(name: "vector of id 17", fault: bad.1)) {
      try index.add(vectors, ids: [5, 17])
    }
    #expect(index.count == 0)
    #expect(throws: VectorIndexError.vector(name: "query row 1", fault: bad.1)) {
      try index.search(vectors, k: 1)
    }
    #expect(throws: VectorIndexError.vector(name: "vector row 1", fault: bad.1)) {
      try ExactScan(vectors, similarity: .cosine)
    }
  }

  @Test func hugeVectorsOverflow() throws {
    let vectors = try VectorMatrix(vector: [1e19, 1e19])
    #expect {
      try make("Flat", .l2).add(vectors, ids: [1])
    } throws: {
      ($0 as? VectorIndexError)?.description.hasSuffix("overflows a Float32 score") ?? false
    }
    // Cosine needs the direction only, of long and of short vectors.
    let index = try make()
    let rows: [Float] = [1e38, 1e38, 0x1p-133, 0]
    let matrix = try VectorMatrix(rows, rows: 2, dimension: 2)
    try index.add(matrix, ids: [1, 2])
    let query = try VectorMatrix(vector: [0x1p-132, 0])
    let scan = try ExactScan(matrix, ids: [1, 2], similarity: .cosine)
    #expect(try index.search(query, k: 2)[0].map(\.id) == [2, 1])
    let exact = try scan.search(query, k: 2)[0]
    #expect(exact.map(\.id) == [2, 1])
    #expect(abs(exact[0].score - 1) < 1e-6)
    #expect(abs(exact[1].score - 0.70710678) < 1e-6)
  }

  @Test func dimensionsMustAgree() throws {
    let three = try VectorMatrix(vector: [1, 2, 3])
    #expect(throws: VectorIndexError.shape("query has 3 dimensions, index has 2")) {
      try make().search(three, k: 1)
    }
    #expect(throws: VectorIndexError.shape("vector has 3 dimensions, index has 2")) {
      try make().add(three, ids: [1])
    }
    #expect(throws: VectorIndexError.shape("1 vectors came with 2 ids")) {
      try make().add(VectorMatrix(vector: [1, 2]), ids: [1, 2])
    }
    #expect(throws: VectorIndexError.self) { try VectorMatrix([1, 2, 3], rows: 2, dimension: 2) }
    #expect(throws: VectorIndexError.self) { try VectorMatrix([], rows: -1, dimension: 2) }
    #expect(throws: VectorIndexError.self) { try VectorMatrix([], rows: .max, dimension: 2) }
    #expect(throws: VectorIndexError.self) { try VectorMatrix(vector: []) }
  }

  @Test(arguments: [0, -1, 10_001, 1 << 31, Int.max])
  func kIsLimited(_ k: Int) throws {
    let query = try VectorMatrix(vector: [1, 2])
    #expect {
      try make().search(query, k: k)
    } throws: { ($0 as? VectorIndexError)?.exitStatus == .usage }
    #expect {
      try ExactScan(query, similarity: .l2).search(query, k: k)
    } throws: { ($0 as? VectorIndexError)?.exitStatus == .usage }
  }

  @Test(arguments: ["Flat", "HNSW8", "IVF1,Flat"])
  func fewerVectorsThanAsked(_ text: String) throws {
    let index = try make(text)
    let vectors = try VectorMatrix([1, 0, 0, 1, 1, 1], rows: 3, dimension: 2)
    try index.train(vectors)
    #expect(try index.search(vectors, k: 10_000) == [[], [], []])
    try index.add(vectors, ids: [1, 2, 3])
    #expect(try index.search(vectors, k: 10_000).map(\.count) == [3, 3, 3])
    #expect(try index.search(vectors.rows(0..<0), k: 1) == [])
  }

  @Test func trainingIsNamed() throws {
    let vectors = try VectorMatrix([1, 0, 0, 1, 1, 1], rows: 3, dimension: 2)
    let index = try make("IVF3,Flat")
    #expect(!index.isTrained)
    #expect(throws: VectorIndexError.notTrained(kind: "IVF3,Flat")) {
      try index.add(vectors, ids: [1, 2, 3])
    }
    #expect(throws: VectorIndexError.notTrained(kind: "IVF3,Flat")) {
      try index.search(vectors, k: 1)
    }
    #expect(
      throws: VectorIndexError.tooFewTrainingVectors(kind: "IVF3,Flat", needed: 3, found: 2)
    ) { try index.train(vectors.rows(0..<2)) }
    try index.train(vectors)
    #expect(index.isTrained)
    #expect(throws: VectorIndexError.alreadyTrained(kind: "IVF3,Flat")) {
      try index.train(vectors)
    }
  }

  @Test func allTrainingVectorsEqual() throws {
    for text in ["IVF4,Flat", "IVF4,PQ2", "PQ1", "SQ8"] {
      let vectors = try VectorMatrix(
        (0..<300).flatMap { _ in [3, 4] as [Float] }, rows: 300, dimension: 2)
      let index = try make(text)
      try index.train(vectors)
      try index.add(vectors, ids: (0..<300).map(Int64.init))
      #expect(try index.search(vectors.rows(0..<1), k: 2)[0].map(\.id) == [0, 1], "\(text)")
    }
  }

  @Test func idsAreChecked() throws {
    let index = try make()
    let two = try VectorMatrix([1, 0, 0, 1], rows: 2, dimension: 2)
    #expect(throws: VectorIndexError.id(-1, reason: "negative ids are not allowed")) {
      try index.add(two, ids: [4, -1])
    }
    #expect(throws: VectorIndexError.id(4, reason: "is given twice")) {
      try index.add(two, ids: [4, 4])
    }
    try index.add(two, ids: [4, .max])
    #expect(throws: VectorIndexError.id(.max, reason: "is in the index already; remove it first")) {
      try index.add(two, ids: [5, .max])
    }
    #expect(index.count == 2)
    #expect(index.contains(.max))
    #expect(!index.contains(5))
  }
}
