import Basics
import Statistics

/// A share over cells that ask the same questions under several payload kinds.
///
/// The payloads of one question succeed and fail together, so the interval is that of as many trials
/// as there are questions, as if they always did: too wide rather than too narrow.
struct PooledShare {
  /// Over all cells.
  var successes = 0
  /// Over all cells.
  var trials = 0
  /// Questions, each counted once whatever the number of payload kinds.
  var questions = 0

  /// Adds the cells of one unit: successes and trials of each payload kind.
  mutating func add(_ cells: [(successes: Int, trials: Int)]) {
    successes += cells.reduce(0) { $0 + $1.successes }
    trials += cells.reduce(0) { $0 + $1.trials }
    questions += cells.map(\.trials).max() ?? 0
  }

  /// Successes over trials; nil without trials.
  var rate: Double? { trials > 0 ? Double(successes) / Double(trials) : nil }

  /// Wilson's 95 % interval for so many questions; nil without trials.
  var interval: ClosedRange<Double>? {
    guard let rate, questions > 0,
      let proportion = try? Proportion(
        successes: Int((rate * Double(questions)).rounded()), trials: questions),
      let interval = try? proportion.interval().value
    else { return nil }
    return interval.lower...interval.upper
  }

  /// `81.3 % [75.3, 86.1]`, or `n/a`.
  var shown: String {
    guard let rate, let interval else { return "n/a" }
    func percent(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    return
      "\(percent(rate)) % [\(percent(interval.lowerBound)), \(percent(interval.upperBound))]"
  }
}
