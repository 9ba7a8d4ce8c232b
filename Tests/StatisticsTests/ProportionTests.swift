import Statistics
import Testing

@Suite struct ProportionTests {
  @Test func intervalsMatchStatsmodels() throws {
    for row in Golden.shared.proportions {
      let proportion = try Proportion(successes: row.successes, trials: row.trials)
      let wilson = try #require(try proportion.interval(level: row.level).value)
      #expect(areClose([wilson.lower, wilson.upper], row.wilson, relative: 1e-11), "\(row)")
      let exact = try #require(
        try proportion.interval(.clopperPearson, level: row.level).value)
      #expect(areClose([exact.lower, exact.upper], row.clopperPearson, relative: 1e-9), "\(row)")
    }
  }

  @Test(arguments: ProportionMethod.allCases)
  func withoutTrialsNothingIsApplicable(method: ProportionMethod) throws {
    let proportion = try Proportion(successes: 0, trials: 0)
    #expect(proportion.rate == .notApplicable("no trials"))
    #expect(try proportion.interval(method) == .notApplicable("no trials"))
  }

  @Test func endsAreExact() throws {
    for method in ProportionMethod.allCases {
      let none = try #require(try Proportion(successes: 0, trials: 7).interval(method).value)
      let all = try #require(try Proportion(successes: 7, trials: 7).interval(method).value)
      #expect(none.lower == 0 && none.upper < 1)
      #expect(all.upper == 1 && all.lower > 0)
    }
  }

  @Test(arguments: [(1, 0), (-1, 3), (4, 3), (0, -1)])
  func impossibleCountsAreRefused(successes: Int, trials: Int) {
    #expect(throws: StatisticsError.self) {
      try Proportion(successes: successes, trials: trials)
    }
  }

  @Test(arguments: [0.0, 1.0, -1.0, 95.0, .nan])
  func levelsOutsideTheUnitIntervalAreRefused(level: Double) throws {
    let proportion = try Proportion(successes: 0, trials: 0)
    #expect(throws: StatisticsError.self) { try proportion.interval(level: level) }
  }

  @Test func countingOutcomes() {
    let proportion = Proportion(counting: [true, false, true])
    #expect(proportion.successes == 2 && proportion.trials == 3)
    #expect(proportion.rate == .value(2.0 / 3))
  }
}
