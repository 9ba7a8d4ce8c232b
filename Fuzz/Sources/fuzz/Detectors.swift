import Basics
import Defenses
import Glibc
import Retrieval
import SystemPackage

/// A detector file with the right checksum; what is read judges lists of its retriever's dimension.
func fuzzDetector(_ bytes: UnsafeRawBufferPointer) {
  // Everything behind the first line is the body, and the line is made anew.
  let newline = bytes.firstIndex(of: 0x0A).map { $0 + 1 } ?? 0
  let body = Array(bytes[newline...])
  let content = Array("ragbench-detector 1 \(Checksum.sha256(body))\n".utf8) + body
  let path = content.withUnsafeBytes { Scratch.file("detector.bin", $0) }
  expectReportable {
    let detector = try DetectorFile.read(path)
    let dimension = detector.retriever.dimension
    guard (1...64).contains(dimension) else { return }
    let verdicts = try detector.verdicts(
      on: MadeUpLists.lists(2, dimension: dimension, seed: 3), falsePositiveRate: 0.05, per: .pair)
    precondition(verdicts.count == 2, "verdicts of \(verdicts.count) lists")
  }
}

/// Lists of made-up vectors.
enum MadeUpLists {
  static func lists(_ count: Int, dimension: Int, seed: UInt64) throws -> [DetectionList] {
    var state = seed
    func uniform() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 23) - 1
    }
    func row() throws -> EmbeddingRow {
      EmbeddingRow(try VectorMatrix(vector: (0..<dimension).map { _ in uniform() }), row: 0)
    }
    return try (0..<count).map { number in
      let candidates = try (0..<3).map { document in
        DetectionCandidate(
          id: "d\(document)", title: "", text: "fever and cough \(document)", vector: try row(),
          similarity: Double(uniform()))
      }
      return try DetectionList(
        query: DetectionQuery(id: "q\(number)", text: "what is fever", vector: try row()),
        candidates: candidates)
    }
  }
}

/// One small file of every detector, for `Fuzz/Seeds/detector`.
enum DetectorSeeds {
  static func write(to folder: String) throws {
    let retriever = RetrieverIdentity(
      model: "tiny", modelHash: "abc", dimension: 3, similarity: "cosine", titleSeparator: " ",
      instructionSet: "avx2")
    for name in DetectorRegistry.names {
      let detector = try CalibratedDetector(
        fitting: name, to: MadeUpLists.lists(8, dimension: 3, seed: 1),
        calibrating: MadeUpLists.lists(5, dimension: 3, seed: 2), retriever: retriever)
      try DetectorFile.write(detector, to: FilePath(folder).appending(name + ".bin"))
    }
  }
}
