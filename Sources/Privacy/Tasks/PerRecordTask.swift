import Glibc
public import Tensors
public import Training

/// A task whose loss is a sum over records: the loss of a record is a function of that record and the
/// parameters, of nothing else in the batch.
///
/// Only then does shortening each record's gradient bound what one record can change. Losses that
/// compare records (negatives from the batch), averages over all tokens of a batch and batch
/// normalisation are no such functions; their tasks, as ``ContrastiveTask``, do not conform, and
/// private training cannot be made with them. A new conformance is a claim: test it with
/// ``RecordIndependence``.
public protocol PerRecordTask<Example>: TrainingTask {}

/// A text's cross-entropy reads that text only.
extension ClassificationTask: PerRecordTask {}

/// The loss of a text is the mean over its own tokens. What it counts in a batch's mean is for
/// backpropagation; private training counts every record the same.
extension LanguageModelTask: PerRecordTask {}

/// Whether the losses of a batch are those of its records alone.
public enum RecordIndependence {
  /// The largest difference between a record's loss in the batch and alone, over the larger of 1 and
  /// the loss.
  ///
  /// - Parameters:
  ///   - task: what is tested.
  ///   - examples: two or more that differ.
  ///   - context: where it runs.
  /// - Returns: 0 up to rounding for a task that keeps its promise; NaN if a loss is not finite.
  public static func largestDifference<Task: TrainingTask>(
    _ task: Task, _ examples: [Task.Example], in context: ComputeContext
  ) -> Double {
    func losses(_ examples: [Task.Example]) -> [Float] {
      task.losses(of: examples, on: Tape(in: context, mode: .forwardOnly)).value.values
    }
    let alone = examples.flatMap { losses([$0]) }
    return zip(losses(examples), alone).reduce(0) { largest, pair in
      let difference = Double(abs(pair.0 - pair.1)) / max(1, Double(abs(pair.1)))
      return difference.isNaN || largest.isNaN ? .nan : max(largest, difference)
    }
  }
}
