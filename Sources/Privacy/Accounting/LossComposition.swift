import Glibc

/// Points `k · spacing` for `−count/2 ≤ k < count/2` on which privacy losses are composed.
struct LossGrid {
  let spacing: Double
  let count: Int

  /// Largest length: two arrays of 64 MiB.
  private static let largest = 1 << 23

  /// A grid that reaches beyond the losses of all steps together.
  ///
  /// - Parameters:
  ///   - phases: active ones with noise.
  ///   - spacing: between two points.
  ///   - deltaError: probability of a loss beyond the grid.
  /// - Throws: ``PrivacyError/notComputable(reason:)`` if it would be too large.
  init(for phases: [SampledGaussian], spacing: Double, deltaError: Double) throws {
    let renyi = RenyiAccountant()
    let steps = phases.reduce(0) { $0 + $1.steps }
    var reach = try renyi.epsilon(of: phases, delta: deltaError / 4)
    for phase in phases {
      let one = try SampledGaussian(
        noiseMultiplier: phase.noiseMultiplier, rate: phase.rate, steps: 1)
      reach = max(reach, try renyi.epsilon(of: [one], delta: deltaError / Double(8 * steps)))
    }
    let points = 2 * (3 + reach) / spacing
    guard points < Double(Self.largest) else {
      throw PrivacyError.notComputable(
        reason: "the privacy loss reaches to \(reach) at a spacing of \(spacing), which is too much"
          + " for this accountant; the RDP accountant gives a bound")
    }
    var count = 16
    while Double(count) < points { count *= 2 }
    (self.spacing, self.count) = (spacing, count)
  }

  /// The array index of point k.
  func index(_ k: Int) -> Int { k & (count - 1) }

  /// Points in ascending order.
  var points: Range<Int> { -count / 2..<count / 2 }
}

/// Probabilities of the privacy loss of all steps together, in both directions.
struct ComposedLoss {
  let grid: LossGrid
  /// Probability of each point, by `grid.index`: of removing, of adding.
  let probabilities: [[Double]]
  /// What is added to the points.
  let shifts: [Double]
  /// Probability of an infinite loss.
  let infinite: [Double]

  /// One step on the grid: probabilities of both directions and what goes with them.
  struct Step {
    var probabilities: [[Double]]
    /// Added to the loss at each step.
    var shifts: [Double] = [0, 0]
    /// Probability of a loss that counts as infinite.
    var infinite: [Double] = [0, 0]
  }

  /// Convolves by Fourier transforms; both directions share one, as real and imaginary part.
  init(_ phases: [SampledGaussian], on grid: LossGrid, _ step: (SampledGaussian) -> Step) {
    let count = grid.count
    let transform = FourierTransform(count: count)
    var shifts = [0.0, 0.0]
    var infinite = [0.0, 0.0]
    // Spectra of removing and adding, and their products over the phases.
    var spectra = Array(
      repeating: (
        real: [Double](repeating: 1, count: count / 2 + 1),
        imaginary: [Double](repeating: 0, count: count / 2 + 1)
      ), count: 2)
    for phase in phases {
      let one = step(phase)
      for direction in 0..<2 {
        shifts[direction] += Double(phase.steps) * one.shifts[direction]
        infinite[direction] += Double(phase.steps) * one.infinite[direction]
      }
      var (real, imaginary) = (one.probabilities[0], one.probabilities[1])
      transform.forward(&real, &imaginary)
      for k in 0...count / 2 {
        let mirror = (count - k) & (count - 1)
        let removing = (0.5 * (real[k] + real[mirror]), 0.5 * (imaginary[k] - imaginary[mirror]))
        let adding = (0.5 * (imaginary[k] + imaginary[mirror]), 0.5 * (real[mirror] - real[k]))
        for (direction, value) in [removing, adding].enumerated() {
          let power = Self.power(value, phase.steps)
          let (a, b) = (spectra[direction].real[k], spectra[direction].imaginary[k])
          spectra[direction].real[k] = a * power.0 - b * power.1
          spectra[direction].imaginary[k] = a * power.1 + b * power.0
        }
      }
    }
    var real = [Double](repeating: 0, count: count)
    var imaginary = real
    for k in 0...count / 2 {
      let mirror = (count - k) & (count - 1)
      let (a, b) = (spectra[0].real[k], spectra[0].imaginary[k])
      let (c, d) = (spectra[1].real[k], spectra[1].imaginary[k])
      (real[mirror], imaginary[mirror]) = (a + d, c - b)
      (real[k], imaginary[k]) = (a - d, b + c)
    }
    transform.inverse(&real, &imaginary)
    self.grid = grid
    probabilities = [real, imaginary]
    self.shifts = shifts
    self.infinite = infinite
  }

  private static func power(_ z: (Double, Double), _ exponent: Int) -> (Double, Double) {
    let logModulus = Double(exponent) * log(hypot(z.0, z.1))
    guard logModulus > -745 else { return (0, 0) }
    let angle = Double(exponent) * atan2(z.1, z.0)
    let modulus = exp(logModulus)
    return (modulus * cos(angle), modulus * sin(angle))
  }

  /// The smallest ε with `Σ_{t > ε} p(t) (1 − e^(ε − t)) + infinite ≤ δ`, the larger of both
  /// directions; infinite where δ does not suffice.
  func epsilon(delta: Double) -> Double {
    max(epsilon(0, delta), epsilon(1, delta))
  }

  private func epsilon(_ direction: Int, _ delta: Double) -> Double {
    let delta = delta - infinite[direction]
    guard delta > 0 else { return .infinity }
    let values = probabilities[direction]
    let decay = exp(-grid.spacing)
    // Over the points above: their probability, and that times e^(next point − point).
    var (sum, discounted) = (0.0, 0.0)
    for k in grid.points.reversed() {
      let next = Double(k - 1) * grid.spacing + shifts[direction]
      let p = values[grid.index(k)]
      sum += p
      discounted = (discounted + p) * decay
      if sum - discounted > delta { return max(0, next + log((sum - delta) / discounted)) }
      if next < 0 { break }
    }
    return 0
  }

  /// δ of an ε, the larger of both directions.
  func delta(epsilon: Double) -> Double {
    (0..<2).map { direction in
      var sum = infinite[direction]
      for k in grid.points.reversed() {
        let loss = Double(k) * grid.spacing + shifts[direction]
        if loss <= epsilon { break }
        sum -= probabilities[direction][grid.index(k)] * expm1(epsilon - loss)
      }
      return max(0, sum)
    }.max() ?? 0
  }
}
