import Basics
import Tensors
import TestSupport
import Testing

@testable import Models

/// MPNet's buckets against `transformers`, and that no accepted number of buckets traps.
@Suite struct RelativePositionBiasTests {
  @Test func bucketsEqualTransformers() throws {
    let golden = try JSONParser.parse(contentsOf: Checkout.fixture("models/mpnet-buckets.json"))
      .requiredObject().ints("buckets")
    #expect(golden.count == 401)
    #expect((-200...200).map { RelativePositionBias.bucket(of: $0, buckets: 32) } == golden)
  }

  @Test func everyDistanceHasABucket() {
    for buckets in RelativePositionBias.bucketCounts {
      for offset in [-131_072, -129, -128, -127, -1, 0, 1, 2, 64, 127, 128, 129, 500, 131_072] {
        let bucket = RelativePositionBias.bucket(of: offset, buckets: buckets)
        #expect((0..<buckets).contains(bucket), "\(offset) of \(buckets)")
      }
    }
  }

  @Test func theTableIsByHeadAndDistance() throws {
    let table = try Tensor((0..<8).map(Float.init), shape: [4, 2])
    let expanded = try RelativePositionBias.expanded(table, maximumTokens: 3)
    #expect(expanded.shape == [2, 5])
    for head in 0..<2 {
      for offset in -2...2 {
        let bucket = RelativePositionBias.bucket(of: offset, buckets: 4)
        #expect(expanded.values[head * 5 + offset + 2] == Float(2 * bucket + head))
      }
    }
  }
}
