public import Tensors
public import Training

/// Measures ``CurvatureTerms`` from full gradients: curvature along a direction by central
/// differences, traces by random signs (Hutchinson).
///
/// For tr(H) the direction has a random sign for each parameter, for tr(HΣ) it is a sum of the
/// records' deviations from G with a random sign for each record, over √n.
public struct CurvatureProbe<Task: PerRecordTask> {
  /// How far the parameters move for a difference, as a share of their length; less, and the
  /// rounding of Float32 gradients shows.
  public static var reach: Double { 1e-2 }

  private let task: Task
  private let records: [Task.Example]
  private let recordsAtOnce: Int
  private let context: ComputeContext
  private let parameters: [Parameter]

  private typealias Direction = [[Double]]

  /// A probe of the mean loss of some records.
  ///
  /// - Parameters:
  ///   - task: what is learnt.
  ///   - records: at least one.
  ///   - recordsAtOnce: records whose activations are in memory together.
  ///   - context: where it runs.
  public init(
    _ task: Task, records: [Task.Example], recordsAtOnce: Int = 512, in context: ComputeContext
  ) {
    precondition(!records.isEmpty && recordsAtOnce > 0, "CurvatureProbe: \(records.count) records")
    (self.task, self.records) = (task, records)
    (self.recordsAtOnce, self.context) = (recordsAtOnce, context)
    parameters = task.parameters.filter(\.isTrainable)
  }

  /// Measures all terms. The parameters are afterwards, to the bit, what they were.
  ///
  /// - Parameters:
  ///   - clipping: what the average clip factor is measured with.
  ///   - probes: random directions for each trace; each costs two full gradients.
  ///   - seed: of the random signs.
  /// - Returns: the terms; GᵀHG and the traces may be negative.
  public func terms(clipping: Clipping, probes: Int = 40, seed: UInt64) -> CurvatureTerms {
    precondition(probes > 0, "CurvatureProbe: \(probes) probes")
    let count = Double(records.count)
    let mean = gradient(weights: [Double](repeating: 1 / count, count: records.count))
    var random = Philox(seed: seed)
    var (trace, sampling) = (0.0, 0.0)
    for _ in 0..<probes {
      trace += curvature(along: parameters.map { signs($0.count, &random) })
      let weights = signs(records.count, &random).map { $0 / count.squareRoot() }
      let total = weights.reduce(0, +)
      let deviation = zip(gradient(weights: weights), mean).map { sum, mean in
        zip(sum, mean).map { $0 - total * $1 }
      }
      sampling += curvature(along: deviation)
    }
    let square = product(mean, mean)
    let clipped = clippedMean(clipping)
    return CurvatureTerms(
      gradientSquare: square, alongGradient: curvature(along: mean),
      sampling: sampling / Double(probes), trace: trace / Double(probes),
      clipFactor: clipped.factor,
      clipAlongGradient: square > 0 ? product(clipped.gradient, mean) / square : clipped.factor)
  }

  /// `vᵀHv`.
  private func curvature(along direction: Direction) -> Double {
    let length = product(direction, direction).squareRoot()
    guard length > 0 else { return 0 }
    let values = parameters.map(\.value)
    let size = values.reduce(0.0) { sum, value in
      value.withValues { $0.reduce(sum) { $0 + Double($1) * Double($1) } }
    }.squareRoot()
    let step = Self.reach * (size > 0 ? size : 1) / length
    let weights = [Double](repeating: 1 / Double(records.count), count: records.count)
    func slope(_ step: Double) -> Double {
      for (number, parameter) in parameters.enumerated() {
        parameter.update { value, _ in
          values[number].withValues { start in
            for i in value.indices {
              value[i] = Float(Double(start[i]) + step * direction[number][i])
            }
          }
        }
      }
      return product(gradient(weights: weights), direction)
    }
    let difference = slope(step) - slope(-step)
    for (parameter, value) in zip(parameters, values) {
      guard (try? parameter.assign(value)) != nil else {
        preconditionFailure("CurvatureProbe: '\(parameter.name)'")
      }
    }
    return difference / (2 * step)
  }

  /// The gradient of the weighted sum of the records' losses.
  private func gradient(weights: [Double]) -> Direction {
    for parameter in task.parameters { parameter.clearGradient() }
    for part in parts {
      let tape = Tape(in: context)
      let losses = task.losses(of: Array(records[part]), on: tape)
      tape.backward(from: tape.sum(losses, weights: weights[part].map { Float($0) }))
    }
    return takeGradient()
  }

  /// The mean of the shortened gradients, and c: what they are multiplied by, on average over records
  /// and clipping groups.
  private func clippedMean(_ clipping: Clipping) -> (gradient: Direction, factor: Double) {
    let groups = clipping.groups(of: parameters.map(\.name))
    let count = (groups.max() ?? 0) + 1
    let groupOf = Dictionary(
      uniqueKeysWithValues: zip(parameters.map(ObjectIdentifier.init), groups))
    for parameter in task.parameters { parameter.clearGradient() }
    var sum = 0.0
    for part in parts {
      var captured: [ParameterGradient] = []
      let tape = Tape(in: context) { captured.append($0) }
      tape.backward(from: tape.sum(task.losses(of: Array(records[part]), on: tape)))
      var squares = Array(repeating: [Double](repeating: 0, count: part.count), count: count)
      for (parameter, found) in ExampleNorms.squares(of: captured, in: context) {
        guard let group = groupOf[ObjectIdentifier(parameter)] else { continue }
        for (record, square) in found.enumerated() { squares[group][record] += square }
      }
      let factors = squares.map {
        $0.map { clipping.factor(norm: $0.squareRoot(), groups: count) }
      }
      sum += factors.joined().reduce(0, +)
      for gradient in captured {
        let group = groupOf[ObjectIdentifier(gradient.parameter)] ?? 0
        gradient.accumulate(exampleWeights: factors[group].map { Float($0) }, in: context)
      }
    }
    let total = Double(records.count)
    return (takeGradient().map { $0.map { $0 / total } }, sum / (total * Double(count)))
  }

  /// The gradients that were added up, which are then cleared.
  private func takeGradient() -> Direction {
    defer { for parameter in task.parameters { parameter.clearGradient() } }
    return parameters.map { parameter in
      parameter.gradient?.values.map(Double.init)
        ?? [Double](repeating: 0, count: parameter.count)
    }
  }

  private var parts: [Range<Int>] {
    stride(from: 0, to: records.count, by: recordsAtOnce).map {
      $0..<min(records.count, $0 + recordsAtOnce)
    }
  }

  private func signs(_ count: Int, _ random: inout Philox) -> [Double] {
    (0..<count).map { _ in Bool.random(using: &random) ? 1 : -1 }
  }

  private func product(_ a: Direction, _ b: Direction) -> Double {
    zip(a, b).reduce(0) { total, pair in
      zip(pair.0, pair.1).reduce(total) { $0 + $1.0 * $1.1 }
    }
  }
}
