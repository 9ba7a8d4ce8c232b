import Glibc

/// The logarithm of axes.
enum Logarithm {
  /// To base 10.
  static func of(_ value: Double) -> Double { log10(value) }
}
