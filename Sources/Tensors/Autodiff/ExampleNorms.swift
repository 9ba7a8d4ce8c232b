import CKernels

/// Squared lengths of single examples' gradients, from what a receiver collected.
///
/// The gradient of one example with respect to one parameter is the sum over all uses of the
/// parameter and over all rows of the example there; its length has cross terms between them. So the
/// uses of a parameter are joined before anything is squared.
///
/// - SeeAlso: Li et al. 2022, "Large language models can be strong differentially private learners",
///   section 4; Bu et al. 2023, "Differentially private optimization on large model at small cost",
///   section 3.
public enum ExampleNorms {
  /// How the lengths of weight gradients are computed.
  public enum Method: Sendable {
    /// The one that takes less memory, for each layer and example: Gram matrices of T rows where
    /// `2T² ≤ outputs · inputs`, else the gradient itself.
    case mixed
    /// From Gram matrices: `‖Σ_t b_tᵀ a_t‖² = Σ_{t,s} (a_t · a_s)(b_t · b_s)`.
    case gram
    /// The gradient is multiplied out, one example at a time.
    case instantiated
  }

  /// Squared lengths.
  ///
  /// - Parameters:
  ///   - gradients: of one or more passes over the same examples, in any order. A parameter's are
  ///     either all weights of linear layers, all rows of a table, both (a word table that is also
  ///     the output head), or all sums of rows.
  ///   - method: for weights of linear layers. With `mixed` and `gram`, an example whose Gram matrices
  ///     cancel so far that the result would not be accurate is multiplied out.
  ///   - context: where it runs. The number of threads does not change the bits.
  /// - Returns: each parameter once, with one number for each example, 0 or more; not finite if the
  ///   example's gradient is not.
  public static func squares(
    of gradients: [ParameterGradient], by method: Method = .mixed, in context: ComputeContext
  ) -> [(parameter: Parameter, squares: [Double])] {
    var order: [Parameter] = []
    var uses: [ObjectIdentifier: [ParameterGradient]] = [:]
    for gradient in gradients {
      let key = ObjectIdentifier(gradient.parameter)
      if uses[key] == nil { order.append(gradient.parameter) }
      uses[key, default: []].append(gradient)
    }
    let examples = gradients.first?.packing.exampleCount ?? 0
    precondition(
      gradients.allSatisfy { $0.packing.exampleCount == examples },
      "ExampleNorms: passes over different examples")
    var results = order.map { (parameter: $0, squares: [Double](repeating: 0, count: examples)) }
    var products = ProductNorms(examples: examples, method: method)
    // Of tables that are also heads: the squares of the use as a table.
    var partial: [Int: [Double]] = [:]
    for (index, parameter) in order.enumerated() {
      let all = uses[ObjectIdentifier(parameter)] ?? []
      let lookups = all.compactMap(LookupUse.init)
      let layers = all.compactMap(ProductUse.init)
      let sums = all.compactMap(SumUse.init)
      if sums.count == all.count {
        results[index].squares = sumSquares(sums, count: parameter.count, examples, in: context)
        continue
      }
      precondition(
        sums.isEmpty, "ExampleNorms: '\(parameter.name)' is used both as a sum and otherwise")
      if !layers.isEmpty { products.add(layers, to: index) }
      guard !lookups.isEmpty else { continue }
      results[index].squares = lookupSquares(lookups, examples, in: context)
      guard !layers.isEmpty else { continue }
      partial[index] = results[index].squares
      let cross = crossProducts(lookups, layers, examples, in: context)
      for example in 0..<examples { results[index].squares[example] += 2 * cross[example] }
    }
    var tied: [Int: [Double]] = [:]
    for (index, squares) in products.squares(in: context) {
      if let parts = partial[index] { tied[index] = zip(parts, squares).map(+) }
      for example in 0..<examples { results[index].squares[example] += squares[example] }
    }
    // Where a table's two uses cancel, rounding must not make the gradient look shorter than it is.
    for (index, parts) in tied {
      for example in 0..<examples where results[index].squares[example] < 1e-5 * parts[example] {
        results[index].squares[example] = 1e-5 * parts[example]
      }
    }
    return results
  }
}

/// The rows of each example in the uses of one parameter.
struct ExampleRows {
  /// Stretches of rows that lie side by side.
  let segments: [[(use: Int, rows: Range<Int>)]]

  init(_ packings: [Packing], examples: Int) {
    var segments: [[(use: Int, rows: Range<Int>)]] = Array(repeating: [], count: examples)
    for (use, packing) in packings.enumerated() {
      for sequence in 0..<packing.sequenceCount {
        let rows = packing.rows(of: sequence)
        guard !rows.isEmpty else { continue }
        let example = packing.examples[sequence]
        if let last = segments[example].last, last.use == use,
          last.rows.upperBound == rows.lowerBound
        {
          segments[example][segments[example].count - 1].rows =
            last.rows.lowerBound..<rows.upperBound
        } else {
          segments[example].append((use, rows))
        }
      }
    }
    self.segments = segments
  }

  func count(_ example: Int) -> Int { segments[example].reduce(0) { $0 + $1.rows.count } }
}
