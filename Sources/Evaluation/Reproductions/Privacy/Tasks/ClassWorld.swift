import Glibc
import Tensors

/// Features with the number of a class.
struct LabelledFeatures: Sendable, Hashable {
  var features: [Float]
  var label: Int
}

/// Ten Gaussian classes in 40 dimensions behind a fixed bent map: means of norm about 2.4, deviation
/// 0.55 in each coordinate, features `(tanh(xW) + 0.3 x) · 2/√40`.
///
/// - SeeAlso: the specification of DiSK, section 6, whose calibration is on such data.
struct ClassWorld {
  static let classes = 10
  static let dimensions = 40

  private let means: [[Double]]
  private let map: [[Double]]
  private var random: Philox

  init(seed: UInt64) {
    let d = Self.dimensions
    var random = Philox(seed: 77 + seed)
    var spare = GaussianGenerator(random)
    func normals(_ count: Int, _ scale: Double) -> [Double] {
      (0..<count).map { _ in scale * spare.next() }
    }
    means = (0..<Self.classes).map { _ in normals(d, 2.4 / Double(d).squareRoot()) }
    map = (0..<d).map { _ in normals(d, 1 / Double(d).squareRoot()) }
    _ = random.next()
    self.random = Philox(seed: 177 + seed)
  }

  mutating func records(_ count: Int) -> [LabelledFeatures] {
    let d = Self.dimensions
    var normal = GaussianGenerator(Philox(seed: random.next()))
    return (0..<count).map { _ in
      let label = Int.random(in: 0..<Self.classes, using: &random)
      let x = means[label].map { $0 + 0.55 * normal.next() }
      let features = (0..<d).map { column in
        let sum = (0..<d).reduce(0.0) { $0 + x[$1] * map[$1][column] }
        return Float((tanh(sum) + 0.3 * x[column]) * 2 / Double(d).squareRoot())
      }
      return LabelledFeatures(features: features, label: label)
    }
  }

  /// Records whose labels have nothing to do with their features: only memory can know them.
  mutating func canaries(_ count: Int) -> [LabelledFeatures] {
    records(count).map {
      LabelledFeatures(
        features: $0.features, label: Int.random(in: 0..<Self.classes, using: &random))
    }
  }

  mutating func coin() -> Bool { Bool.random(using: &random) }
}
