import CKernels

/// One use of a linear layer's weight: `Σ_r b[r]ᵀ a[r]`.
struct ProductUse {
  let inputs: Tensor
  let outputs: ColumnSlice
  let packing: Packing
  let coefficient: Float

  init?(_ gradient: ParameterGradient) {
    guard case .product(let inputs, let outputs) = gradient.form else { return nil }
    self.inputs = inputs
    self.outputs = outputs
    packing = gradient.packing
    coefficient = gradient.coefficient
  }
}

/// Squared lengths of weight gradients. Layers that read the same input, as query, key and value do,
/// share its Gram matrix.
struct ProductNorms {
  private struct Layer {
    let index: Int
    let uses: [ProductUse]
  }

  private let examples: Int
  private let method: ExampleNorms.Method
  private var groups: [(inputs: [ObjectIdentifier], layers: [Layer])] = []

  /// Rows whose products are computed together: 36 rows beside columns from a multiple of 32 on.
  private static let blockRows = 36
  /// Below this share of its largest possible value a Gram sum has cancelled too far: its relative
  /// error, about 1e-7 over the share, would reach 1e-4.
  private static let leastShare = 1e-3

  init(examples: Int, method: ExampleNorms.Method) {
    (self.examples, self.method) = (examples, method)
  }

  mutating func add(_ uses: [ProductUse], to index: Int) {
    let inputs = uses.map { ObjectIdentifier($0.inputs.storage) }
    let layer = Layer(index: index, uses: uses)
    if let group = groups.firstIndex(where: { $0.inputs == inputs }) {
      groups[group].layers.append(layer)
    } else {
      groups.append((inputs, [layer]))
    }
  }

  /// Squared lengths by the indices that were given.
  func squares(in context: ComputeContext) -> [(index: Int, squares: [Double])] {
    groups.flatMap { squares(of: $0.layers, in: context) }
  }

  private func squares(
    of layers: [Layer], in context: ComputeContext
  ) -> [(index: Int, squares: [Double])] {
    guard let first = layers.first else { return [] }
    let rows = ExampleRows(first.uses.map(\.packing), examples: examples)
    let inputs = first.uses[0].inputs.columns
    let longest = (0..<examples).map(rows.count).max() ?? 0
    let widest = layers.map { $0.uses[0].outputs.columns.count }.max() ?? 0
    func usesGram(_ layer: Layer, _ count: Int) -> Bool {
      switch method {
      case .gram: true
      case .instantiated: false
      case .mixed: 2 * count * count <= layer.uses[0].outputs.columns.count * inputs
      }
    }
    // Not a number: to be multiplied out.
    let squares = UnsafeMutableBufferPointer<Double>.allocate(capacity: layers.count * examples)
    defer { squares.deallocate() }
    squares.initialize(repeating: .nan)
    let square = longest * longest
    let places = GramMemory(
      rows: longest, columns: max(inputs, widest),
      product: rbk_product_scratch())
    let (memory, stride) = context.scratch(places.count)
    context.parallel(examples) { example, thread in
      let count = rows.count(example)
      let chosen = layers.indices.filter { usesGram(layers[$0], count) }
      guard count > 0, !chosen.isEmpty else {
        if count == 0 { for i in layers.indices { squares[i * examples + example] = 0 } }
        return
      }
      let scratch = memory.pointer + thread * stride
      let (left, right) = (scratch + places.grams, scratch + places.grams + square)
      gram(
        of: rows.segments[example], first.uses.map { MatrixView($0.inputs) }, scales: nil, count,
        into: left, scratch, places)
      for i in chosen {
        gram(
          of: rows.segments[example], layers[i].uses.map(\.outputs.view),
          scales: layers[i].uses.map(\.coefficient), count, into: right, scratch, places)
        squares[i * examples + example] = Self.sum(left, right, count)
      }
    }
    withExtendedLifetime(memory) {}
    return layers.indices.map { i in
      let all = (0..<examples).map { example in
        let square = squares[i * examples + example]
        return square.isFinite
          ? square : multipliedOut(layers[i], rows.segments[example], in: context)
      }
      return (layers[i].index, all)
    }
  }

