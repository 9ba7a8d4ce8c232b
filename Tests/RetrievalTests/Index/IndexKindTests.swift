import Basics
import Models
import Retrieval
import Testing

@Suite struct IndexKindTests {
  @Test(arguments: [
    "Flat", "SQ8", "PQ48", "HNSW32", "IVF256,Flat", "IVF256,PQ48", "IVF1,SQ8",
  ])
  func readsAndPrints(_ text: String) throws {
    #expect(try IndexKind(parsing: text).description == text)
  }

  @Test(arguments: [
    "", "flat", "Flat ", "Flat,", ",Flat", "IVF256", "IVF0,Flat", "IVF-1,Flat", "IVF+4,Flat",
    "IVF04,Flat", "IVF99999999999999999999,Flat", "IVF4,IVF4,Flat", "IVF4,HNSW32", "HNSW",
    "HNSW1", "HNSW257", "PQ0", "PQ4x8", "SQ4", "OPQ8,Flat", "IDMap,Flat", "Flat\u{301}",
    "IVF٣,Flat",
  ])
  func refusesOthers(_ text: String) {
    #expect {
      try IndexKind(parsing: text)
    } throws: {
      guard let error = $0 as? VectorIndexError, case .kind(let named, _) = error else {
        return false
      }
      return UTF8Key(named) == UTF8Key(text) && error.exitStatus == .usage
    }
  }

  @Test func partsDivideTheDimension() throws {
    let kind = try IndexKind(parsing: "IVF4,PQ48")
    try kind.validate(dimension: 384)
    #expect(
      throws: VectorIndexError.kind(
        "IVF4,PQ48", reason: "dimension 100 is not a multiple of 48 parts")
    ) { try FaissIndex(kind: kind, dimension: 100, similarity: .l2) }
    #expect(throws: VectorIndexError.limit(name: "dimension", value: 0, range: "1 to 65536")) {
      try FaissIndex(kind: .flat, dimension: 0, similarity: .l2)
    }
  }

  @Test(arguments: [
    ("Flat", 0), ("HNSW32", 0), ("SQ8", 1), ("PQ4", 256), ("IVF4,Flat", 4), ("IVF4,PQ4", 256),
    ("IVF300,PQ4", 300),
  ])
  func trainingVectors(_ text: String, _ needed: Int) throws {
    #expect(try IndexKind(parsing: text).minimumTrainingVectors == needed)
  }

  @Test(arguments: [
    ("IVF4,Flat", SearchEffort(nprobe: 0), "nprobe is 0, expected 1 to 4"),
    ("IVF4,Flat", SearchEffort(nprobe: -1), "nprobe is -1, expected 1 to 4"),
    ("IVF4,Flat", SearchEffort(nprobe: 5), "nprobe is 5, expected 1 to 4"),
    ("HNSW8", SearchEffort(efSearch: 0), "efSearch is 0, expected 1 to 65536"),
    ("HNSW8", SearchEffort(efSearch: 65537), "efSearch is 65537, expected 1 to 65536"),
    ("Flat", SearchEffort(nprobe: 1), "nprobe means nothing to an index of kind Flat"),
    (
      "IVF4,Flat", SearchEffort(efSearch: 9), "efSearch means nothing to an index of kind IVF4,Flat"
    ),
  ])
  func effortIsChecked(_ text: String, _ effort: SearchEffort, _ message: String) throws {
    let index = try FaissIndex(
      kind: IndexKind(parsing: text), dimension: 2, similarity: .l2)
    let query = try VectorMatrix(vector: [1, 2])
    #expect {
      try index.search(query, k: 1, effort: effort)
    } throws: {
      guard let error = $0 as? VectorIndexError else { return false }
      return error.description == message && error.exitStatus == .usage
    }
  }
}
