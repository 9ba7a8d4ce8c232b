import CKernels
import Glibc
import TestSupport
import Testing

/// The fused activations against libm in Float64.
@Suite struct ActivationTests {
  private func apply(_ activation: rbk_activation, to values: [Float]) -> [Float] {
    // One input with weight 1: the activation sees the value itself.
    let packed = GuardedFloats.packed(GuardedFloats([1]), outputs: 1, inputs: 1)
    let x = GuardedFloats(values)
    let y = GuardedFloats(count: values.count)
    rbk_linear(
      x.pointer, 1, values.count, packed.pointer, 1, 1, nil, activation, y.pointer, 1, 0, 1)
    return y.values
  }

  private static func gelu(_ x: Double) -> Double {
    x == -.infinity ? .nan : 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
  }

  private static func geluTanh(_ x: Double) -> Double {
    x == -.infinity
      ? .nan : 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  private static let fine: [Float] = (-80_000...80_000).map { Float($0) / 10_000 }
  private static let extremes: [Float] =
    [0, -0, 1e-30, -1e-30, 0x1p-140, 10, 88, 100, 1e4, 1e13, 1e30, .greatestFiniteMagnitude]
    .flatMap { [$0, -$0] }

  @Test(arguments: InstructionSets.available)
  func geluIsWithinAMillionth(set: String) {
    let values = Self.fine + Self.extremes
    let found = InstructionSets.using(set) { apply(RBK_ACTIVATION_GELU, to: values) }
    // Beyond the fit the result is x or 0; the relative part is the rounding of large x.
    expectClose(
      found, values.map { Self.gelu(Double($0)) }, absolute: 1e-6, relative: roundoff, set)
  }

  @Test(arguments: InstructionSets.available)
  func geluTanhIsWithinAMillionth(set: String) {
    let values = Self.fine + Self.extremes
    let found = InstructionSets.using(set) { apply(RBK_ACTIVATION_GELU_TANH, to: values) }
    expectClose(
      found, values.map { Self.geluTanh(Double($0)) }, absolute: 1e-6, relative: roundoff, set)
  }

  @Test(arguments: InstructionSets.available)
  func reluAndNoneAreExact(set: String) {
    let values = Self.fine + Self.extremes + [.infinity, -.infinity]
    InstructionSets.using(set) {
      #expect(apply(RBK_ACTIVATION_RELU, to: values) == values.map { max($0, 0) })
      #expect(apply(RBK_ACTIVATION_NONE, to: values) == values)
    }
  }

  @Test(arguments: InstructionSets.available)
  func nanAndInfinityPropagate(set: String) {
    let odd: [Float] = [.nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFC0_0123)]
    let all = [
      RBK_ACTIVATION_NONE, RBK_ACTIVATION_GELU, RBK_ACTIVATION_GELU_TANH, RBK_ACTIVATION_RELU,
    ]
    InstructionSets.using(set) {
      for activation in all {
        #expect(apply(activation, to: odd).allSatisfy { $0.isNaN }, "\(activation)")
        #expect(apply(activation, to: [.infinity]) == [.infinity], "\(activation)")
      }
      // As PyTorch: -inf times 0.
      #expect(apply(RBK_ACTIVATION_GELU, to: [-.infinity])[0].isNaN)
      #expect(apply(RBK_ACTIVATION_GELU_TANH, to: [-.infinity])[0].isNaN)
    }
  }
}
