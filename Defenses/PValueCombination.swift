import Glibc

/// Ways to make one number of several p-values of one document.
enum PValueCombination {
  /// The natural logarithm of Fisher's combined p-value: that of −2 Σ ln p under χ² with 2k degrees
  /// of freedom. It holds for *independent* p-values only.
  ///
  /// - SeeAlso: Fisher 1925; `scipy.stats.combine_pvalues(method="fisher")`.
  static func logFisher(_ pValues: [Double]) -> Double {
    let half = -pValues.reduce(0.0) { $0 + log($1) }
    // The survival function for even degrees of freedom is e^−h Σ hⁱ/i!, i < k.
    var term = 1.0
    var sum = 1.0
    for index in 1..<max(1, pValues.count) {
      term *= half / Double(index)
      sum += term
    }
    return log(sum) - half
  }

  /// The natural logarithm of the harmonic mean of the p-values. Times e·ln k it is a p-value under
  /// any dependence.
  ///
  /// - SeeAlso: Wilson 2019; Vovk and Wang 2020, "Combining p-values via averaging", section 4.
  static func logHarmonic(_ pValues: [Double]) -> Double {
    -log(pValues.reduce(0.0) { $0 + 1 / $1 } / Double(pValues.count))
  }

  /// The natural logarithm of the Cauchy combination: the upper tail of the standard Cauchy
  /// distribution at the mean of tan((½ − p)π). Small values hold under any correlation.
  ///
  /// - SeeAlso: Liu and Xie 2020, "Cauchy combination test", section 2.
  static func logCauchy(_ pValues: [Double]) -> Double {
    // tan((½ − p)π) is 1/tan(pπ), which keeps the digits of a small p.
    let statistic = pValues.reduce(0.0) { $0 + 1 / tan($1 * .pi) } / Double(pValues.count)
    // ½ − atan(t)/π loses all digits for large t; atan2 does not.
    return log(atan2(1, statistic) / .pi)
  }
}
