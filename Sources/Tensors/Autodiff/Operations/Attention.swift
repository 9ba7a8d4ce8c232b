import CKernels
import Glibc

/// Rotary positions: cosines and sines of the angles by which pairs of components are turned.
///
/// Components `c` and `c + headSize / 2` of a query or key at position t are turned by
/// `t · base^(−2c / headSize)`, the layout of Llama in `transformers`.
///
/// - SeeAlso: Su et al. 2021, "RoFormer"; `modeling_llama.py`, `rotate_half`.
public struct RotaryTable: Sendable {
  /// Positions of the table.
  public let positions: Int
  /// Width of a head.
  public let headSize: Int
  let cosines: Tensor
  let sines: Tensor

  /// Bytes of a table.
  public static func bytes(positions: Int, headSize: Int) -> Int { 4 * positions * headSize }

  /// Computes the table in Float64.
  ///
  /// - Parameters:
  ///   - positions: tokens of the longest sequence.
  ///   - headSize: width of a head, even.
  ///   - base: 10,000 in the paper.
  public init(positions: Int, headSize: Int, base: Double = 10_000) {
    precondition(headSize % 2 == 0 && headSize > 0, "RotaryTable: head size \(headSize)")
    self.positions = positions
    self.headSize = headSize
    let half = headSize / 2
    let storage = (0..<2).map { _ in TensorStorage(capacity: positions * half) }
    for position in 0..<positions {
      for c in 0..<half {
        let angle = Double(position) * pow(base, -2 * Double(c) / Double(headSize))
        storage[0].pointer[position * half + c] = Float(cos(angle))
        storage[1].pointer[position * half + c] = Float(sin(angle))
      }
    }
    cosines = Tensor(storage: storage[0], shape: [positions, half])
    sines = Tensor(storage: storage[1], shape: [positions, half])
  }
}

/// A learned number for each bucket of distances and each head, added to the scores.
///
/// - SeeAlso: Raffel et al. 2020, section 2.1; `MPNetEncoder.compute_position_bias`.
public struct RelativeBias {
  /// `[buckets, heads]`.
  public let table: Parameter
  /// The bucket of key position minus query position.
  public let bucket: @Sendable (_ offset: Int) -> Int

  /// Joins table and buckets.
  public init(table: Parameter, bucket: @escaping @Sendable (_ offset: Int) -> Int) {
    precondition(table.shape.count == 2, "RelativeBias '\(table.name)': shape \(table.shape)")
    self.table = table
    self.bucket = bucket
  }

  var heads: Int { table.shape[1] }

  /// The buckets of the offsets `1 − longest … longest − 1`.
  func buckets(longest: Int) -> [Int] {
    (1 - longest..<max(longest, 1)).map(bucket)
  }
}

extension Tape {
  /// Self-attention over packed sequences, each attending to itself only; keys and values may be
  /// shared by several query heads.
  ///
  /// For each head: `P = softmax(Q Kᵀ / √size + bias)`, `O = P V`. Gradients: `dV = Pᵀ dO`,
  /// `dP = dO Vᵀ`, `dS = P (dP − Σ_j P dP)`, `dQ = dS K / √size`, `dK = dSᵀ Q / √size`, and the bias
  /// of a bucket gets the sum of `dS` over its pairs. P is computed again, not kept.
  ///
  /// - Parameters:
  ///   - qkv: `[tokens, (heads + 2 keyValueHeads) × size]`: queries, keys, values side by side.
  ///   - heads: query heads.
  ///   - keyValueHeads: nil: as many; else a divisor of `heads`. Query head h reads
  ///     `h · keyValueHeads / heads`.
  ///   - isCausal: whether a token sees only itself and those before it.
  ///   - rotary: rotary positions from the start of each sequence, or nil.
  ///   - relativeBias: relative position bias with `heads` columns, or nil.
  /// - Returns: `[tokens, heads × size]`; where there is neither mask nor rotation, with the bits of
  ///   ``ComputeContext/selfAttention(_:boundaries:heads:relativeBias:)``.
  /// - SeeAlso: Vaswani et al. 2017; Ainslie et al. 2023 (grouped queries).
  public func attention(
    _ qkv: Variable, heads: Int, keyValueHeads: Int? = nil, isCausal: Bool = false,
    rotary: RotaryTable? = nil, relativeBias: RelativeBias? = nil
  ) -> Variable {
    let shared = keyValueHeads ?? heads
    let size = qkv.value.columns / (heads + 2 * shared)
    let packing = qkv.packing
    precondition(
      size * (heads + 2 * shared) == qkv.value.columns && heads % shared == 0,
      "attention: qkv \(qkv.shape), \(heads) heads, \(shared) of keys and values")
    precondition(
      rotary.map { $0.headSize == size && packing.longest <= $0.positions } ?? true,
      "attention: heads of \(size), \(packing.longest) tokens, rotary \(rotary?.headSize ?? 0), \(rotary?.positions ?? 0)"
    )
    precondition(
      relativeBias.map { $0.heads == heads } ?? true,
      "attention: \(heads) heads, the relative bias has \(relativeBias?.heads ?? 0)")
    let plan = AttentionPlan(
      heads: heads, shared: shared, size: size, packing: packing, isCausal: isCausal,
      rotary: rotary, buckets: relativeBias?.buckets(longest: packing.longest))
    let bias = plan.expanded(relativeBias?.table.value, in: context)
    let out = context.tensor([packing.rowCount, heads * size])
    plan.forEachHead(in: context) { shape, row, head, scratch, _ in
      let q = qkv.value.storage.pointer + row * plan.width
      rbk_grouped_attention(
        shape, q + plan.query(head), q + plan.key(head), q + plan.value(head),
        out.storage.pointer + row * out.columns + plan.query(head), out.columns, scratch)
    } bias: {
      bias
    }
    let (slot, values) = (qkv.slot, qkv.value)
    let table = relativeBias?.table
    return result(out, packing: packing, from: [qkv], table.map { [$0] } ?? []) { tape, dout in
      let dqkv = tape.context.tensor(values.shape)
      let wantsBias = table?.isTrainable == true
      let offsets = plan.offsets
      let dbias =
        wantsBias ? tape.context.tensor([packing.sequenceCount, heads, offsets]) : nil
      if let dbias { tape.context.fill(dbias.storage.pointer, count: dbias.count) }
      plan.forEachHead(in: tape.context) { shape, row, head, scratch, sequence in
        let q = values.storage.pointer + row * plan.width
        let dq = dqkv.storage.pointer + row * plan.width
        rbk_attention_gradient(
          shape, q + plan.query(head), q + plan.key(head), q + plan.value(head),
          dout.storage.pointer + row * dout.columns + plan.query(head), dout.columns,
          dq + plan.query(head), dq + plan.key(head), dq + plan.value(head),
          dbias.map { $0.storage.pointer + (sequence * heads + head * plan.group) * offsets },
          scratch)
      } bias: {
        bias
      }
      if let dbias, let table {
        tape.emit(
          table, packing: packing,
          .perSequence(plan.collected(dbias, buckets: table.shape[0], in: tape.context)))
      }
      tape.add(dqkv, to: slot)
    }
  }
}

