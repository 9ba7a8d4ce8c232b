import Basics
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation
@testable import Privacy

/// What a step gains and what stands against it, against the whole Hessian.
@Suite struct CurvatureTests {
  /// A small network, the records of Tests/Fixtures/privacy/make_curvature.py by their number.
  private final class Network: PerRecordTask {
    let hidden: LinearLayer
    let output: LinearLayer
    private let x: [[Float]]
    private let labels: [Int]

    init(_ golden: JSONObject) throws {
      let (inputs, width, outputs) = (
        try golden.int("inputs"), try golden.int("hidden"), try golden.int("outputs")
      )
      var numbers = try golden.doubles("parameters").map { Float($0) }[...]
      func parameter(_ name: String, _ shape: [Int]) throws -> Parameter {
        let count = shape.reduce(1, *)
        defer { numbers = numbers.dropFirst(count) }
        return Parameter(name, try Tensor(Array(numbers.prefix(count)), shape: shape))
      }
      hidden = LinearLayer(
        weight: try parameter("hidden.weight", [width, inputs]),
        bias: try parameter("hidden.bias", [width]))
      output = LinearLayer(
        weight: try parameter("output.weight", [outputs, width]),
        bias: try parameter("output.bias", [outputs]))
      let all = try golden.doubles("x").map { Float($0) }
      x = stride(from: 0, to: all.count, by: inputs).map { Array(all[$0..<$0 + inputs]) }
      labels = try golden.array("labels").compactMap(\.intValue)
    }

    var parameters: [Parameter] { hidden.parameters + output.parameters }
    var records: [Int] { Array(x.indices) }

    func losses(of examples: [Int], on tape: Tape) -> Variable {
      guard
        let rows = try? Tensor(
          examples.flatMap { x[$0] }, shape: [examples.count, hidden.inputs])
      else { preconditionFailure("Network: rows") }
      return tape.crossEntropy(
        tape.linear(tape.tanh(tape.linear(tape.input(rows), hidden)), output),
        targets: examples.map { labels[$0] })
    }
  }

  /// `−½ |A w|²`: bends downwards everywhere.
  private final class Downwards: PerRecordTask {
    let inner: Quadratic
    init(_ inner: Quadratic) { self.inner = inner }
    var parameters: [Parameter] { inner.parameters }
    func losses(of examples: [Int], on tape: Tape) -> Variable {
      tape.scaled(inner.losses(of: examples, on: tape), by: -1)
    }
  }

  @Test(arguments: [3, 512]) func termsEqualThoseOfTheHessian(atOnce: Int) throws {
    let golden = try JSONParser.parse(contentsOf: Checkout.fixture("privacy/curvature.json"))
      .requiredObject()
    let network = try Network(golden)
    let before = network.parameters.map { $0.value.values.map(\.bitPattern) }
    let probes = 400
    let terms = CurvatureProbe(
      network, records: network.records, recordsAtOnce: atOnce, in: ComputeContext()
    ).terms(
      clipping: try Clipping(length: golden.double("clip"), function: .vanilla), probes: probes,
      seed: 3)
    // The parameters are what they were, and no gradient is left.
    #expect(network.parameters.map { $0.value.values.map(\.bitPattern) } == before)
    #expect(network.parameters.allSatisfy { $0.gradient == nil })
    expectClose(
      terms.gradientSquare, try golden.double("gradientSquare"), absolute: 0, relative: 1e-5)
    expectClose(
      terms.clipFactor, try golden.double("clipFactor"), absolute: 0, relative: 1e-4)
    expectClose(
      terms.clipAlongGradient, try golden.double("clipAlongGradient"), absolute: 0,
      relative: 1e-4)
    // Differences over a hundredth of the parameters' length: a thousandth of third-order terms.
    expectClose(
      terms.alongGradient, try golden.double("alongGradient"), absolute: 0, relative: 5e-3)
    for (name, found) in [("trace", terms.trace), ("sampling", terms.sampling)] {
      let error = try golden.double(name + "Deviation") / Double(probes).squareRoot()
      expectClose(
        found, try golden.double(name), absolute: 4 * error, relative: 5e-3, name)
    }
  }

  @Test func quadraticsAreExact() throws {
    let task = try Quadratic(size: 12, seed: 1)
    let gradient = task.gradient
    let probe = CurvatureProbe(task, records: [0, 0, 0], in: ComputeContext())
    let terms = probe.terms(clipping: try Clipping(function: .vanilla), probes: 300, seed: 1)
    let square = gradient.reduce(0) { $0 + $1 * $1 }
    expectClose(terms.gradientSquare, square, absolute: 0, relative: 1e-5)
    // GᵀHG = |A G|².
    let a = task.matrix.values.map(Double.init)
    let bent = (0..<12).reduce(0.0) { sum, row in
      let product = (0..<12).reduce(0.0) { $0 + a[row * 12 + $1] * gradient[$1] }
      return sum + product * product
    }
    expectClose(terms.alongGradient, bent, absolute: 0, relative: 1e-4)
    expectClose(terms.trace, task.trace, absolute: 0, relative: 0.05)
    // All records are the same: nothing varies.
    expectClose(terms.sampling, 0, absolute: 1e-6)
    let length = square.squareRoot()
    expectClose(terms.clipFactor, min(1, 1 / length), absolute: 1e-4)
  }

