import Basics
import Corpus
import Tensors

/// Where canaries come from, and which of them are in: a pure function of their number and a run's seed.
enum Canaries {
  static let labelStream: UInt64 = 0x6C61_6265
  private static let coinStream: UInt64 = 0x636F_696E
  private static let spareStream: UInt64 = 0x7370_6172

  /// Whether the coin puts each of so many canaries in.
  static func coins(_ count: Int, seed: UInt64) -> [Bool] {
    (0..<count).map {
      Philox.uniform(seed: seed, stream: coinStream, index: UInt64($0)) < 0.5
    }
  }

  /// Takes records out, from which canaries are made.
  ///
  /// - Returns: What stays, in its order, and what is taken out, in an order of its own.
  /// - Throws: `UsageError` if less than half would stay.
  static func setAside<Record>(
    _ count: Int, of records: [Record], seed: UInt64
  ) throws -> (kept: [Record], spare: [Record]) {
    guard count > 0 else { return (records, []) }
    guard 2 * count <= records.count else {
      throw UsageError(
        "--canaries is \(count): they are taken from the \(records.count) records, at most half of"
          + " which")
    }
    var random = Philox(seed: seed, stream: spareStream)
    let order = records.indices.shuffled(using: &random)
    return (
      order.dropFirst(count).sorted().map { records[$0] }, order.prefix(count).map { records[$0] }
    )
  }

  /// The people of a run of a generator; those of another seed are others.
  static func identities(_ choices: TrainingChoices) -> [PersonalDataGenerator.Identity] {
    PersonalDataGenerator(seed: choices.seed).identities(count: choices.canaries)
  }
}