/// Sizes of one call of attention and the places of its parts.
private struct AttentionPlan {
  let heads: Int
  let shared: Int
  let size: Int
  let packing: Packing
  let isCausal: Bool
  let rotary: RotaryTable?
  /// Bucket of each offset from `1 − longest` on; nil without a bias.
  let buckets: [Int]?

  var group: Int { heads / shared }
  var width: Int { (heads + 2 * shared) * size }
  var offsets: Int { buckets?.count ?? 0 }

  func query(_ head: Int) -> Int { head * group * size }
  func key(_ head: Int) -> Int { (heads + head) * size }
  func value(_ head: Int) -> Int { (heads + shared + head) * size }

  /// The bias by offset, `[heads, offsets]`.
  func expanded(_ table: Tensor?, in context: ComputeContext) -> Tensor? {
    guard let table, let buckets else { return nil }
    let bias = context.tensor([heads, buckets.count])
    for head in 0..<heads {
      for (offset, bucket) in buckets.enumerated() {
        bias.storage.pointer[head * buckets.count + offset] =
          table.storage.pointer[bucket * heads + head]
      }
    }
    return bias
  }

  /// Gradients by bucket and head for each sequence, from those by head and offset.
  func collected(_ gradient: Tensor, buckets count: Int, in context: ComputeContext) -> Tensor {
    let buckets = buckets ?? []
    let result = context.tensor([packing.sequenceCount, count * heads])
    result.storage.pointer.update(repeating: 0, count: result.count)
    for sequence in 0..<packing.sequenceCount {
      let to = result.storage.pointer + sequence * count * heads
      for head in 0..<heads {
        let from = gradient.storage.pointer + (sequence * heads + head) * buckets.count
        for (offset, bucket) in buckets.enumerated() { to[bucket * heads + head] += from[offset] }
      }
    }
    return result
  }

  /// Calls `body` for each sequence and head of keys and values, on all threads.
  func forEachHead(
    in context: ComputeContext,
    _ body: (
      _ shape: UnsafePointer<rbk_attention_shape>, _ row: Int, _ head: Int,
      _ scratch: UnsafeMutablePointer<Float>, _ sequence: Int
    ) -> Void,
    bias: () -> Tensor?
  ) {
    let bias = bias()
    var largest = shape(tokens: packing.longest, head: 0, bias: bias)
    let (memory, stride) = context.scratch(rbk_attention_gradient_scratch(&largest))
    context.parallel(packing.sequenceCount * shared) { part, thread in
      let (sequence, head) = (part / shared, part % shared)
      let rows = packing.rows(of: sequence)
      guard !rows.isEmpty else { return }
      var shape = shape(tokens: rows.count, head: head, bias: bias)
      body(&shape, rows.lowerBound, head, memory.pointer + thread * stride, sequence)
    }
    withExtendedLifetime((memory, bias, rotary)) {}
  }

  private func shape(tokens: Int, head: Int, bias: Tensor?) -> rbk_attention_shape {
    rbk_attention_shape(
      tokens: tokens, head_size: size, group: group, stride: width,
      scale: 1 / Float(size).squareRoot(), causal: isCausal,
      cosines: rotary.map { UnsafePointer($0.cosines.storage.pointer) },
      sines: rotary.map { UnsafePointer($0.sines.storage.pointer) },
      relative_bias: bias.map { UnsafePointer($0.storage.pointer + head * group * offsets) },
      bias_stride: offsets, bias_centre: max(0, packing.longest - 1))
  }
}
