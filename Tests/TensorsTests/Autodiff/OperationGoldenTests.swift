import TestSupport
import Testing

@testable import Tensors

/// Values and gradients of every operation against PyTorch in Float64 (Tests/Fixtures/autodiff).
@Suite struct OperationGoldenTests {
  /// Float32 sums of up to 300 terms of size 1 to 10, against one rounding of the exact result: a few
  /// roundings of the largest value, which the absolute part follows.
  private func compare(_ found: [Float]?, _ expected: [Float], _ comment: String) {
    guard let found else {
      Issue.record("\(comment): no gradient")
      return
    }
    let largest = expected.reduce(0) { max($0, abs($1)) }
    expectClose(found, expected, absolute: 2e-6 * max(1, Double(largest)), relative: 1e-5, comment)
  }

  @Test func valuesAndGradientsEqualPyTorch() throws {
    let (golden, cases) = try OperationCase.all()
    #expect(cases.count == 45)
    for operation in cases {
      for threads in [1, 2] {
        let tape = Tape(in: ComputeContext(threads: threads))
        let run = try operation.enter(tape)
        let y = try operation.evaluate(run, on: tape)
        #expect(y.shape.reduce(1, *) == (try golden.shape("\(operation)/y")).reduce(1, *))
        compare(y.value.values, try golden.array("\(operation)/y"), "\(operation)")
        tape.backward(
          from: y, gradient: try Tensor(golden.array("\(operation)/dy"), shape: y.shape))
        for name in operation.inputs {
          compare(
            run.gradient(name), try golden.array("\(operation)/d\(name)"), "\(operation), d\(name)")
        }
        #expect(tape.recordedOperations == 0)
      }
    }
  }

  /// Only what asked for a gradient gets one, and it has the same bits.
  @Test func frozenInputsGetNothing() throws {
    let (golden, cases) = try OperationCase.all()
    for operation in cases {
      let dy = try golden.array("\(operation)/dy")
      func gradients(frozen: Set<String>) throws -> [String: [Float]] {
        let tape = Tape(in: ComputeContext())
        let run = try operation.enter(tape, frozen: frozen)
        let y = try operation.evaluate(run, on: tape)
        tape.backward(from: y, gradient: try Tensor(dy, shape: y.shape))
        return Dictionary(
          uniqueKeysWithValues: operation.inputs.compactMap { name in
            run.gradient(name).map { (name, $0) }
          })
      }
      let all = try gradients(frozen: [])
      for name in operation.inputs {
        let others = Set(operation.inputs).subtracting([name])
        #expect(try gradients(frozen: others) == [name: all[name] ?? []], "\(operation), \(name)")
      }
      #expect(try gradients(frozen: Set(operation.inputs)).isEmpty)
    }
  }

  /// Directional derivatives: (f(x + h u) - f(x - h u)) / 2 h against the gradient along u.
  ///
  /// Float32 values of size 10 have errors of 1e-6, divided by 2h = 2e-2: 1e-4, next to which the
  /// difference's own error h² f''' is of the same size.
  @Test func gradientsEqualFiniteDifferences() throws {
    let (golden, cases) = try OperationCase.all()
    // Not differentiable near 0, where some of the inputs lie.
    for operation in cases where operation.name != "positive part" {
      var random = Philox(seed: 77)
      let dy = try golden.array("\(operation)/dy")
      let tape = Tape(in: ComputeContext())
      let run = try operation.enter(tape)
      let y = try operation.evaluate(run, on: tape)
      tape.backward(from: y, gradient: try Tensor(dy, shape: y.shape))
      for name in operation.inputs {
        guard let value = operation.values[name], let gradient = run.gradient(name) else {
          Issue.record("\(operation): no gradient of \(name)")
          continue
        }
        // Components of size 1 / sqrt(count), so that the step has length h.
        let direction = random.floats(value.count).map { $0 / Float(value.count).squareRoot() }
        func loss(_ step: Float) throws -> Double {
          var values = operation.values
          values[name] = try Tensor(
            zip(value.values, direction).map { $0 + step * $1 }, shape: value.shape)
          let forward = Tape(in: ComputeContext(), mode: .forwardOnly)
          let y = try operation.evaluate(operation.enter(forward, values: values), on: forward)
          return zip(y.value.values, dy).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let h: Float = 0.01
        let difference = (try loss(h) - loss(-h)) / Double(2 * h)
        let along = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        let size = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        expectClose(difference, along, absolute: 2e-3 * max(size, 0.1), "\(operation), \(name)")
      }
    }
  }

  /// The number of threads changes no bit, and neither does computing a part again.
  @Test func threadsAndCheckpointsChangeNoBit() throws {
    let (golden, cases) = try OperationCase.all()
    for operation in cases {
      let dy = try golden.array("\(operation)/dy")
      func bits(threads: Int, isCheckpointed: Bool) throws -> [[UInt32]] {
        let tape = Tape(in: ComputeContext(threads: threads))
        let run = try operation.enter(tape)
        let y: Variable
        if isCheckpointed {
          let names = run.variables.keys.sorted()
          let inputs = names.compactMap { run.variables[$0] }
          y = tape.checkpointed(inputs) { tape, inputs in
            let inner = OperationCase.Run()
            inner.parameters = run.parameters
            for (name, input) in zip(names, inputs) { inner.variables[name] = input }
            guard let y = try? operation.evaluate(inner, on: tape) else {
              return tape.input(dyTensor)
            }
            return y
          }
          #expect(tape.recordedOperations == 1)
        } else {
          y = try operation.evaluate(run, on: tape)
        }
        tape.backward(from: y, gradient: try Tensor(dy, shape: y.shape))
        return [y.value.values.map(\.bitPattern)]
          + operation.inputs.map { (run.gradient($0) ?? []).map(\.bitPattern) }
      }
      let dyTensor = try Tensor(dy, shape: [dy.count])
      let one = try bits(threads: 1, isCheckpointed: false)
      #expect(try bits(threads: 2, isCheckpointed: false) == one, "\(operation)")
      #expect(try bits(threads: 3, isCheckpointed: false) == one, "\(operation)")
      #expect(try bits(threads: 1, isCheckpointed: true) == one, "\(operation)")
    }
  }
}
