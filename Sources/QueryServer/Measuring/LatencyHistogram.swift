import Basics

/// How long something took, counted in buckets whose bounds grow by an eighth: quantiles are exact to
/// 12.5 %, in constant memory.
struct LatencyHistogram: Sendable {
  private static let perOctave = 6
  /// One microsecond to more than an hour.
  private static let buckets = 32 * perOctave

  private var counts = [Int](repeating: 0, count: buckets)
  /// How many were counted.
  private(set) var count = 0
  private var sum = 0.0
  private var largest = 0.0

  /// Counts one duration.
  mutating func add(_ duration: Duration) {
    let microseconds = max(0, duration.inSeconds * 1e6)
    var bucket = 0
    var bound = 1.0
    while microseconds > bound, bucket < Self.buckets - 1 {
      bound *= Self.step
      bucket += 1
    }
    counts[bucket] += 1
    count += 1
    sum += microseconds
    largest = max(largest, microseconds)
  }

  /// 2^(1/6).
  private static let step = 1.122462048309373

  /// The time that a share of the durations did not exceed, in milliseconds; 0 without any.
  func quantile(_ share: Double) -> Double {
    var rest = (share * Double(count)).rounded(.up)
    var bound = 1.0
    for bucket in counts {
      rest -= Double(bucket)
      if rest <= 0 { break }
      bound *= Self.step
    }
    return count == 0 ? 0 : min(bound, largest) / 1000
  }

  /// Count, mean and quantiles in milliseconds.
  var json: JSONObject {
    func rounded(_ value: Double) -> JSONValue { .number((value * 1000).rounded() / 1000) }
    return [
      "count": JSONValue(count),
      "meanMs": rounded(count == 0 ? 0 : sum / Double(count) / 1000),
      "p50Ms": rounded(quantile(0.5)), "p95Ms": rounded(quantile(0.95)),
      "p99Ms": rounded(quantile(0.99)), "maxMs": rounded(largest / 1000),
    ]
  }
}
