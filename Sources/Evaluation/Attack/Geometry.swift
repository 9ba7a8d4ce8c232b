import Attacks
public import Basics
import Corpus
import Glibc
import Models
public import Retrieval
import Statistics

/// Why the attack works, or does not: where concatenation moves an embedding.
///
/// With q the question, t the payload, p the poisoned document and v = f(p) − f(q). Inner products
/// are summed in Float64. For an asymmetric retriever f(q) is the query side ("what ranking sees");
/// `concatenationAngle` uses the passage side of q ("what concatenation does").
///
/// - SeeAlso: rag-poisoning.md, sections 2.2 and 4.1.
public struct Geometry: Sendable {
  /// One statistic over the questions.
  public struct Statistic: Sendable {
    /// Its name in results.
    public let name: String
    /// What it is, with its unit.
    public let meaning: String
    /// One value for each question it is defined for.
    public let values: [Double]
  }

  /// The statistics, in the order of the table.
  public let statistics: [Statistic]

  /// Computes the statistics over the first document of each question.
  ///
  /// - Parameters:
  ///   - poisoned: the attack.
  ///   - clean: the query set before it.
  ///   - passages: the corpus's vectors.
  ///   - embedder: the retriever.
  ///   - k: the k of the margin and of the clean angle.
  /// - Throws: what embedding throws.
  public init(
    of poisoned: PoisonedRetrieval, clean: CleanRetrieval, passages: VectorMatrix,
    embedder: Embedder, k: Int
  ) throws {
    let model = embedder.model
    let payloads = poisoned.documents.map { $0.payloadText ?? "" }
    let texts = clean.queries.map(\.text)
    let payloadVectors = try embedder.embed(
      payloads.map { .passage(title: "", text: $0, separator: " ") })
    let passageSide = try embedder.embed(
      texts.map { .passage(title: "", text: $0, separator: " ") }
    ).matrix
    let hasPayload = Set(payloadVectors.unembeddable)
    let encoder = model.encoder(for: .passage)
    var columns = [[Double]](repeating: [], count: Column.allCases.count)
    func add(_ column: Column, _ value: Double) {
      if value.isFinite { columns[column.rawValue].append(value) }
    }
    for (query, own) in poisoned.own.enumerated() {
      guard let number = own.first else { continue }
      let q = clean.vectors[query]
      let d = passageSide[query]
      let p = poisoned.vectors[number]
      let qq = dot(q, q)
      let pq = dot(q, p)
      let pp = dot(p, p)
      add(.angle, degrees(pq - qq, qq, pp - 2 * pq + qq))
      add(.absoluteAngle, abs(90 - degrees(pq - qq, qq, pp - 2 * pq + qq)))
      add(.shift, pq - qq)
      let dd = dot(d, d)
      let pd = dot(d, p)
      add(.concatenationAngle, degrees(pd - dd, dd, pp - 2 * pd + dd))
      add(.retention, pq / qq)
      add(.cosine, pq / (qq * pp).squareRoot())
      add(.normGrowth, (pp / qq).squareRoot())
      if !hasPayload.contains(number) {
        let t = payloadVectors.matrix[number]
        let tt = dot(t, t)
        let qt = dot(q, t)
        add(.premise, degrees(qt, qq, tt))
        let n = Double(encoder.contentTokenCount(of: texts[query]))
        let m = Double(encoder.contentTokenCount(of: payloads[number]))
        let predicted = Self.dilution(
          qd: dot(q, d), dd: dd, qt: qt, tt: tt, dt: dot(d, t), qq: qq, n: n, m: m,
          normalises: encoder.normalises)
        add(.dilution, predicted)
        add(.dilutionGap, pq / qq - predicted)
      }
      let hits = clean.hits[query]
      let score = poisoned.ownScores[number]
      if hits.count >= k { add(.margin, score - hits[k - 1].score) }
      if let best = hits.first {
        // A cosine is on the scale of self-similarity already, whatever the norm of q.
        add(.cleanGap, model.similarity == .innerProduct ? best.score / qq : best.score)
      }
      let angles = hits.prefix(k).map { hit in
        let passage = passages[hit.row]
        return degrees(dot(q, passage), qq, dot(passage, passage))
      }
      if !angles.isEmpty { add(.cleanAngle, angles.reduce(0, +) / Double(angles.count)) }
    }
    statistics = Column.allCases.map {
      Statistic(name: $0.name, meaning: $0.meaning, values: columns[$0.rawValue])
    }
  }

  /// Retention if the document's vector were the mean of its tokens' shares: n of the question, m
  /// of the payload.
  private static func dilution(
    qd: Double, dd: Double, qt: Double, tt: Double, dt: Double, qq: Double, n: Double, m: Double,
    normalises: Bool
  ) -> Double {
    let inner = (n * qd + m * qt) / (n + m)
    guard normalises else { return inner / qq }
    let length = ((n * n * dd + 2 * n * m * dt + m * m * tt) / ((n + m) * (n + m))).squareRoot()
    return inner / length / qq
  }

  /// Means, deviations and quantiles as JSON, with a histogram of 20 bins.
  ///
  /// - Throws: `StatisticsError` if a value is not finite.
  public func json() throws -> JSONObject {
    var object = JSONObject()
    for statistic in statistics where !statistic.values.isEmpty {
      let summary = try Summary(of: statistic.values, name: statistic.name)
      var entry: JSONObject = [
        "count": JSONValue(summary.count), "mean": .number(summary.mean),
        "q05": .number(summary.quantile5), "median": .number(summary.median),
        "q95": .number(summary.quantile95),
      ]
      if let deviation = summary.standardDeviation.value {
        entry["standardDeviation"] = .number(deviation)
      }
      object[statistic.name] = .object(entry)
    }
    return object
  }

  private enum Column: Int, CaseIterable {
    case angle, absoluteAngle, shift, concatenationAngle, retention, cosine, premise, dilution
    case dilutionGap, margin, cleanGap, cleanAngle, normGrowth

    var name: String { "\(self)" }

    var meaning: String {
      switch self {
      case .angle: "angle of f(q) and v, signed, degrees"
      case .absoluteAngle: "distance of that angle from 90 degrees"
      case .shift: "f(q)·v, signed"
      case .concatenationAngle: "the angle with q on the passage side, degrees"
      case .retention: "f(q)·f(p) / |f(q)|²"
      case .cosine: "cosine of f(q) and f(p)"
      case .premise: "angle of f(q) and f(t), degrees"
      case .dilution: "retention predicted by token shares"
      case .dilutionGap: "retention minus that prediction"
      case .margin: "score of p minus the k-th clean score"
      case .cleanGap: "best clean score / |f(q)|²"
      case .cleanAngle: "mean angle of f(q) and the first clean passages, degrees"
      case .normGrowth: "|f(p)| / |f(q)|"
      }
    }
  }
}

private func dot(_ a: [Float], _ b: [Float]) -> Double {
  var sum = 0.0
  for i in a.indices { sum += Double(a[i]) * Double(b[i]) }
  return sum
}

/// Angle in degrees from the inner product and the squared lengths; NaN if one length is 0.
private func degrees(_ inner: Double, _ aa: Double, _ bb: Double) -> Double {
  guard aa > 0, bb > 0 else { return .nan }
  return acos(max(-1, min(1, inner / (aa * bb).squareRoot()))) * 180 / .pi
}
