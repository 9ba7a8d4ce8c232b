import Statistics
import Testing

@Suite struct DescriptionTests {
  @Test func summariesMatchNumpy() throws {
    for row in Golden.shared.summaries {
      let summary = try Summary(of: row.values)
      #expect(isClose(summary.mean, row.mean, relative: 1e-14))
      #expect(
        areClose(
          [
            summary.minimum, summary.quantile5, summary.median, summary.quantile95,
            summary.maximum,
          ], row.quantiles, relative: 1e-15))
      if let deviation = row.sd {
        // numpy's own mean at 1e9 carries 1e-7 of rounding into the centred values.
        #expect(
          isClose(try #require(summary.standardDeviation.value), deviation, relative: 1e-10))
      } else {
        #expect(summary.standardDeviation == .notApplicable("one value"))
      }
    }
  }

  @Test func quantilesAtTheEnds() throws {
    #expect(try Summary.quantile(0, of: [3, 1, 2]) == 1)
    #expect(try Summary.quantile(1, of: [3, 1, 2]) == 3)
    #expect(try Summary.quantile(0.5, of: [4]) == 4)
    #expect(throws: StatisticsError.self) { try Summary.quantile(1.01, of: [1]) }
    #expect(throws: StatisticsError.self) { try Summary.quantile(.nan, of: [1]) }
    #expect(throws: StatisticsError.tooFew(name: "values", found: 0, needed: 1)) {
      try Summary.quantile(0.5, of: [])
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func nonFiniteValuesAreRefusedWithTheirIndex(value: Double) {
    let expected = StatisticsError.nonFinite(name: "norms", index: 2, value: "\(value)")
    #expect(throws: expected) { try Summary(of: [1, 2, value], name: "norms") }
    #expect(throws: StatisticsError.nonFinite(name: "values", index: 0, value: "\(value)")) {
      try Histogram(of: [value], in: 0...1, bins: 2)
    }
  }

  @Test func nothingToSummarise() {
    #expect(throws: StatisticsError.tooFew(name: "values", found: 0, needed: 1)) {
      try Summary(of: [])
    }
  }

  @Test func histogramsMatchNumpy() throws {
    for row in Golden.shared.histograms {
      let histogram = try Histogram(of: row.values, in: row.lower...row.upper, bins: row.bins)
      #expect(histogram.counts == row.counts)
      #expect(areClose(histogram.edges, row.edges))
      #expect(histogram.below == row.below && histogram.above == row.above)
      #expect(
        histogram.counts.reduce(histogram.below + histogram.above, +) == row.values.count)
    }
  }

  @Test func impossibleBinsAreRefused() {
    #expect(throws: StatisticsError.self) { try Histogram(of: [], in: 0...1, bins: 0) }
    #expect(throws: StatisticsError.self) { try Histogram(of: [], in: 1...1, bins: 2) }
    #expect(throws: StatisticsError.self) {
      try Histogram(of: [], in: 0...Double.infinity, bins: 2)
    }
  }

  @Test func adjustmentsMatchStatsmodels() throws {
    for row in Golden.shared.multiple {
      #expect(areClose(try MultipleComparisons.holm(row.p), row.holm))
      #expect(
        areClose(try MultipleComparisons.benjaminiHochberg(row.p), row.benjaminiHochberg))
    }
  }

  @Test(arguments: [-0.1, 1.1, .nan])
  func impossiblePValuesAreRefused(value: Double) {
    let first = #expect(throws: StatisticsError.self) {
      try MultipleComparisons.holm([0.5, value])
    }
    #expect(first?.description.hasPrefix("p-values[1]") == true)
    #expect(throws: StatisticsError.self) {
      try MultipleComparisons.benjaminiHochberg([value])
    }
  }
}
