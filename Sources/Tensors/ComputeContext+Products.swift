import CKernels
import Synchronization

/// Work that is split over the threads of a context: parts are independent and each is computed in
/// an order of its own, so it does not matter who computes them.
extension ComputeContext {
  /// Threads that work on one operation.
  var threads: Int { team?.threads ?? 1 }

  /// Calls `body` once for each part; a free thread takes the next one.
  ///
  /// - Parameters:
  ///   - parts: number of parts.
  ///   - body: gets the part and the number of the thread, 0 ..< `threads`.
  func parallel(_ parts: Int, _ body: (_ part: Int, _ thread: Int) -> Void) {
    guard let team, parts > 1 else {
      for part in 0..<parts { body(part, 0) }
      return
    }
    let next = Atomic<Int>(0)
    team.run { thread in
      while true {
        let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard part < parts else { return }
        body(part, thread)
      }
    }
  }

  /// Calls `body` for ranges of 0 ..< `count` that begin at multiples of 16.
  ///
  /// - Parameters:
  ///   - count: number of elements.
  ///   - grain: least size of a range, a multiple of 16.
  ///   - body: gets a range.
  package func parallelRanges(_ count: Int, grain: Int = 16_384, _ body: (Range<Int>) -> Void) {
    let parts = max(1, min(threads * 4, count / grain))
    let size = (count + parts * 16 - 1) / (parts * 16) * 16
    guard size > 0 else { return }
    parallel((count + size - 1) / size) { part, _ in
      body(part * size..<min(count, (part + 1) * size))
    }
  }

  /// Rows of the blocks in which a product is shared: at most 192, as many blocks as the threads share
  /// evenly.
  func rowBlock(_ rows: Int) -> Int {
    let blocks = ((rows + 191) / 192 + threads - 1) / threads * threads
    return max(12, (rows + blocks * 12 - 1) / (blocks * 12) * 12)
  }

  /// Memory for each thread, of undefined content.
  func scratch(_ count: Int) -> (TensorStorage, stride: Int) {
    let stride = (count + 15) / 16 * 16
    return (pool.storage(count: stride * threads), stride)
  }
}

/// A matrix within memory: Float32, rows `stride` apart, of which one of the two steps is 1.
struct MatrixView {
  let pointer: UnsafePointer<Float>
  let rows: Int
  let columns: Int
  let rowStride: Int
  let columnStride: Int

  init(
    _ pointer: UnsafePointer<Float>, rows: Int, columns: Int, rowStride: Int, columnStride: Int = 1
  ) {
    self.pointer = pointer
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  init(_ tensor: Tensor) {
    self.init(
      tensor.storage.pointer, rows: tensor.rows, columns: tensor.columns, rowStride: tensor.columns)
  }

  var transposed: MatrixView {
    MatrixView(
      pointer, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride)
  }
}

/// The right-hand side of a product in the order in which the kernel reads it.
struct PackedOperand {
  let storage: TensorStorage
  let inner: Int
  let columns: Int
}

extension ComputeContext {
  /// Packs a right-hand side.
  ///
  /// - Parameters:
  ///   - b: `[inner, columns]`; where it lies transposed, `columnStride` is not 1.
  ///   - rowWeights: nil, or what each row is multiplied by.
  /// - Returns: the operand, in memory of the pool.
  func pack(_ b: MatrixView, rowWeights: [Float]? = nil) -> PackedOperand {
    let storage = pool.storage(count: rbk_packed_count(b.columns, b.rows))
    let panels = (b.columns + Int(RBK_PANEL) - 1) / Int(RBK_PANEL)
    let parts = min(panels, threads * 4)
    let pointer = storage.pointer
    parallel(parts) { part, _ in
      let (first, last) = (panels * part / parts, panels * (part + 1) / parts)
      if b.columnStride == 1 {
        rbk_pack_columns(
          b.pointer, b.rowStride, b.rows, b.columns, rowWeights, pointer, first, last)
      } else {
        precondition(rowWeights == nil, "pack: weights of a transposed matrix")
        rbk_pack_rows(b.pointer, b.columnStride, b.columns, b.rows, pointer, first, last)
      }
    }
    return PackedOperand(storage: storage, inner: b.rows, columns: b.columns)
  }

  /// `c = a b`, or `c += a b`; each element is one sum in the order of the inner dimension.
  ///
  /// - Parameters:
  ///   - a: `[rows, inner]`, as it lies or transposed.
  ///   - b: the packed right-hand side.
  ///   - c: where `[rows, columns]` goes.
  ///   - stride: of the rows of `c`.
  ///   - accumulates: whether it is added to what is there.
  ///   - bias: `[columns]` or nil, added at the end.
  func multiply(
    _ a: MatrixView, _ b: PackedOperand, into c: UnsafeMutablePointer<Float>, stride: Int,
    accumulates: Bool = false, bias: UnsafePointer<Float>? = nil
  ) {
    precondition(
      a.columns == b.inner && (a.columnStride == 1 || a.rowStride == 1),
      "multiply: [\(a.rows), \(a.columns)] by [\(b.inner), \(b.columns)]")
    guard a.rows > 0, b.columns > 0 else { return }
    let job = rbk_product(
      a: a.pointer, a_row_stride: a.rowStride, a_column_stride: a.columnStride,
      packed: b.storage.pointer, columns: b.columns, inner: b.inner, c: c, c_stride: stride,
      accumulate: accumulates, bias: bias, activation: RBK_ACTIVATION_NONE)
    let size = rowBlock(a.rows)
    let (memory, stride) = scratch(rbk_product_scratch())
    let pointer = memory.pointer
    withUnsafePointer(to: job) { job in
      parallel((a.rows + size - 1) / size) { part, thread in
        rbk_multiply(
          job, part * size, min(a.rows, (part + 1) * size), pointer + thread * stride)
      }
    }
    withExtendedLifetime((memory, b.storage)) {}
  }
}