  /// Where the loss bends downwards no step is the best, and that is said.
  @Test func indefiniteCurvatureIsReported() throws {
    let terms = CurvatureProbe(
      Downwards(try Quadratic(size: 12, seed: 1)), records: [0], in: ComputeContext()
    ).terms(clipping: try Clipping(), probes: 4, seed: 1)
    #expect(terms.alongGradient < 0 && terms.trace < 0)
    let mechanism = CurvatureTerms.Mechanism(batch: 10, noise: 1)
    #expect(terms.bestRate(mechanism) == nil && terms.bestDrop(mechanism) == nil)
    #expect(terms.deceleratorShare(mechanism) == nil && terms.bestBatch(noise: 1) == nil)
  }

  /// The figures of the specification, section 5: shares and B* from its terms.
  @Test func sharesAndBatchesFollowFromTerms() {
    // tr(HΣ)/B and the decelerator are at B = 256, σ = 4.27.
    let terms = CurvatureTerms(
      gradientSquare: 0.5, alongGradient: 0.00123, sampling: 0.00116 * 256,
      trace: 0.00402 * 256 * 256 / (4.27 * 4.27), clipFactor: 1, clipAlongGradient: 1)
    let mechanism = CurvatureTerms.Mechanism(batch: 256, noise: 4.27)
    expectClose(terms.decelerator(mechanism), 0.00402, absolute: 1e-9)
    expectClose(terms.deceleratorShare(mechanism) ?? .nan, 0.63, absolute: 0.005)
    expectClose(terms.bestBatch(noise: 4.27) ?? .nan, 462, absolute: 2)
    // The best rate has the best drop, and the drop vanishes at twice that rate.
    let rate = terms.bestRate(mechanism) ?? .nan
    expectClose(
      terms.drop(rate: rate, mechanism), terms.bestDrop(mechanism) ?? .nan, absolute: 1e-9)
    expectClose(terms.drop(rate: 2 * rate, mechanism), 0, absolute: 1e-9)
    // Clipping alone cancels out of the best drop.
    var clipped = terms
    clipped.clipFactor = 0.2
    let plain = CurvatureTerms.Mechanism(batch: 256, noise: 0)
    expectClose(
      clipped.bestDrop(plain) ?? .nan, terms.bestDrop(plain) ?? .nan, absolute: 1e-12)
    expectClose(
      clipped.bestRate(plain) ?? .nan, 5 * (terms.bestRate(plain) ?? .nan), absolute: 1e-9)
  }

  /// For a quadratic loss without clipping the formula is exact: the mean drop over noisy steps, at
  /// learning rates below and above the best.
  @Test func noisyStepsOnQuadraticsFollowTheFormula() throws {
    let task = try Quadratic(size: 12, seed: 1)
    let clipping = try Clipping(length: 1e6, function: .vanilla)
    var terms = CurvatureProbe(task, records: [0], in: ComputeContext())
      .terms(clipping: clipping, probes: 1, seed: 1)
    terms.trace = task.trace
    let mechanism = CurvatureTerms.Mechanism(batch: 1, noise: 0.5)
    let trials = 4000
    var settings = try PrivateTrainingSettings(clipping: clipping, expectedRecords: 1)
    settings.randomness = .insecure(InsecureSeed(7))
    let source = try PrivateTraining(
      task, records: [0],
      ledger: .forTests(noise: mechanism.noise / 1e6, rate: 1, steps: trials), settings: settings,
      in: ComputeContext()
    ).source
    let best = try #require(terms.bestRate(mechanism))
    let rates = OneStepTheory.multiples.map { $0 * best }
    let start = task.weight.value.values.map(Double.init)
    let a = task.matrix.values.map(Double.init)
    func loss(_ w: [Double]) -> Double {
      (0..<12).reduce(0.0) { sum, row in
        let product = (0..<12).reduce(0.0) { $0 + a[row * 12 + $1] * w[$1] }
        return sum + 0.5 * product * product
      }
    }
    var drops = [Double](repeating: 0, count: rates.count)
    for step in 0..<trials {
      _ = source.computeGradient(of: [0], at: step)
      let gradient = (task.weight.gradient?.values ?? []).map { Double($0) }
      for (number, rate) in rates.enumerated() {
        let moved = zip(start, gradient).map { $0 - rate * $1 }
        drops[number] += (loss(start) - loss(moved)) / Double(trials)
      }
    }
    let scale = try #require(terms.bestDrop(mechanism))
    for (rate, drop) in zip(rates, drops) {
      expectClose(drop, terms.drop(rate: rate, mechanism), absolute: 0.05 * scale, "\(rate / best)")
    }
    let measured = try #require(OneStepTheory.bestRate(rates, drops))
    expectClose(measured / best, 1, absolute: 0.05)
    let predicted = rates.map { terms.drop(rate: $0, mechanism) }
    #expect(OneStepTheory.correlation(drops, predicted) > 0.99)
  }
}
