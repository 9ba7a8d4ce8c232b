import Statistics
import Testing

@Suite struct ROCTests {
  @Test func areasMatchSklearn() throws {
    for row in Golden.shared.roc {
      let scores = try BinaryScores(negatives: row.negatives, positives: row.positives)
      #expect(isClose(try #require(scores.areaUnderROC.value), row.auroc))
      #expect(isClose(try #require(scores.averagePrecision.value), row.averagePrecision))
    }
  }

  @Test func curveMatchesSklearn() throws {
    for row in Golden.shared.roc {
      let scores = try BinaryScores(negatives: row.negatives, positives: row.positives)
      let whole = try #require(ROCCurve.of(scores).value).points
      #expect(areClose(whole.map(\.falsePositiveRate), row.fpr))
      #expect(areClose(whole.map(\.truePositiveRate), row.tpr))
      #expect(whole.compactMap(\.threshold) == row.threshold)
      #expect(whole[0].threshold == nil)
      let kept = try #require(ROCCurve.of(scores, droppingCollinear: true).value).points
      #expect(areClose(kept.map(\.falsePositiveRate), row.fprKept))
      #expect(areClose(kept.map(\.truePositiveRate), row.tprKept))
      #expect(kept.compactMap(\.threshold) == row.thresholdKept)
    }
  }

  @Test func deLongMatchesItsDefinition() throws {
    for row in Golden.shared.roc {
      let first = try BinaryScores(negatives: row.negatives, positives: row.positives)
      let second = try BinaryScores(
        negatives: row.secondNegatives, positives: row.secondPositives)
      let area = try #require(try DeLong.area(first).value)
      #expect(isClose(area.value, row.auroc))
      #expect(isClose(area.standardError, row.standardError, relative: 1e-10))
      #expect(area.isDegenerate == (row.standardError == 0))
      #expect(
        isClose(
          area.interval.lower, max(0, row.auroc - 1.959963984540054 * row.standardError),
          relative: 1e-10))
      #expect(
        isClose(
          area.interval.upper, min(1, row.auroc + 1.959963984540054 * row.standardError),
          relative: 1e-10))
      let difference = try #require(try DeLong.difference(first, second).value)
      #expect(isClose(difference.value, row.difference))
      #expect(isClose(difference.standardError, row.differenceError, relative: 1e-9))
      if row.differenceError > 0 {
        let z = (row.difference / row.differenceError).magnitude
        #expect(
          isClose(
            try #require(difference.pValue.value), 2 * NormalDistribution.cumulative(-z),
            relative: 1e-8))
      }
    }
  }

  @Test func aScoreAgainstItselfHasNoTest() throws {
    let scores = try BinaryScores(negatives: [0, 1, 2], positives: [1, 2, 3])
    let difference = try #require(try DeLong.difference(scores, scores).value)
    #expect(difference.value == 0 && difference.standardError == 0)
    #expect(difference.pValue.value == nil)
  }

  @Test func allTiedIsOneHalf() throws {
    let scores = try BinaryScores(negatives: [2, 2, 2], positives: [2, 2])
    #expect(scores.areaUnderROC == .value(0.5))
    #expect(scores.averagePrecision == .value(0.4))
    #expect(try #require(ROCCurve.of(scores).value).points.count == 2)
  }

  @Test func absentClassesAreNotApplicable() throws {
    let clean = try BinaryScores(negatives: [1, 2], positives: [])
    #expect(clean.areaUnderROC == .notApplicable("no positives"))
    #expect(clean.averagePrecision == .notApplicable("no positives"))
    #expect(ROCCurve.of(clean) == .notApplicable("no positives"))
    #expect(try DeLong.area(clean) == .notApplicable("no positives"))
    let poisoned = try BinaryScores(negatives: [], positives: [1])
    #expect(poisoned.areaUnderROC == .notApplicable("no negatives"))
    let lonely = try BinaryScores(negatives: [1, 2], positives: [3])
    #expect(lonely.areaUnderROC == .value(1))
    #expect(try DeLong.area(lonely) == .notApplicable("one positive has no variance"))
    let nothing = try BinaryScores(negatives: [], positives: [])
    #expect(nothing.areaUnderROC == .notApplicable("no scores"))
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, .signalingNaN])
  func nonFiniteScoresAreRefused(value: Double) throws {
    let first = #expect(throws: StatisticsError.self) {
      try BinaryScores(negatives: [1, value], positives: [2])
    }
    #expect(first?.description.hasPrefix("negatives[1]") == true)
    let second = #expect(throws: StatisticsError.self) {
      try BinaryScores(negatives: [1], positives: [2, 3, value])
    }
    #expect(second?.description.hasPrefix("positives[2]") == true)
  }

  @Test func operatingPointInSample() throws {
    let scores = try BinaryScores(
      negatives: (1...100).map(Double.init), positives: [90, 95, 95.5, 96, 200])
    let point = try #require(try OperatingPoint.inSample(scores, falsePositiveRate: 0.05).value)
    #expect(point.threshold == 95)
    #expect(point.source == .inSample)
    #expect(point.falsePositives.successes == 5)
    #expect(point.truePositives.successes == 3 && point.truePositives.trials == 5)
    let strict = try #require(try OperatingPoint.inSample(scores, falsePositiveRate: 0.01).value)
    #expect(strict.threshold == 99 && strict.falsePositives.successes == 1)
  }

  @Test func tiesAtTheThresholdNeverRaiseTheFalsePositiveRate() throws {
    let scores = try BinaryScores(
      negatives: [Double](repeating: 1, count: 90) + [Double](repeating: 2, count: 10),
      positives: [1.5, 2, 3])
    let point = try #require(try OperatingPoint.inSample(scores, falsePositiveRate: 0.05).value)
    #expect(point.threshold == 2)
    #expect(point.falsePositives.successes == 0)
    #expect(point.truePositives.successes == 1)
  }

  @Test func tooFewNegativesForTheRate() throws {
    let nineteen = try BinaryScores(negatives: (1...19).map(Double.init), positives: [30])
    #expect(
      try OperatingPoint.inSample(nineteen, falsePositiveRate: 0.05)
        == .notApplicable("19 negatives, a false positive rate of 0.05 needs 20"))
    let twenty = try BinaryScores(negatives: (1...20).map(Double.init), positives: [30])
    let point = try #require(try OperatingPoint.inSample(twenty, falsePositiveRate: 0.05).value)
    #expect(point.falsePositives.successes == 1)
  }

  @Test func operatingPointHeldOut() throws {
    let calibration = try ConformalCalibration(
      scores: (1...19).map(Double.init), falsePositiveRate: 0.05)
    let scores = try BinaryScores(negatives: [5, 19, 20], positives: [])
    let point = OperatingPoint.heldOut(scores, calibration: calibration)
    #expect(point.threshold == 19)
    #expect(point.source == .heldOut(units: 19))
    #expect(point.falsePositives == (try Proportion(successes: 1, trials: 3)))
    #expect(point.truePositives.rate == .notApplicable("no trials"))
  }
}
