import Basics
import Testing

@testable import QueryServer

@Suite struct LatencyHistogramTests {
  @Test func quantilesAreThoseOfTheSortedTimesToAnEighth() throws {
    var histogram = LatencyHistogram()
    var random = SplitMix(state: 3)
    var times: [Double] = []
    for _ in 0..<5000 {
      // From 10 microseconds to about 10 seconds, evenly by magnitude.
      let exponent = Double(random.next() % 6000) / 1000
      var microseconds = 10.0
      for _ in 0..<Int(exponent) { microseconds *= 10 }
      microseconds *= 1 + 9 * (exponent - exponent.rounded(.down))
      times.append(microseconds / 1000)
      histogram.add(.nanoseconds(Int64(microseconds * 1000)))
    }
    times.sort()
    for share in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999] {
      let exact = times[Int((share * 5000).rounded(.up)) - 1]
      let found = histogram.quantile(share)
      #expect(found >= exact * 0.999 && found <= exact * 1.125, "\(share): \(found), \(exact)")
    }
    let largest = try #require(histogram.json["maxMs"]?.doubleValue)
    #expect(abs(largest - times[4999]) < 0.002)
    let mean = try #require(histogram.json["meanMs"]?.doubleValue)
    #expect(abs(mean - times.reduce(0, +) / 5000) < 0.01)
  }

  @Test func nothingCountedIsZero() {
    #expect(LatencyHistogram().json["p99Ms"] == .number(0))
    #expect(LatencyHistogram().json["count"] == 0)
  }
}
