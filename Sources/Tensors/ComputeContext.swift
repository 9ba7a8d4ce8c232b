import CKernels

/// What follows a linear layer, fused into it.
public enum Activation: String, Sendable {
  /// Nothing.
  case none
  /// x Φ(x), the exact form.
  case gelu
  /// The tanh approximation of GELU.
  case geluTanh = "gelu_new"
  /// max(x, 0).
  case relu

  var kernel: rbk_activation {
    switch self {
    case .none: RBK_ACTIVATION_NONE
    case .gelu: RBK_ACTIVATION_GELU
    case .geluTanh: RBK_ACTIVATION_GELU_TANH
    case .relu: RBK_ACTIVATION_RELU
    }
  }
}

/// Where operations run: the pool their results come from and the threads they may use.
///
/// Models are written as calls on a context, so that what an operation does besides computing its
/// result is decided in one place. One context serves one computation at a time; use one for each
/// worker thread.
public final class ComputeContext {
  package let pool = TensorPool()
  let team: ThreadTeam?
  private var scratch = TensorStorage(capacity: 0)

  /// Rows up to which a product is split over the team by its columns; larger ones are by rows.
  private static let teamRows = 96

  /// Creates a context.
  ///
  /// - Parameter threads: threads for one short computation. Results do not depend on it.
  public init(threads: Int = 1) {
    team = ThreadTeam(threads: threads)
  }

  /// Name of the kernels' instruction set: `avx512`, `avx2` or `portable`.
  public static var instructionSet: String { String(cString: rbk_instruction_set()) }

  /// A result of the given shape, of undefined content.
  package func tensor(_ shape: [Int]) -> Tensor {
    guard let count = elementCount(of: shape) else {
      preconditionFailure("ComputeContext: shape \(shape) overflows")
    }
    return Tensor(storage: pool.storage(count: count), shape: shape)
  }

  private func split(_ parts: Int, _ body: (Range<Int>) -> Void) {
    guard let team, parts > 1 else { return body(0..<parts) }
    team.run { member in
      body(parts * member / team.threads..<parts * (member + 1) / team.threads)
    }
  }

  /// Sum of rows of one to three tables.
  ///
  /// - Parameters:
  ///   - tables: each a `[entries, columns]` table with one index for each output row.
  ///   - rows: number of output rows.
  /// - Returns: `[rows, columns]`, the sum over the tables. Indices must be in range: the
  ///   tokenizer's ids are checked against the table when the model is loaded.
  public func embed(_ tables: [(table: Tensor, ids: [Int32])], rows: Int) -> Tensor {
    precondition(
      (1...3).contains(tables.count) && tables.allSatisfy { $0.ids.count == rows },
      "embed: needs one to three tables and \(rows) ids for each")
    let result = tensor([rows, tables[0].table.columns])
    for (table, ids) in tables {
      precondition(
        table.columns == result.columns && ids.allSatisfy { $0 >= 0 && $0 < table.rows },
        "embed: an id is outside the table \(table.shape)")
    }
    func table(_ i: Int) -> UnsafePointer<Float>? {
      i < tables.count ? UnsafePointer(tables[i].table.storage.pointer) : nil
    }
    func ids(_ i: Int) -> [Int32] { i < tables.count ? tables[i].ids : [] }
    rbk_embed(
      table(0), ids(0), table(1), ids(1), table(2), ids(2), rows, result.columns,
      result.storage.pointer)
    withExtendedLifetime(tables) {}
    return result
  }

  /// `activation(x Wᵀ + bias)`.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`.
  ///   - weight: the packed weight, `[outputs, inputs]`.
  ///   - bias: `[outputs]`, or nil.
  ///   - activation: what follows.
  /// - Returns: `[rows, outputs]`.
  public func linear(
    _ x: Tensor, _ weight: PackedWeight, bias: Tensor?, activation: Activation = .none
  ) -> Tensor {
    precondition(
      x.columns == weight.inputs && (bias.map { $0.count == weight.outputs } ?? true),
      "linear: x \(x.shape), weight [\(weight.outputs), \(weight.inputs)]")
    let rows = x.rows
    let result = tensor([rows, weight.outputs])
    func multiply(_ rows: Range<Int>, _ panels: Range<Int>) {
      rbk_linear(
        x.storage.pointer + rows.lowerBound * weight.inputs, weight.inputs, rows.count,
        weight.pointer, weight.outputs, weight.inputs, bias?.storage.pointer, activation.kernel,
        result.storage.pointer + rows.lowerBound * weight.outputs, weight.outputs,
        panels.lowerBound, panels.upperBound)
    }
    if rows <= Self.teamRows {
      split(weight.panels) { multiply(0..<rows, $0) }
    } else {
      let size = rowBlock(rows)
      parallel((rows + size - 1) / size) { part, _ in
        multiply(part * size..<min(rows, (part + 1) * size), 0..<weight.panels)
      }
    }
    return result
  }

