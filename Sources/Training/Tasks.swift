public import Models
public import Tensors

/// A pair as tokens.
public struct TokenPair: Sendable, Equatable {
  /// The question's tokens.
  public var query: TokenSequence
  /// The tokens of a passage that answers it.
  public var positive: TokenSequence
  /// Tokens of passages that do not.
  public var negatives: [TokenSequence]

  /// A pair.
  public init(query: TokenSequence, positive: TokenSequence, negatives: [TokenSequence] = []) {
    self.query = query
    self.positive = positive
    self.negatives = negatives
  }

  /// Tokens of all texts.
  public var tokenCount: Int {
    query.ids.count + positive.ids.count + negatives.reduce(0) { $0 + $1.ids.count }
  }
}

/// A retriever that learns from pairs: each question shall prefer its passage to the other passages
/// of the batch and to its own negatives.
public final class ContrastiveTask: TrainingTask {
  private let encoder: any TrainableEncoder
  private let pooling: Pooling
  private let normalises: Bool
  private let loss: ContrastiveLoss

  /// A task.
  ///
  /// - Parameters:
  ///   - encoder: embeds questions and passages.
  ///   - pooling: how token states become a vector.
  ///   - normalises: whether vectors are divided by their length.
  ///   - loss: compares.
  public init(
    _ encoder: any TrainableEncoder, pooling: Pooling, normalises: Bool, loss: ContrastiveLoss
  ) {
    self.encoder = encoder
    self.pooling = pooling
    self.normalises = normalises
    self.loss = loss
  }

  /// The encoder's.
  public var parameters: [Parameter] { encoder.parameters }

  /// A passage or question that another pair of the batch has too counts neither as right nor as
  /// wrong there. The sequences of a pair belong to one example.
  public func losses(of examples: [TokenPair], on tape: Tape) -> Variable {
    let queries = vectors(
      examples.map(\.query), examples: Array(examples.indices), of: examples.count, on: tape)
    var passages = examples.map(\.positive)
    var owners = Array(examples.indices)
    for (index, example) in examples.enumerated() {
      passages += example.negatives
      owners += example.negatives.map { _ in index }
    }
    let excluded = examples.indices.map { row in
      examples.indices.filter { other in
        other != row
          && (examples[other].positive == examples[row].positive
            || examples[other].query == examples[row].query)
      }
        + passages.indices.dropFirst(examples.count).filter {
          passages[$0] == examples[row].positive
        }
    }
    // A query with nothing to compare with is left out, with loss 0.
    let positives = examples.indices.map { row in
      loss.includesPositive || excluded[row].count + 1 < passages.count ? row : -1
    }
    return loss.losses(
      queries: queries,
      passages: vectors(passages, examples: owners, of: examples.count, on: tape),
      positives: positives, excluded: excluded, on: tape)
  }

  private func vectors(
    _ sequences: [TokenSequence], examples: [Int], of count: Int, on tape: Tape
  ) -> Variable {
    var boundaries = [0]
    for sequence in sequences { boundaries.append((boundaries.last ?? 0) + sequence.ids.count) }
    return encoder.vectors(
      of: sequences,
      packing: Packing(boundaries: boundaries, examples: examples, exampleCount: count),
      pooling: pooling, normalises: normalises, on: tape)
  }
}

/// A text as tokens, with the number of its class.
public struct LabelledTokens: Sendable, Equatable {
  /// The text's tokens.
  public var tokens: TokenSequence
  /// The class.
  public var label: Int

  /// A labelled text.
  public init(tokens: TokenSequence, label: Int) {
    self.tokens = tokens
    self.label = label
  }
}

/// A classifier that learns from labelled texts by cross-entropy.
public final class ClassificationTask: TrainingTask {
  private let classifier: SequenceClassifier

  /// A task.
  public init(_ classifier: SequenceClassifier) { self.classifier = classifier }

  /// The classifier's.
  public var parameters: [Parameter] { classifier.parameters }

  /// Cross-entropy in nats.
  public func losses(of examples: [LabelledTokens], on tape: Tape) -> Variable {
    tape.crossEntropy(
      classifier.scores(of: examples.map(\.tokens), on: tape), targets: examples.map(\.label))
  }
}
