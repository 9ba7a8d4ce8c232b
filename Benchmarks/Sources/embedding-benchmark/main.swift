// Speed of the embedder and of exact search, as JSON on standard output.
//
//     embedding-benchmark MODEL-FOLDER TEXTS.jsonl [THREADS]
//
// TEXTS.jsonl has one {"text": …} a line; the same file is given to the Python peers by run.sh.

import Basics
import CBLAS
import CKernels
import Foundation
import Models
import Retrieval
import SystemPackage
import Tensors

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  return (ContinuousClock.now - start).inSeconds
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// GFLOP/s of OpenBLAS on the encoder's largest product, on all threads at once.
func sgemmRate(threads: Int) -> Double {
  openblas_set_num_threads(1)
  let (m, n, k) = (512, 1536, 384)
  let rounds = 40
  let time = seconds {
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      let a = [Float](repeating: 1.5, count: m * k)
      let b = [Float](repeating: 0.5, count: n * k)
      var c = [Float](repeating: 0, count: m * n)
      for _ in 0..<rounds {
        cblas_sgemm(
          CblasRowMajor, CblasNoTrans, CblasTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(k), b,
          Int32(k), 0, &c, Int32(n))
      }
    }
  }
  return Double(2 * m * n * k * rounds * threads) / time / 1e9
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
  FileHandle.standardError.write(Data("usage: embedding-benchmark MODEL TEXTS [THREADS]\n".utf8))
  exit(64)
}
let threads = arguments.count > 3 ? Int(arguments[3]) ?? 2 : 2
let model = try EmbeddingModel(directory: FilePath(arguments[1]))
var reader = try LineReader(FilePath(arguments[2]))
var texts: [String] = []
while let line = try reader.next() {
  texts.append(try JSONParser.parse(line.bytes).requiredObject().string("text"))
}
let inputs = texts.map { EmbeddingInput.passage(title: "", text: $0, separator: " ") }
let tokens = texts.reduce(0) {
  $0 + (model.tokens(ofPassage: "", text: $1, separator: " ")?.ids.count ?? 0)
}
let embedder = Embedder(model: model, threads: threads)
_ = try embedder.embed(Array(inputs.prefix(32)))
let embedding = try (0..<3).map { _ in try seconds { _ = try embedder.embed(inputs) } }

let question = "Does early enteral feeding reduce infectious complications in acute pancreatitis?"
for _ in 0..<5 { _ = embedder.embed(query: question) }
let latencies = (0..<50).map { _ in seconds { _ = embedder.embed(query: question) } }

let rows = 200_000
var generator = Philox(seed: 1)
let values = (0..<rows * model.dimension).map { _ in Float.random(in: -1...1, using: &generator) }
let scan = try ExactScan(
  VectorMatrix(values, rows: rows, dimension: model.dimension), similarity: .innerProduct,
  threads: threads)
let query = try VectorMatrix(vector: Array(values.prefix(model.dimension)))
let searches = try (0..<15).map { _ in
  try seconds { _ = try scan.search(query, k: 10, threads: threads) }
}
let reads = (0..<15).map { _ in
  seconds {
    values.withUnsafeBufferPointer { all in
      nonisolated(unsafe) let all = all
      DispatchQueue.concurrentPerform(iterations: threads) { part in
        let share = all.count / threads
        if let base = all.baseAddress { _ = rbk_scan_read(base + part * share, share) }
      }
    }
  }
}
let result: JSONObject = [
  "threads": JSONValue(threads), "instructionSet": .string(ComputeContext.instructionSet),
  "texts": JSONValue(texts.count), "tokens": JSONValue(tokens),
  "tokensPerSecond": .number(Double(tokens) / median(embedding)),
  "queryMilliseconds": .number(median(latencies) * 1000),
  "sgemmGFLOPs": .number(sgemmRate(threads: threads)),
  "exactSearchMilliseconds": .number(median(searches) * 1000),
  "readMilliseconds": .number(median(reads) * 1000),
]
print(try JSONValue.object(result).serialized(pretty: true))
