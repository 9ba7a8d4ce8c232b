import Basics
import Tensors
import TestSupport
import Testing

@testable import Models

/// Sampling against the logits warpers of `transformers` (Tests/Fixtures/decoders/warpers.json).
@Suite struct SamplingTests {
  @Test func keptTokensAreThoseOfTransformers() throws {
    let golden = try GoldenArrays("decoders", "warpers")
    let logits = try golden.array("logits")
    for (number, settings) in try golden.description.objects("settings").enumerated() {
      let sampling = try Sampling(
        temperature: settings.double("temperature"), topK: settings.optionalInt("top_k"),
        topP: settings.double("top_p"))
      let kept = logits.withUnsafeBufferPointer(sampling.distribution)
      var found = [Double](repeating: 0, count: logits.count)
      for (token, probability) in kept { found[Int(token)] = probability }
      expectClose(
        found, try golden.array("probabilities/\(number)"), absolute: 1e-7, "\(settings)")
      #expect(kept.map(\.probability) == kept.map(\.probability).sorted(by: >))
      #expect(kept.allSatisfy { $0.probability > 0 })
    }
  }

  /// Whatever the margin, the tokens are the first ones of all, sorted.
  @Test func theMarginDoesNotMatter() throws {
    var random = Philox(seed: 4)
    for (spread, topP) in [(0.01, 0.9), (30, 0.99), (1000, 0.5), (1, 1)] {
      let logits = (0..<3000).map { _ in Float.random(in: -1...1, using: &random) * Float(spread) }
      let sampling = try Sampling(temperature: 0.8, topP: topP)
      let kept = logits.withUnsafeBufferPointer(sampling.distribution)
      let order = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
      #expect(kept.map(\.token) == order.prefix(kept.count).map(Int32.init))
      expectClose(kept.reduce(0) { $0 + $1.probability }, 1, absolute: 1e-9)
      #expect(topP < 1 || kept.count == logits.count)
    }
  }

  @Test func drawnByProbability() throws {
    let logits: [Float] = [0, 1, 2, -1]
    let sampling = try Sampling(temperature: 1)
    let kept = logits.withUnsafeBufferPointer(sampling.distribution)
    var counts = [Double](repeating: 0, count: 4)
    let draws = 20_000
    for index in 0..<draws {
      let u = Philox.uniform(seed: 1, stream: 0, index: UInt64(index))
      counts[Int(logits.withUnsafeBufferPointer { sampling.choose($0, uniform: u) })] += 1
    }
    for (token, probability) in kept {
      // Five standard errors of a share.
      expectClose(
        counts[Int(token)] / Double(draws), probability,
        absolute: 5 * (probability * (1 - probability) / Double(draws)).squareRoot())
    }
    for u in [0, 0.999_999_999_999] {
      let token = logits.withUnsafeBufferPointer { sampling.choose($0, uniform: u) }
      #expect(token == (u == 0 ? 2 : 3))
    }
  }

  @Test func greedyTakesTheFirstOfTheBest() throws {
    let logits: [Float] = [1, 3, 3, -.infinity]
    for sampling in [
      Sampling.greedy, try Sampling(temperature: 0), try Sampling(temperature: 1, topK: 1),
      try Sampling(temperature: 1, topP: 1e-9),
    ] {
      #expect(logits.withUnsafeBufferPointer { sampling.choose($0, uniform: 0.9) } == 1)
    }
  }

  @Test func settingsOutOfRangeAreRefused() {
    func message(_ temperature: Double, _ topK: Int?, _ topP: Double) -> String? {
      refusal { _ = try Sampling(temperature: temperature, topK: topK, topP: topP) }
    }
    #expect(message(-0.1, nil, 1) == "the temperature is -0.1, expected 0 to 100.0")
    #expect(message(.nan, nil, 1)?.hasPrefix("the temperature is nan") == true)
    #expect(message(101, nil, 1) != nil && message(.infinity, nil, 1) != nil)
    #expect(message(1, 0, 1) == "top-k is 0, expected 1 or more")
    #expect(message(1, nil, 0) == "top-p is 0.0, expected above 0, up to 1")
    #expect(message(1, nil, 1.01) != nil && message(1, nil, .nan) != nil)
    #expect(message(100, 1, 1) == nil)
  }

  @Test func stopStringsAcrossPieces() {
    func expect(
      _ stops: [String], _ pieces: [String], _ expected: [String], stops isStopped: Bool,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      var stops = StopStrings(stops)
      let out = pieces.map { stops.append($0) } + [stops.finish()]
      #expect(
        out.map { Array($0.utf8) } == expected.map { Array($0.utf8) }
          && stops.isStopped == isStopped, sourceLocation: sourceLocation)
    }
    expect(["END"], ["a E", "N", "D b"], ["a ", "", "", ""], stops: true)
    expect(["END"], ["a E", "N", "X"], ["a ", "", "ENX", ""], stops: false)
    expect(["aab"], ["aaa", "ab!"], ["a", "a", ""], stops: true)
    expect(["\n\n", "\nQ:"], ["x\n", "Q", ":"], ["x", "", "", ""], stops: true)
    expect(["END"], ["E", "N"], ["", "", "EN"], stops: false)
    // A shorter one in what was held for a longer one.
    expect(["ari", "Paris. xyz"], [" Paris"], [" ", "P"], stops: true)
    // Bytes, not canonical equivalence.
    expect(["\u{E9}"], ["e\u{301}"], ["e\u{301}", ""], stops: false)
    expect([], ["a", "b"], ["a", "b", ""], stops: false)
  }
}
