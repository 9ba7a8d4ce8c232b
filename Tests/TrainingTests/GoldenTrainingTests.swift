import Basics
import Models
import Tensors
import TestSupport
import Testing
import Training

/// Optimizers, schedules and losses against PyTorch (Tests/Fixtures/training), and ten steps of AdamW
/// on tiny models against `transformers` (Tests/Fixtures/models/make_gradients.py).
@Suite struct GoldenTrainingTests {
  private let golden: JSONObject

  init() throws {
    golden = try JSONParser.parse(contentsOf: Checkout.fixture("training/training.json"))
      .requiredObject()
  }

  private static func numbers(_ value: JSONValue) -> [Float] {
    (value.arrayValue ?? []).map { Float($0.doubleValue ?? .nan) }
  }

  private static let rules: [(String, Optimizer.Rule, Double)] = [
    ("sgd", .sgd(), 0), ("sgd decay", .sgd(), 0.2), ("momentum", .sgd(momentum: 0.9), 0.2),
    ("nesterov", .sgd(momentum: 0.9, isNesterov: true), 0),
    ("adam", .adam(beta1: 0.8, beta2: 0.95, epsilon: 1e-6), 0.2),
    ("adamw", .adamW(beta1: 0.8, beta2: 0.95, epsilon: 1e-6), 0.2),
    ("rmsprop", .rmsProp(smoothing: 0.9, epsilon: 1e-6), 0.2),
  ]

  private func parameters() throws -> [Parameter] {
    let start = try golden.array("start").map(Self.numbers)
    return [
      Parameter("a", try Tensor(start[0], shape: [2, 3])),
      Parameter("b", try Tensor(start[1], shape: [4])),
    ]
  }

  private func setGradients(_ parameters: [Parameter], step: Int) throws {
    let gradients = (try golden.array("gradients")[step].arrayValue ?? []).map(Self.numbers)
    for (parameter, gradient) in zip(parameters, gradients) {
      parameter.clearGradient()
      parameter.updateGradient { values in
        for i in values.indices { values[i] = gradient[i] }
      }
    }
  }

  @Test func optimizersEqualPyTorch() throws {
    for (name, rule, decay) in Self.rules {
      let parameters = try parameters()
      let groups = [ParameterGroup(parameters, learningRate: 0.2, weightDecay: decay)]
      let optimizer = Optimizer(rule, groups: groups, in: ComputeContext())
      for (step, expected) in try golden.object("optimizers").array(name).enumerated() {
        try setGradients(parameters, step: step)
        // Half of a rate of 0.2: the schedule's factor.
        optimizer.step(factor: 0.5)
        for (parameter, values) in zip(parameters, expected.arrayValue ?? []) {
          expectClose(
            parameter.value.values, Self.numbers(values), absolute: 5e-6, "\(name), step \(step)")
        }
      }
    }
  }

  /// Saved after three steps and restored into a new optimizer: the other three have the same bits.
  @Test func optimizersGoOnFromTheirState() throws {
    for (name, rule, decay) in Self.rules {
      func optimizer(_ parameters: [Parameter]) -> Optimizer {
        let group = ParameterGroup(parameters, learningRate: 0.1, weightDecay: decay)
        return Optimizer(rule, groups: [group], in: ComputeContext())
      }
      let whole = try parameters()
      let first = optimizer(whole)
      var halfway: (values: [Tensor], state: StateRecord)?
      for step in 0..<6 {
        if step == 3 { halfway = (whole.map(\.value), first.savedState()) }
        try setGradients(whole, step: step)
        first.step()
      }
      let resumed = try parameters()
      let second = optimizer(resumed)
      for (parameter, value) in zip(resumed, halfway?.values ?? []) { try parameter.assign(value) }
      if let state = halfway?.state { try second.restore(state) }
      for step in 3..<6 {
        try setGradients(resumed, step: step)
        second.step()
      }
      #expect(resumed.map(\.value.values) == whole.map(\.value.values), "\(name)")
    }
  }

  @Test func frozenParametersStay() throws {
    let parameters = try parameters()
    parameters[0].isTrainable = false
    try setGradients(parameters, step: 0)
    let groups = [ParameterGroup(parameters, learningRate: 0.1, weightDecay: 0.5)]
    let before = parameters.map(\.value.values)
    Optimizer(.adamW(), groups: groups, in: ComputeContext()).step()
    #expect(parameters[0].value.values == before[0] && parameters[1].value.values != before[1])
  }