  /// Multi-head self-attention over packed sequences, each attending to itself only.
  ///
  /// - Parameters:
  ///   - qkv: `[tokens, 3 × hidden]`: queries, keys and values side by side.
  ///   - boundaries: start of each sequence and, last, the number of tokens.
  ///   - heads: number of heads; divides `hidden`.
  ///   - relativeBias: nil, or `[heads, 2 m − 1]`: what is added to the scaled score of query i and
  ///     key j of a sequence of at most m tokens, at column `j − i + m − 1`.
  /// - Returns: `[tokens, hidden]`. An empty sequence yields nothing.
  public func selfAttention(
    _ qkv: Tensor, boundaries: [Int], heads: Int, relativeBias: Tensor? = nil
  ) -> Tensor {
    let hidden = qkv.columns / 3
    let headSize = hidden / heads
    let tokens = qkv.rows
    precondition(
      hidden * 3 == qkv.columns && headSize * heads == hidden && boundaries.last == tokens,
      "selfAttention: qkv \(qkv.shape), \(heads) heads, boundaries end at \(boundaries.last ?? -1)")
    let result = tensor([tokens, hidden])
    let longest = zip(boundaries, boundaries.dropFirst()).map { $1 - $0 }.max() ?? 0
    let width = relativeBias?.columns ?? 0
    precondition(
      relativeBias == nil || longest <= (width + 1) / 2,
      "selfAttention: \(longest) tokens, relative bias for \((width + 1) / 2)")
    let perThread = rbk_attention_scratch(longest, headSize)
    let threads = team?.threads ?? 1
    if scratch.capacity < perThread * threads {
      scratch = TensorStorage(capacity: perThread * threads)
    }
    let scratch = scratch.pointer
    let scale = 1 / Float(headSize).squareRoot()
    func attend(_ range: Range<Int>, member: Int) {
      for head in range {
        let column = head * headSize
        for (start, end) in zip(boundaries, boundaries.dropFirst()) where end > start {
          let base = qkv.storage.pointer + start * 3 * hidden + column
          rbk_attention(
            base, base + hidden, base + 2 * hidden, 3 * hidden, end - start, headSize, scale,
            relativeBias.map { UnsafePointer($0.storage.pointer + head * width) },
            (width - 1) / 2, result.storage.pointer + start * hidden + column, hidden,
            scratch + member * perThread)
        }
      }
    }
    if let team, tokens <= 4 * Self.teamRows {
      team.run { member in
        attend(
          heads * member / team.threads..<heads * (member + 1) / team.threads, member: member)
      }
    } else {
      attend(0..<heads, member: 0)
    }
    return result
  }

  /// LayerNorm of `x + residual`, row by row.
  ///
  /// - Parameters:
  ///   - x: `[rows, columns]`.
  ///   - residual: the same shape, or nil.
  ///   - weight: `[columns]`.
  ///   - bias: `[columns]`.
  ///   - epsilon: added to the variance.
  /// - Returns: `[rows, columns]`.
  public func layerNorm(
    _ x: Tensor, residual: Tensor? = nil, weight: Tensor, bias: Tensor, epsilon: Float
  ) -> Tensor {
    precondition(
      weight.count == x.columns && bias.count == x.columns
        && (residual.map { $0.shape == x.shape } ?? true),
      "layerNorm: x \(x.shape), weight \(weight.shape), residual \(residual?.shape ?? [])")
    let result = tensor(x.shape)
    rbk_layer_norm(
      x.storage.pointer, residual?.storage.pointer, x.rows, x.columns, weight.storage.pointer,
      bias.storage.pointer, epsilon, result.storage.pointer)
    return result
  }

  /// Mean of the rows of each sequence.
  ///
  /// - Parameters:
  ///   - x: `[tokens, columns]`.
  ///   - boundaries: start of each sequence and, last, the number of tokens.
  /// - Returns: `[sequences, columns]`; zeros for an empty sequence.
  public func meanPool(_ x: Tensor, boundaries: [Int]) -> Tensor {
    let result = tensor([boundaries.count - 1, x.columns])
    for (i, (start, end)) in zip(boundaries, boundaries.dropFirst()).enumerated() {
      rbk_mean(
        x.storage.pointer + start * x.columns, x.columns, end - start, x.columns,
        result.storage.pointer + i * x.columns)
    }
    return result
  }

  /// First row of each sequence.
  ///
  /// - Parameters:
  ///   - x: `[tokens, columns]`.
  ///   - boundaries: start of each sequence and, last, the number of tokens.
  /// - Returns: `[sequences, columns]`; zeros for an empty sequence.
  public func firstPool(_ x: Tensor, boundaries: [Int]) -> Tensor {
    let result = tensor([boundaries.count - 1, x.columns])
    for (i, (start, end)) in zip(boundaries, boundaries.dropFirst()).enumerated() {
      let row = result.storage.pointer + i * x.columns
      if end > start {
        row.update(from: x.storage.pointer + start * x.columns, count: x.columns)
      } else {
        row.update(repeating: 0, count: x.columns)
      }
    }
    return result
  }

  /// Rows divided by their Euclidean length, at least 1e-12 as PyTorch's `normalize` has it.
  ///
  /// - Parameter x: `[rows, columns]`.
  /// - Returns: the same shape; a zero row stays zero.
  public func normalized(_ x: Tensor) -> Tensor {
    let result = tensor(x.shape)
    for row in 0..<x.rows {
      let from = x.storage.pointer + row * x.columns
      let to = result.storage.pointer + row * x.columns
      let length = max(rbk_dot(from, from, x.columns).squareRoot(), 1e-12)
      for column in 0..<x.columns { to[column] = from[column] / length }
    }
    return result
  }
}
