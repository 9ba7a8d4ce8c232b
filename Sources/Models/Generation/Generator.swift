import Basics
public import Tensors

/// Writes on from prompts.
public struct Generator: Sendable {
  /// What is asked for.
  public struct Request: Sendable {
    /// Most tokens that are written.
    public var maximumTokens: Int
    /// How tokens are chosen.
    public var sampling: Sampling
    /// Of the random numbers. Each prompt has a stream of its own, by its place.
    public var seed: UInt64
    /// Tokens that end a text and are no part of it; nil: those of the model.
    public var stopTokens: Set<Int32>?
    /// Strings that end a text and are no part of it.
    public var stopStrings: [String]

    /// A request; greedy, if nothing else is said.
    public init(
      maximumTokens: Int, sampling: Sampling = .greedy, seed: UInt64 = 0,
      stopTokens: Set<Int32>? = nil, stopStrings: [String] = []
    ) {
      self.maximumTokens = maximumTokens
      self.sampling = sampling
      self.seed = seed
      self.stopTokens = stopTokens
      self.stopStrings = stopStrings
    }
  }

  /// Why a text ended.
  public enum Ending: String, Sendable {
    /// The most tokens were written.
    case length
    /// The context is full.
    case context
    /// A stop token was chosen.
    case stopToken
    /// A stop string was written.
    case stopString
  }

  /// What was written on from one prompt.
  public struct Output: Sendable {
    /// The tokens, without the stop token; those of a stop string are among them.
    public var tokens: [Int32] = []
    /// The logarithm of each token's probability before temperature, top-k and top-p, in nats.
    public var logProbabilities: [Double] = []
    /// The text before the stop string, special tokens left out.
    public var text = ""
    /// Why it ended.
    public var ending = Ending.length
  }

  /// The model.
  public let decoder: TransformerDecoder
  /// Turns tokens into text.
  public let text: TokenDecoder

  /// Joins model and vocabulary.
  public init(decoder: TransformerDecoder, text: TokenDecoder) {
    self.decoder = decoder
    self.text = text
  }

  /// Writes on from prompts, all of them side by side.
  ///
  /// - Parameters:
  ///   - prompts: tokens. What is written does not depend on the other prompts.
  ///   - request: what is asked for.
  ///   - context: where it runs.
  ///   - onText: gets each piece of text as soon as it is sure, with the prompt's place.
  /// - Returns: one output for each prompt.
  /// - Throws: `UsageError` for a prompt that is empty, longer than the context or holds no token of the
  ///   vocabulary, and for a request that cannot be met; `MemoryShortage`; `CancellationError`.
  public func write(
    from prompts: [[Int32]], _ request: Request, in context: ComputeContext,
    onText: (_ prompt: Int, _ text: String) -> Void = { _, _ in }
  ) throws -> [Output] {
    try check(request)
    try decoder.configuration.check(prompts, room: 1)
    let limit = decoder.configuration.maximumTokens
    let caches = try prompts.map {
      try decoder.makeCache(tokens: $0.count + min(limit - $0.count, request.maximumTokens))
    }
    let stops = request.stopTokens ?? Set(decoder.configuration.endTokens)
    var writers = prompts.map { _ in Writer(text: text, stops: request.stopStrings) }
    var active = Array(prompts.indices)
    guard request.maximumTokens > 0 else { return writers.map(\.output) }
    var states = try decoder.lastStates(of: prompts, caches: caches, in: context)
    while true {
      try Task.checkCancellation()
      let logits = decoder.logits(of: states, in: context)
      try logits.requireFiniteScores()
      let chosen = choose(logits, active, writers, request)
      let logProbabilities = context.logProbabilities(logits, of: chosen)
      var next: [(prompt: Int, token: Int32)] = []
      for (row, prompt) in active.enumerated() {
        if stops.contains(chosen[row]) {
          writers[prompt].output.ending = .stopToken
        } else {
          writers[prompt].take(chosen[row], logProbabilities[row]) { onText(prompt, $0) }
          let written = writers[prompt].output.tokens.count
          if writers[prompt].isStopped {
            // Said below.
          } else if written == request.maximumTokens {
            writers[prompt].output.ending = .length
          } else if prompts[prompt].count + written >= limit {
            writers[prompt].output.ending = .context
          } else {
            next.append((prompt, chosen[row]))
            continue
          }
        }
        writers[prompt].finish { onText(prompt, $0) }
        if writers[prompt].isStopped { writers[prompt].output.ending = .stopString }
      }
      guard !next.isEmpty else { return writers.map(\.output) }
      active = next.map(\.prompt)
      states = decoder.states(
        of: next.map { [$0.token] }, caches: active.map { caches[$0] }, in: context)
    }
  }

