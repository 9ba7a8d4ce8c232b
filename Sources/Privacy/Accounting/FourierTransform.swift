import Glibc

/// Discrete Fourier transforms of complex numbers in Float64, in place; lengths are powers of two.
struct FourierTransform {
  let count: Int
  private let cosines: [Double]
  private let sines: [Double]

  init(count: Int) {
    precondition(count > 0 && count & (count - 1) == 0, "FourierTransform: length \(count)")
    self.count = count
    let half = max(1, count / 2)
    cosines = (0..<half).map { cos(2 * Double.pi * Double($0) / Double(count)) }
    sines = (0..<half).map { sin(2 * Double.pi * Double($0) / Double(count)) }
  }

  /// `X[k] = Σ_n x[n] e^(−2πi k n / count)`.
  func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
    transform(&real, &imaginary)
  }

  /// The inverse, with its factor `1 / count`.
  func inverse(_ real: inout [Double], _ imaginary: inout [Double]) {
    // Exchanging the parts conjugates, up to a factor, before and after.
    transform(&imaginary, &real)
    let factor = 1 / Double(count)
    for i in 0..<count {
      real[i] *= factor
      imaginary[i] *= factor
    }
  }

  private func transform(_ real: inout [Double], _ imaginary: inout [Double]) {
    precondition(real.count == count && imaginary.count == count, "FourierTransform: \(real.count)")
    real.withUnsafeMutableBufferPointer { real in
      imaginary.withUnsafeMutableBufferPointer { imaginary in
        cosines.withUnsafeBufferPointer { cosines in
          sines.withUnsafeBufferPointer { sines in
            Self.reorder(real, imaginary)
            Self.combine(real, imaginary, cosines, sines)
          }
        }
      }
    }
  }

  /// Puts element i where the reversed bits of i say.
  private static func reorder(
    _ real: UnsafeMutableBufferPointer<Double>, _ imaginary: UnsafeMutableBufferPointer<Double>
  ) {
    var j = 0
    for i in 0..<real.count {
      if i < j {
        real.swapAt(i, j)
        imaginary.swapAt(i, j)
      }
      var bit = real.count >> 1
      while bit > 0, j & bit != 0 {
        j ^= bit
        bit >>= 1
      }
      j |= bit
    }
  }

  /// Cooley and Tukey, radix 2: transforms of length 1, 2, 4 … are joined in pairs.
  private static func combine(
    _ real: UnsafeMutableBufferPointer<Double>, _ imaginary: UnsafeMutableBufferPointer<Double>,
    _ cosines: UnsafeBufferPointer<Double>, _ sines: UnsafeBufferPointer<Double>
  ) {
    let count = real.count
    var half = 1
    while half < count {
      let stride = count / (2 * half)
      var start = 0
      while start < count {
        for k in 0..<half {
          let (c, s) = (cosines[k * stride], sines[k * stride])
          let (a, b) = (start + k, start + k + half)
          let x = real[b] * c + imaginary[b] * s
          let y = imaginary[b] * c - real[b] * s
          (real[b], imaginary[b]) = (real[a] - x, imaginary[a] - y)
          (real[a], imaginary[a]) = (real[a] + x, imaginary[a] + y)
        }
        start += 2 * half
      }
      half *= 2
    }
  }
}