  /// Places in a thread's memory.
  private struct GramMemory {
    let packed = 0
    let gathered: Int
    let grams: Int
    let product: Int
    let count: Int

    init(rows: Int, columns: Int, product scratch: Int) {
      gathered = rbk_packed_count(rows, columns)
      grams = gathered + rows * columns
      product = grams + 2 * rows * rows
      count = product + scratch
    }
  }

  /// The products of all rows of an example with each other, on and above the diagonal.
  private func gram(
    of segments: [(use: Int, rows: Range<Int>)], _ views: [MatrixView], scales: [Float]?,
    _ count: Int, into result: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>, _ places: GramMemory
  ) {
    let columns = views[0].columns
    var matrix =
      views[segments[0].use].pointer + segments[0].rows.lowerBound
      * views[segments[0].use].rowStride
    var rowStride = views[segments[0].use].rowStride
    if segments.count > 1 || (scales?[segments[0].use] ?? 1) != 1 {
      let gathered = scratch + places.gathered
      var row = 0
      for (use, rows) in segments {
        let scale = scales?[use] ?? 1
        for r in rows {
          let from = views[use].pointer + r * views[use].rowStride
          let to = gathered + row * columns
          for j in 0..<columns { to[j] = scale * from[j] }
          row += 1
        }
      }
      (matrix, rowStride) = (UnsafePointer(gathered), columns)
    }
    let panel = Int(RBK_PANEL)
    let packed = scratch + places.packed
    rbk_pack_rows(matrix, rowStride, count, columns, packed, 0, (count + panel - 1) / panel)
    for start in stride(from: 0, to: count, by: Self.blockRows) {
      let column = start / panel * panel
      var job = rbk_product(
        a: matrix, a_row_stride: rowStride, a_column_stride: 1,
        packed: packed + column * columns, columns: count - column, inner: columns,
        c: result + column, c_stride: count, accumulate: false, bias: nil,
        activation: RBK_ACTIVATION_NONE)
      rbk_multiply(&job, start, min(count, start + Self.blockRows), scratch + places.product)
    }
  }

  /// `Σ_{t,s} A[t,s] B[t,s]` of two symmetric matrices; NaN if too much of it cancelled.
  private static func sum(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, _ count: Int
  ) -> Double {
    var (sum, lengths) = (0.0, 0.0)
    for t in 0..<count {
      let at = t * count + t
      let diagonal = Double(a[at]) * Double(b[at])
      lengths += diagonal.squareRoot()
      sum += diagonal + 2 * Double(rbk_dot(a + at + 1, b + at + 1, count - t - 1))
    }
    return sum >= leastShare * lengths * lengths ? sum : .nan
  }

  private func multipliedOut(
    _ layer: Layer, _ segments: [(use: Int, rows: Range<Int>)], in context: ComputeContext
  ) -> Double {
    let (outputs, inputs) = (layer.uses[0].outputs.columns.count, layer.uses[0].inputs.columns)
    let gradient = context.tensor([outputs, inputs])
    for (number, (use, rows)) in segments.enumerated() {
      let (a, b) = (layer.uses[use].inputs, layer.uses[use].outputs.view)
      let coefficient = layer.uses[use].coefficient
      let operand = context.pack(
        MatrixView(
          a.storage.pointer + rows.lowerBound * inputs, rows: rows.count, columns: inputs,
          rowStride: inputs),
        rowWeights: coefficient == 1
          ? nil : [Float](repeating: coefficient, count: rows.count))
      let part = MatrixView(
        b.pointer + rows.lowerBound * b.rowStride, rows: rows.count, columns: outputs,
        rowStride: b.rowStride)
      context.multiply(
        part.transposed, operand, into: gradient.storage.pointer, stride: inputs,
        accumulates: number > 0)
    }
    return segments.isEmpty ? 0 : rbk_squared_norm(gradient.storage.pointer, gradient.count)
  }
}