  @Test func schedulesEqualTransformers() throws {
    for (name, factors) in try golden.object("schedules").members {
      let parts = name.split(separator: " ")
      let schedule = Schedule(
        Schedule.Shape(rawValue: String(parts[0])) ?? .constant, warmupSteps: Int(parts[1]) ?? -1,
        totalSteps: 10)
      let expected = (factors.arrayValue ?? []).compactMap(\.doubleValue)
      expectClose((0..<10).map(schedule.factor), expected, absolute: 1e-12, name)
    }
    let constant = Schedule(.constant, warmupSteps: 2, totalSteps: 4)
    #expect((0..<5).map(constant.factor) == [0, 0.5, 1, 1, 1])
  }

  @Test func lossesEqualPyTorch() throws {
    let losses = try golden.object("losses")
    func run(_ name: String, _ loss: (Tape, [Variable]) -> Variable) throws {
      let tape = Tape(in: ComputeContext())
      let inputs = try ["q", "p", "n"].map { key in
        tape.input(
          try Tensor(Self.numbers(.array(losses.array(key))), shape: [4, 5]), requiresGradient: true
        )
      }
      let values = loss(tape, inputs)
      let expected = try losses.object(name)
      expectClose(
        values.value.values, Self.numbers(.array(try expected.array("loss"))), absolute: 5e-6, name)
      tape.backward(from: tape.mean(values))
      for (input, gradient) in zip(inputs, try expected.array("gradients")) {
        let numbers = Self.numbers(gradient)
        expectClose(
          input.gradient?.values ?? numbers.map { _ in 0 }, numbers, absolute: 1e-5, name)
      }
    }
    func joined(_ tape: Tape, _ a: Variable, _ b: Variable) -> Variable {

      tape.concatenated([a, b])
    }
    for includesPositive in [true, false] {
      try run(includesPositive ? "contrastive" : "decoupled") { tape, x in
        ContrastiveLoss(inverseTemperature: 20, includesPositive: includesPositive).losses(
          queries: x[0], passages: joined(tape, x[1], x[2]), positives: [0, 1, 2, 3], on: tape)
      }
    }
    try run("margin") { tape, x in
      MarginLoss(margin: 0.3).losses(queries: x[0], positives: x[1], negatives: x[2], on: tape)
    }
    try run("triplet") { tape, x in
      TripletLoss(margin: 0.5).losses(queries: x[0], positives: x[1], negatives: x[2], on: tape)
    }
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"])
  func tenStepsOfAdamWEqualTransformers(name: String) throws {
    let steps = try GoldenArrays("models", "\(name)-steps")
    let inputs = try GoldenArrays("models", name).idLists("inputs")
    let classifier = try SequenceClassifier(
      directory: Checkout.fixture("models/\(name)"), labels: ["a", "b", "c"], seed: 1)
    for parameter in classifier.headParameters {
      let stored = (parameter.name.hasPrefix("pooler.") ? "bert." : "") + parameter.name
      try parameter.assign(Tensor(steps.array("head/" + stored), shape: parameter.shape))
    }
    let labels = try steps.description.ints("labels")
    let examples = try steps.description.ints("inputs").enumerated().map { index, input in
      LabelledTokens(
        tokens: TokenSequence(ids: inputs[input], typeIDs: inputs[input].map { _ in 0 }),
        label: labels[index])
    }
    let context = ComputeContext(threads: 2)
    let task = ClassificationTask(classifier)
    let source = Backpropagation(task, in: context)
    let group = ParameterGroup(
      task.parameters, learningRate: try steps.description.double("learning_rate"),
      weightDecay: try steps.description.double("weight_decay"))
    let optimizer = Optimizer(.adamW(), groups: [group], in: context)
    let expected = try steps.description.array("losses").compactMap(\.doubleValue)
    #expect(expected.count == 10 && expected[9] < expected[0])
    for (step, loss) in expected.enumerated() {
      expectClose(
        source.computeGradient(of: examples, at: step) ?? .nan, loss, absolute: 1e-5,
        "\(name), step \(step)")
      optimizer.step()
    }
  }
}
