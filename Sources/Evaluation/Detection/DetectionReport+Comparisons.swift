import Defenses
public import Statistics

extension DetectionReport {
  /// An area under the ROC curve less that of a simple detector on the same documents.
  public struct Comparison: Sendable {
    /// The simple detector.
    public var baseline: String
    /// First the detector's area, then the baseline's is subtracted.
    public var difference: Applicable<AUROCDifference>
  }

  /// The detectors that any other has to beat: each needs no more than the list that it judges.
  public static let baselines = ["similarity", "verbatim-overlap"]

  /// Compares every detector with the simple ones on the same query set: poison that reached the user
  /// against the clean top k.
  ///
  /// The ten clean documents of a query and its poison are not independent, and DeLong's test takes every
  /// score for a unit of its own. One score a query (the largest of the clean list, and the poison's)
  /// would leave the pair dependent and would test another quantity than the area that is reported. So
  /// the test is DeLong's with queries as clusters (Obuchowski 1997): of the reported area, with
  /// p-values as small as the data allow, where a bootstrap of so many resamples ends at 2 / (resamples
  /// + 1), too coarse to correct over a grid. ``DetectionReport/Cell/areaUnderROC`` keeps the bootstrap's
  /// interval, also over queries.
  ///
  /// - Throws: `StatisticsError`.
  mutating func compareWithBaselines() throws {
    let bars = fits.filter { Self.baselines.contains($0.detector) && $0.parameters.values.isEmpty }
    for number in fits.indices where !Self.baselines.contains(fits[number].detector) {
      for cell in fits[number].cells.indices {
        guard let own = fits[number].cells[cell].placements else { continue }
        for bar in bars where bar.querySet == fits[number].querySet {
          guard bar.cells.indices.contains(cell), let other = bar.cells[cell].placements else {
            continue
          }
          fits[number].cells[cell].comparisons.append(
            Comparison(
              baseline: bar.detector,
              // An adaptive attacker may choose other documents against each detector.
              difference: own.hasSameCounts(as: other)
                ? try DeLong.difference(own, other)
                : .notApplicable("not as many documents of each query")))
        }
      }
    }
    for number in fits.indices {
      for cell in fits[number].cells.indices { fits[number].cells[cell].placements = nil }
    }
  }
}
