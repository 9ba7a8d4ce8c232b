import Basics
import Statistics

/// Mean and whitening of clean features: what every Mahalanobis-type score is computed from.
struct MahalanobisModel: Sendable, Equatable {
  var feature: FeatureExtractor
  var distance: MahalanobisDistance

  /// What the fit found, for reports.
  struct Diagnostics: Sendable, Equatable {
    /// Anchor documents that the covariance was estimated from.
    var anchors = 0
    /// Anchor documents left out by trimming.
    var trimmed = 0
    /// The weight of the identity.
    var intensity = 0.0
    /// The largest eigenvalue over the smallest; nil if the smallest is not positive.
    var conditionNumber: Double?
  }

  init(feature: FeatureExtractor, distance: MahalanobisDistance) {
    self.feature = feature
    self.distance = distance
  }

  /// Learns mean and covariance from clean lists.
  ///
  /// - Parameters:
  ///   - lists: Clean lists.
  ///   - feature: What is looked at.
  ///   - shrinkage: How the covariance is made well conditioned.
  ///   - trim: The share of anchors with the largest distances that is dropped before a second fit,
  ///     because anchors may be poisoned themselves.
  ///   - diagnostics: Filled if wanted; the eigenvalues take longer than the fit.
  /// - Throws: `DetectorError`.
  init(
    fitting lists: [DetectionList], feature: FeatureExtractor, shrinkage: Shrinkage, trim: Double,
    diagnostics: UnsafeMutablePointer<Diagnostics>? = nil
  ) throws {
    guard let first = lists.first(where: { !$0.subjects.isEmpty }) else {
      throw DetectorError.anchors(found: 0, needed: 2, what: "clean documents")
    }
    let dimension = feature.dimension(ofVectors: first.query.vector.dimension)
    for list in lists where list.query.vector.dimension != first.query.vector.dimension {
      throw DetectorError.dimension(
        expected: first.query.vector.dimension, found: list.query.vector.dimension)
    }
    var rows = try feature.rows(of: lists)
    let all = rows.count / dimension
    guard all > 1 else {
      throw DetectorError.anchors(found: all, needed: 2, what: "clean documents")
    }
    do {
      var estimate = try CovarianceEstimate(rows: rows, dimension: dimension)
      var shrunk = try estimate.shrunk(shrinkage)
      let dropped = Int((trim * Double(all)).rounded(.down))
      if dropped > 0 {
        let first = try MahalanobisDistance(mean: estimate.mean, covariance: shrunk.matrix)
        let distances = try first.squaredDistances(rows: rows)
        let order = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
        let kept = order.prefix(all - dropped).sorted()
        guard kept.count > 1 else {
          throw DetectorError.anchors(found: kept.count, needed: 2, what: "untrimmed documents")
        }
        rows = kept.flatMap { rows[$0 * dimension..<($0 + 1) * dimension] }
        estimate = try CovarianceEstimate(rows: rows, dimension: dimension)
        shrunk = try estimate.shrunk(shrinkage)
      }
      distance = try MahalanobisDistance(mean: estimate.mean, covariance: shrunk.matrix)
      diagnostics?.pointee = Diagnostics(
        anchors: all - dropped, trimmed: dropped, intensity: shrunk.intensity,
        conditionNumber: try shrunk.matrix.conditionNumber().value)
    } catch let error as StatisticsError {
      throw DetectorError.fit(detector: "mahalanobis", reason: error.description)
    }
    self.feature = feature
  }

  /// Calls `body` with blocks of whitened features: W(x − μ) for each subject of each list.
  private func forEachBlock(
    of lists: [DetectionList], _ body: ([Double], Range<Int>) throws -> Void
  ) throws {
    var start = 0
    while start < lists.count {
      // A block keeps the Float64 copies small when a whole grid is scored.
      var end = start
      var subjects = 0
      while end < lists.count, end == start || subjects + lists[end].subjects.count <= 1024 {
        let found = feature.dimension(ofVectors: lists[end].query.vector.dimension)
        guard found == distance.dimension else {
          throw DetectorError.dimension(expected: distance.dimension, found: found)
        }
        subjects += lists[end].subjects.count
        end += 1
      }
      let rows = try feature.rows(of: lists[start..<end])
      try body(try whitened(rows), start..<end)
      start = end
    }
  }

  private func whitened(_ rows: [Float]) throws -> [Double] {
    do {
      return try distance.whitened(rows: rows)
    } catch {
      throw DetectorError.vector(record: "features", fault: error.description)
    }
  }

  /// (x − μ)ᵀ Σ⁻¹ (x − μ) of each subject.
  func squaredDistances(of lists: [DetectionList]) throws -> [[Double]] {
    var result: [[Double]] = []
    result.reserveCapacity(lists.count)
    try forEachBlock(of: lists) { points, range in
      var offset = 0
      for list in lists[range] {
        result.append(
          list.subjects.map { _ in
            defer { offset += distance.dimension }
            return Self.product(points, offset, points, offset, count: distance.dimension)
          })
      }
    }
    return result
  }

  /// The adaptive matched filter of each subject: how far its whitened deviation points towards
  /// that of the query itself.
  func projections(of lists: [DetectionList]) throws -> [[Double]] {
    var result: [[Double]] = []
    result.reserveCapacity(lists.count)
    try forEachBlock(of: lists) { points, range in
      let targets = try whitened(try probes(of: lists[range]))
      var offset = 0
      for (index, list) in lists[range].enumerated() {
        let target = index * distance.dimension
        let norm = Self.product(targets, target, targets, target, count: distance.dimension)
          .squareRoot()
        result.append(
          list.subjects.map { _ in
            defer { offset += distance.dimension }
            let along = Self.product(points, offset, targets, target, count: distance.dimension)
            return norm > 0 ? along / norm : 0
          })
      }
    }
    return result
  }

  /// The squared distance of each query taken as its own document.
  func probeDistances(of lists: [DetectionList]) throws -> [Double] {
    let points = try whitened(try probes(of: lists))
    return stride(from: 0, to: points.count, by: distance.dimension).map {
      Self.product(points, $0, points, $0, count: distance.dimension)
    }
  }

  private func probes(of lists: some Sequence<DetectionList>) throws -> [Float] {
    var rows: [Float] = []
    for list in lists { try feature.appendProbe(of: list.query, to: &rows) }
    return rows
  }

  private static func product(
    _ a: [Double], _ aStart: Int, _ b: [Double], _ bStart: Int, count: Int
  ) -> Double {
    var sum = 0.0
    for index in 0..<count { sum += a[aStart + index] * b[bStart + index] }
    return sum
  }
}
