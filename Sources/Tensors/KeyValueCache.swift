import CKernels

/// Keys and values of the tokens of one sequence in all layers of a decoder, so that a new token is
/// computed without those before it.
///
/// Takes `8 · layers · keyValueHeads · headSize` bytes a token (heads rounded up to 32 for the values),
/// for its whole capacity. One computation at a time uses a cache.
public final class KeyValueCache {
  /// Layers of the decoder.
  public let layers: Int
  /// Heads of keys and values in a layer.
  public let keyValueHeads: Int
  /// Width of a head.
  public let headSize: Int
  /// Tokens that have room, a multiple of 32.
  public let capacity: Int
  /// Tokens that are held.
  public private(set) var count = 0

  private let storage: TensorStorage
  private let keys: Int
  private let values: Int

  /// An empty cache.
  ///
  /// - Parameters:
  ///   - layers: layers of the decoder.
  ///   - keyValueHeads: heads of keys and values in a layer.
  ///   - headSize: width of a head.
  ///   - tokens: tokens that must have room.
  public init(layers: Int, keyValueHeads: Int, headSize: Int, tokens: Int) {
    precondition(
      headSize % 2 == 0 && headSize > 0 && headSize <= Int(RBK_MAXIMUM_CACHED_HEAD) && tokens >= 0,
      "KeyValueCache: head size \(headSize), \(tokens) tokens")
    self.layers = layers
    self.keyValueHeads = keyValueHeads
    self.headSize = headSize
    let panel = Int(RBK_PANEL)
    capacity = (tokens + panel - 1) / panel * panel
    var shape = rbk_cache_shape()
    (shape.head_size, shape.capacity) = (headSize, capacity)
    (keys, values) = (rbk_cached_keys(&shape), rbk_cached_values(&shape))
    storage = TensorStorage(capacity: layers * keyValueHeads * (keys + values))
  }

  /// Bytes of memory that a cache takes.
  public static func bytes(layers: Int, keyValueHeads: Int, headSize: Int, tokens: Int) -> Int {
    let panel = Int(RBK_PANEL)
    func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }
    return 4 * layers * keyValueHeads * padded(tokens) * (headSize + padded(headSize))
  }

  /// Forgets the tokens from `count` on.
  public func truncate(to count: Int) {
    precondition((0...self.count).contains(count), "KeyValueCache: \(count) of \(self.count)")
    self.count = count
  }

  /// Counts tokens that all layers have appended.
  package func advance(by tokens: Int) {
    precondition(count + tokens <= capacity, "KeyValueCache: \(count) + \(tokens) of \(capacity)")
    count += tokens
  }

  func pointers(
    layer: Int, head: Int
  ) -> (keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>) {
    let base = storage.pointer + (layer * keyValueHeads + head) * (keys + values)
    return (base, base + keys)
  }
}

extension ComputeContext {
  /// Causal self-attention of new tokens over themselves and those in their sequences' caches, which
  /// get the new ones' keys and values. ``KeyValueCache/count`` stays: other layers are still to come.
  ///
  /// - Parameters:
  ///   - qkv: `[tokens, (heads + 2 keyValueHeads) × size]`: queries, keys, values side by side.
  ///   - boundaries: start of each sequence's new tokens and, last, the number of tokens.
  ///   - caches: one for each sequence, with room.
  ///   - layer: whose keys and values these are.
  ///   - heads: query heads, a multiple of the heads of keys and values.
  ///   - rotary: rotary positions, from the start of each sequence.
  /// - Returns: `[tokens, heads × size]`. A token has the same bits whether it comes alone or with
  ///   others, and those of ``Tape/attention(_:heads:keyValueHeads:isCausal:rotary:relativeBias:)``.
  package func cachedAttention(
    _ qkv: Tensor, boundaries: [Int], caches: [KeyValueCache], layer: Int, heads: Int,
    rotary: RotaryTable
  ) -> Tensor {
    let shared = caches.first?.keyValueHeads ?? 1
    let size = rotary.headSize
    precondition(
      caches.count == boundaries.count - 1 && boundaries.last == qkv.rows && heads % shared == 0
        && qkv.columns == (heads + 2 * shared) * size
        && caches.allSatisfy { $0.keyValueHeads == shared && $0.headSize == size },
      "cachedAttention: qkv \(qkv.shape), \(heads) heads, \(shared) of keys and values of \(size)")
    let group = heads / shared
    let result = tensor([qkv.rows, heads * size])
    func shape(_ sequence: Int, skipping: Int, rows: Int) -> rbk_cache_shape {
      let cache = caches[sequence]
      precondition(
        cache.count + skipping + rows <= min(cache.capacity, rotary.positions),
        "cachedAttention: \(cache.count) + \(skipping + rows) tokens, room for \(cache.capacity),"
          + " \(rotary.positions) positions")
      return rbk_cache_shape(
        rows: rows, before: cache.count + skipping, head_size: size, capacity: cache.capacity,
        group: group, stride: qkv.columns, scale: 1 / Float(size).squareRoot(),
        cosines: rotary.cosines.storage.pointer, sines: rotary.sines.storage.pointer)
    }
    parallel(caches.count * shared) { part, _ in
      let (sequence, head) = (part / shared, part % shared)
      let (start, end) = (boundaries[sequence], boundaries[sequence + 1])
      var shape = shape(sequence, skipping: 0, rows: end - start)
      let k = qkv.storage.pointer + start * qkv.columns + (heads + head) * size
      let (keys, values) = caches[sequence].pointers(layer: layer, head: head)
      rbk_append_to_cache(&shape, k, k + shared * size, keys, values)
    }
    // Queries of a long prompt are divided too: there are few heads of keys and values.
    let block = 64
    let blocks = zip(boundaries, boundaries.dropFirst()).enumerated().flatMap { sequence, bounds in
      stride(from: 0, to: bounds.1 - bounds.0, by: block).map { skipping in
        (
          sequence: sequence, skipping: skipping,
          rows: min(block, bounds.1 - bounds.0 - skipping)
        )
      }
    }
    var largest = rbk_cache_shape()
    largest.head_size = size
    largest.capacity = caches.map(\.capacity).max() ?? 0
    let (memory, apart) = scratch(rbk_cached_attention_scratch(&largest))
    parallel(blocks.count * shared) { part, thread in
      let (sequence, skipping, rows) = blocks[part / shared]
      let head = part % shared
      var shape = shape(sequence, skipping: skipping, rows: rows)
      let row = boundaries[sequence] + skipping
      let (keys, values) = caches[sequence].pointers(layer: layer, head: head)
      rbk_cached_attention(
        &shape, qkv.storage.pointer + row * qkv.columns + head * group * size, keys, values,
        result.storage.pointer + row * result.columns + head * group * size, result.columns,
        memory.pointer + thread * apart)
    }
    withExtendedLifetime((memory, caches, rotary)) {}
    return result
  }
}
