import Basics
import Tensors

extension Tensor {
  /// Refuses weights with a NaN or an infinity.
  ///
  /// - Parameters:
  ///   - name: The tensor's name in its file.
  ///   - place: Where it lies.
  /// - Throws: `InputError` with the first such number and its index.
  func requireFinite(_ name: String, at place: Place) throws {
    guard let index = firstNonFinite else { return }
    let value = withValues { $0[index] }
    throw InputError(
      "tensor '\(TerminalText.excerpt(name))' holds \(value) at index \(index);"
        + " only finite weights are accepted (model import --allow-nonfinite lifts this)",
      at: place)
  }
}
