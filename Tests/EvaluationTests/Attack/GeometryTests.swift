import Attacks
import Basics
import Corpus
import Evaluation
import Glibc
import Models
import Retrieval
import TestSupport
import Testing

/// The statistics against the formulas of rag-poisoning.md, sections 2.2 and 4.1, written out on
/// whole vectors in Float64.
@Suite struct GeometryTests {
  private static func attacked(
    _ bench: AttackBench, copies: Int = 2
  ) throws -> (clean: CleanRetrieval, poisoned: PoisonedRetrieval) {
    let experiment = AttackExperiment(
      bundle: bench.bundle, index: try bench.index(), embedder: bench.embedder(),
      settings: try bench.settings(copies: copies))
    let clean = try experiment.clean("one")
    return (clean, try experiment.poison(clean, kind: "pii"))
  }

  @Test(arguments: ["tiny-bert", "tiny-bert-cls", "l2", "asymmetric"])
  func valuesEqualTheFormulas(variant: String) throws {
    let bench = try AttackBench(variant == "tiny-bert" ? variant : "tiny-bert-cls") {
      if variant == "l2" { $0.similarity = .l2 }
      if variant == "asymmetric" { $0.queryPrompt = "ask " }
    }
    let k = 3
    let (clean, poisoned) = try Self.attacked(bench)
    let geometry = try Geometry(
      of: poisoned, clean: clean, passages: bench.index().vectors, embedder: bench.embedder(), k: k)
    let values = Dictionary(
      uniqueKeysWithValues: geometry.statistics.map { ($0.name, $0.values) })
    let expected = try Self.expected(bench, clean, poisoned, k: k)
    #expect(Set(values.keys) == Set(expected.keys))
    for (name, list) in expected {
      #expect(list.count == 12, "\(name)")
      // A margin is the difference of two scores in Float32, of a size of 32 in these models.
      expectClose(
        values[name] ?? [], list, absolute: name == "margin" ? 1e-5 : 1e-7, relative: 1e-7,
        "\(variant) \(name)")
    }
  }

  private static func expected(
    _ bench: AttackBench, _ clean: CleanRetrieval, _ poisoned: PoisonedRetrieval, k: Int
  ) throws -> [String: [Double]] {
    let embedder = bench.embedder(threads: 1)
    func vector(_ input: EmbeddingInput) throws -> [Double] {
      try embedder.embed([input]).matrix[0].map(Double.init)
    }
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    func norm(_ a: [Double]) -> Double { dot(a, a).squareRoot() }
    func minus(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 - $1 } }
    func angle(_ a: [Double], _ b: [Double]) -> Double {
      acos(dot(a, b) / (norm(a) * norm(b))) * 180 / .pi
    }
    func score(_ a: [Double], _ b: [Double]) -> Double {
      switch bench.model.similarity {
      case .innerProduct: dot(a, b)
      case .cosine: dot(a, b) / (norm(a) * norm(b))
      case .l2: -dot(minus(a, b), minus(a, b))
      }
    }
    let passages = try bench.passages.map {
      try vector(.passage(title: $0.title, text: $0.text, separator: ". "))
    }
    let encoder = bench.model.encoder(for: .passage)
    var result: [String: [Double]] = [:]
    for (number, query) in clean.queries.enumerated() {
      let document = poisoned.documents[2 * number]
      let payload = try #require(document.payloadText)
      #expect(document.text == query.text + " " + payload)
      let q = try vector(.query(query.text))
      let d = try vector(.passage(title: "", text: query.text, separator: " "))
      let p = try vector(.passage(title: "", text: document.text, separator: ". "))
      let t = try vector(.passage(title: "", text: payload, separator: " "))
      let v = minus(p, q)
      func add(_ name: String, _ value: Double) { result[name, default: []].append(value) }
      add("angle", angle(q, v))
      add("absoluteAngle", abs(90 - angle(q, v)))
      add("shift", dot(q, v))
      add("concatenationAngle", angle(d, minus(p, d)))
      add("retention", dot(q, p) / dot(q, q))
      add("cosine", dot(q, p) / (norm(q) * norm(p)))
      add("normGrowth", norm(p) / norm(q))
      add("premise", angle(q, t))
      // The mean over n tokens that look like the question and m that look like the payload.
      let n = Double(
        encoder.tokenizer.encodeWithoutTemplate(query.text, maximumTokens: nil).ids.count)
      let m = Double(encoder.tokenizer.encodeWithoutTemplate(payload, maximumTokens: nil).ids.count)
      var mean = zip(d, t).map { (n * $0 + m * $1) / (n + m) }
      if encoder.normalises {
        let length = norm(mean)
        mean = mean.map { $0 / length }
      }
      add("dilution", dot(q, mean) / dot(q, q))
      add("dilutionGap", dot(q, p) / dot(q, q) - dot(q, mean) / dot(q, q))
      let ranked = passages.sorted { score(q, $0) > score(q, $1) }
      add("cleanAngle", ranked.prefix(k).reduce(0) { $0 + angle(q, $1) } / Double(k))
      let scores = ranked.map { score(q, $0) }
      add("margin", score(q, p) - scores[k - 1])
      add("cleanGap", bench.model.similarity == .innerProduct ? scores[0] / dot(q, q) : scores[0])
    }
    return result
  }

  /// A question longer than the encoder reads: the poison's vector is the question's, v is zero.
  @Test func anAngleThatDoesNotExistIsLeftOut() throws {
    let bench = try AttackBench {
      $0.queryMaximumTokens = 4
      $0.passageMaximumTokens = 4
    }
    let (clean, poisoned) = try Self.attacked(bench)
    let geometry = try Geometry(
      of: poisoned, clean: clean, passages: bench.index().vectors, embedder: bench.embedder(), k: 1)
    let angle = try #require(geometry.statistics.first { $0.name == "angle" })
    let retention = try #require(geometry.statistics.first { $0.name == "retention" })
    #expect(angle.values.count < retention.values.count)
    #expect(retention.values.contains(1))
    #expect(retention.values.allSatisfy(\.isFinite) && angle.values.allSatisfy(\.isFinite))
    _ = try JSONValue.object(geometry.json()).serialized()
  }

  @Test func everyStatisticSaysWhatItIs() throws {
    let bench = try AttackBench()
    let (clean, poisoned) = try Self.attacked(bench, copies: 1)
    let geometry = try Geometry(
      of: poisoned, clean: clean, passages: bench.index().vectors, embedder: bench.embedder(), k: 1)
    let json = try geometry.json()
    #expect(geometry.statistics.allSatisfy { !$0.meaning.isEmpty })
    for statistic in geometry.statistics {
      let entry = try #require(json[statistic.name]?.objectValue)
      #expect(entry["count"]?.intValue == statistic.values.count)
      expectClose(
        entry["mean"]?.doubleValue ?? .nan,
        statistic.values.reduce(0, +) / Double(statistic.values.count), absolute: 1e-12)
    }
  }
}