  private func choose(
    _ logits: Tensor, _ active: [Int], _ writers: [Writer], _ request: Request
  ) -> [Int32] {
    logits.withValues { values in
      active.enumerated().map { row, prompt in
        request.sampling.choose(
          UnsafeBufferPointer(rebasing: values[row * logits.columns..<(row + 1) * logits.columns]),
          uniform: Philox.uniform(
            seed: request.seed, stream: UInt64(prompt),
            index: UInt64(writers[prompt].output.tokens.count)))
      }
    }
  }

  private func check(_ request: Request) throws {
    let vocabulary = decoder.configuration.vocabularySize
    guard request.maximumTokens >= 0 else {
      throw UsageError("\(request.maximumTokens) tokens are asked for, expected 0 or more")
    }
    if let topK = request.sampling.topK, topK > vocabulary {
      throw UsageError("top-k is \(topK), the vocabulary has \(vocabulary) tokens")
    }
    guard request.stopStrings.allSatisfy({ !$0.isEmpty }) else {
      throw UsageError("a stop string is empty")
    }
  }
}

extension Tensor {
  /// Refuses scores of a model whose weights, or whose adapter, are beyond what Float32 can multiply.
  func requireFiniteScores() throws {
    guard firstNonFinite == nil else {
      throw InputError(
        "the model's scores are not finite: its weights or its adapter are too large")
    }
  }
}

/// The text of one prompt as it grows.
private struct Writer {
  var output = Generator.Output()
  private var stream: TokenStream
  private var stops: StopStrings

  init(text: TokenDecoder, stops: [String]) {
    stream = text.stream(keepsSpecialTokens: false)
    self.stops = StopStrings(stops)
  }

  var isStopped: Bool { stops.isStopped }

  mutating func take(_ token: Int32, _ logProbability: Double, onText: (String) -> Void) {
    output.tokens.append(token)
    output.logProbabilities.append(logProbability)
    add(stops.append(stream.append(token)), onText)
  }

  mutating func finish(onText: (String) -> Void) {
    add(stops.append(stream.finish()) + stops.finish(), onText)
  }

  private mutating func add(_ text: String, _ onText: (String) -> Void) {
    guard !text.isEmpty else { return }
    output.text += text
    onText(text)
  }
}

extension DecoderConfiguration {
  /// Refuses token sequences that the decoder cannot take.
  ///
  /// - Parameters:
  ///   - sequences: tokens.
  ///   - room: tokens of the context that must be left.
  /// - Throws: `UsageError` with place, value and limit.
  func check(_ sequences: [[Int32]], room: Int) throws {
    for (place, sequence) in sequences.enumerated() {
      let name = sequences.count == 1 ? "the prompt" : "prompt \(place + 1)"
      guard !sequence.isEmpty else { throw UsageError("\(name) is empty") }
      guard sequence.count + room <= maximumTokens else {
        throw UsageError(
          "\(name) has \(sequence.count) tokens, the model takes \(maximumTokens - room)")
      }
      for token in sequence where token < 0 || token >= vocabularySize {
        throw UsageError(
          "\(name) holds the token \(token), the vocabulary has \(vocabularySize)")
      }
    }
  }
}
