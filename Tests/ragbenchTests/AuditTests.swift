import Basics
import TestSupport
import Testing

/// `ragbench audit epsilon`.
@Suite struct AuditTests {
  private func facts(_ line: String) throws -> JSONValue {
    try Command().json(["audit", "epsilon"] + line.split(separator: " ").map(String.init))
  }

  @Test func epsilonsOfAllAccountants() throws {
    let facts = try facts("--sigma 1 --rate 0.01 --steps 1000 --delta 1e-5")
    func number(_ key: String) -> Double { facts[key]?.doubleValue ?? .nan }
    expectClose(number("epsilonPRVEstimate"), 1.8282, absolute: 5e-4)
    expectClose(number("epsilonRDP"), 2.10137, absolute: 6e-6)
    expectClose(number("epsilonGDPApproximation"), 1.61771, absolute: 1e-5)
    #expect(number("epsilonPRVLower") < number("epsilonPLD"))
    #expect(number("epsilonPLD") < number("epsilonPRV") && number("epsilonPRV") < 1.84)
    #expect(facts["adjacency"]?.stringValue == "add-or-remove-one-record")
    #expect(facts["sampling"]?.stringValue == "poisson")
  }

  @Test func noiseAndStepsAreFound() throws {
    let noise = try facts("--epsilon 2 --rate 0.01 --steps 1000 --delta 1e-5 --records 9000")
    let sigma = try #require(noise["sigma"]?.doubleValue)
    expectClose(sigma, 0.96, absolute: 0.02)
    #expect(noise["epsilonPLD"]?.doubleValue ?? .nan <= 2)
    let steps = try facts("--epsilon 2 --rate 0.01 --sigma \(sigma) --delta 1e-5")["steps"]
    #expect((steps?.intValue ?? 0) >= 1000 && (steps?.intValue ?? 0) < 1020)
    // All given: whether they fit.
    let kept = try facts("--epsilon 2 --rate 0.01 --sigma \(sigma) --steps 900 --delta 1e-5")
    #expect(kept["epsilonTarget"]?.doubleValue == 2)
  }

  @Test func withoutNoiseEpsilonIsInfinite() throws {
    let facts = try facts("--sigma 0 --rate 0.01 --steps 10 --delta 1e-5")
    for key in ["epsilonPRV", "epsilonPLD", "epsilonRDP", "epsilonGDPApproximation"] {
      #expect(facts[key]?.stringValue == "infinite")
    }
  }

  @Test func whatIsTooLargeForAGridIsBoundedByRDP() throws {
    let facts = try facts("--sigma 0.02 --rate 0.5 --steps 1000 --delta 1e-5")
    #expect(facts["epsilonPRV"]?.stringValue == "not computable")
    #expect(facts["epsilonRDP"]?.doubleValue ?? 0 > 1000)
  }

  /// Budgets at which a first guess of the noise is out of an accountant's reach; what is told is within them.
  @Test(arguments: [(0.05, 0.1, 100), (0.1, 0.01, 100), (0.5, 0.05, 1000), (8, 0.05, 8000)])
  func smallBudgetsAndLongRunsAreKept(epsilon: Double, rate: Double, steps: Int) throws {
    let facts = try facts("--epsilon \(epsilon) --rate \(rate) --steps \(steps) --delta 1e-5")
    let spent = try #require(facts["epsilonPRV"]?.doubleValue)
    #expect(spent <= epsilon && spent > 0.8 * epsilon, "\(spent)")
  }

  @Test func aPersonSeesATable() throws {
    let result = try Command().run(
      "audit epsilon --sigma 1 --rate 0.01 --steps 100 --delta 1e-5".split(separator: " ")
        .map(String.init))
    #expect(result.status == 0 && result.outputText.contains("epsilonPRV"))
  }

  static let refusals: [(String, String)] = [
    ("--sigma 1 --rate 1.5 --steps 10 --delta 1e-5", "the sampling rate is 1.5"),
    ("--sigma 1 --rate 0.1 --steps 10 --delta 0", "delta is 0"),
    ("--sigma 1 --rate 0.1 --steps 10 --delta 1", "delta is 1"),
    ("--sigma 1 --rate 0.1 --steps 10 --delta 1e-3 --records 1000", "less than 1/n"),
    ("--sigma 1 --rate 0.1 --steps 10 --delta 1e-3 --records 0", "--records"),
    ("--sigma 0 --rate 0.1 --steps 10 --delta 1e-5 --epsilon 8", "cannot be claimed"),
    ("--sigma 0 --rate 0.1 --delta 1e-5 --epsilon 8", "cannot be claimed"),
    ("--sigma 0.5 --rate 0.5 --steps 100 --delta 1e-5 --epsilon 1", "the budget is 1.0000"),
    ("--sigma 0.3 --rate 0.9 --delta 1e-5 --epsilon 0.1", "not one step"),
    ("--sigma -1 --rate 0.1 --steps 10 --delta 1e-5", "noise multiplier"),
    ("--sigma 1 --rate 0.1 --steps -1 --delta 1e-5", "steps"),
    ("--rate 0.1 --steps 10 --delta 1e-5", "--epsilon"),
    ("--rate 0.1 --delta 1e-5 --epsilon 1", "--sigma or --steps"),
    ("--rate 0.1 --steps 10 --delta 1e-5 --epsilon 0", "epsilon is 0"),
    ("--sigma 1e10 --rate 0.01 --steps 10 --delta 1e-5", "0 to 1e8"),
    ("--sigma 1 --rate 0.01 --steps 2000000000000000000 --delta 1e-5", "0 to 1e12"),
    ("--rate 0 --steps 10 --delta 1e-5 --epsilon 1", "rate 0"),
  ]

  @Test(arguments: refusals) func badSettingsAreRefused(_ line: String, _ reason: String) throws {
    let arguments = line.replacing("--sigma -1", with: "--sigma=-1")
      .replacing("--steps -1", with: "--steps=-1").split(separator: " ").map(String.init)
    let result = try Command().run(["audit", "epsilon"] + arguments)
    #expect(result.status == 64, "\(result.errorText)")
    #expect(result.errorText.contains(reason), "\(result.errorText)")
    #expect(result.output.isEmpty)
  }
}
