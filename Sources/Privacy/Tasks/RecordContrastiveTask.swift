public import Models
public import Tensors
public import Training

/// A retriever that learns from pairs with negatives of their own: each question shall prefer its
/// passage to the record's negatives.
///
/// Nothing of another record enters, unlike ``ContrastiveTask``. A record is question, passage and
/// negatives together; negatives are public texts or part of the record. A record without negatives
/// has loss 0.
public final class RecordContrastiveTask: PerRecordTask {
  private let encoder: any TrainableEncoder
  private let pooling: Pooling
  private let normalises: Bool
  private let inverseTemperature: Float

  /// A task.
  ///
  /// - Parameters:
  ///   - encoder: embeds questions and passages.
  ///   - pooling: how token states become a vector.
  ///   - normalises: whether vectors are divided by their length.
  ///   - inverseTemperature: what inner products are multiplied by, above 0.
  public init(
    _ encoder: any TrainableEncoder, pooling: Pooling, normalises: Bool,
    inverseTemperature: Float = 20
  ) {
    precondition(inverseTemperature > 0, "RecordContrastiveTask: \(inverseTemperature)")
    self.encoder = encoder
    self.pooling = pooling
    self.normalises = normalises
    self.inverseTemperature = inverseTemperature
  }

  /// The encoder's.
  public var parameters: [Parameter] { encoder.parameters }

  /// `−β s(q, p) + log (exp β s(q, p) + Σ_n exp β s(q, n))` for each record, in nats.
  public func losses(of examples: [TokenPair], on tape: Tape) -> Variable {
    // The texts of a record lie side by side: one pass, and one stretch of rows for each record.
    var texts: [TokenSequence] = []
    var owners: [Int] = []
    var queries: [Int] = []
    var passages: [Int] = []
    var groups = [0]
    for (index, example) in examples.enumerated() {
      let candidates = [example.positive] + example.negatives
      queries += candidates.map { _ in texts.count }
      passages += candidates.indices.map { texts.count + 1 + $0 }
      texts += [example.query] + candidates
      owners += [index] + candidates.map { _ in index }
      groups.append(passages.count)
    }
    var boundaries = [0]
    for text in texts { boundaries.append((boundaries.last ?? 0) + text.ids.count) }
    let vectors = encoder.vectors(
      of: texts,
      packing: Packing(boundaries: boundaries, examples: owners, exampleCount: examples.count),
      pooling: pooling, normalises: normalises, on: tape)
    let scores = tape.scaled(
      tape.rowProducts(
        tape.gather(vectors, rows: queries), tape.gather(vectors, rows: passages)),
      by: inverseTemperature)
    return tape.groupedCrossEntropy(scores, boundaries: groups)
  }
}
