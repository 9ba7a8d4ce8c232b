import Basics
public import Defenses
import Dispatch
import Statistics
import Synchronization
import Tensors

/// The evaluation of detectors: fit, calibrate and test on disjoint queries.
///
/// - SeeAlso: rag-poisoning specification, section 6.
public struct DetectionProtocol: Sendable, Equatable {
  /// A detector with its choices.
  public typealias Choice = DetectorChoice

  /// What one fit serves.
  public enum Grouping: String, Sendable, CaseIterable {
    /// One query set.
    case querySet = "query-set"
    /// All query sets.
    case global
  }

  /// What the attacker knows when he chooses a poisoned document for a question.
  public enum Attacker: String, Sendable, CaseIterable {
    /// Nothing of the detector: every poisoned document stands.
    case oblivious
    /// The detector and its scores, without gradients: of a question's poisoned documents of one kind
    /// he puts in the one of least score among those that reach the user, or the best ranked if none
    /// does (rag-poisoning specification, section 6, adaptive row a and b).
    case adaptive
  }

  /// The detectors, in the order of the report.
  public var detectors: [Choice]
  /// What the attacker knows.
  public var attacker: Attacker
  /// The sizes of the parts.
  public var shares: QuestionSplit.Shares
  /// What one fit serves.
  public var grouping: Grouping
  /// Which parts of a document are judged.
  public var windows: WindowChoice
  /// Which poison stands in the corpus when a question is asked.
  public var mode: PoisonedRetrieval.Mode
  /// A poisoned document of at most this rank has reached the user.
  public var reach: Int
  /// The nominal false positive rates.
  public var falsePositiveRates: [Double]
  /// Random passages a test query, 0 leaves easy negatives out.
  public var easyNegatives: Int
  /// Resamples of each interval, at least 1,000.
  public var resamples: Int
  /// Decides the split, the random passages and the resamples.
  public var seed: UInt64

  /// Settings; without arguments the specification's.
  public init(
    detectors: [Choice] = DetectorRegistry.standardNames.map { Choice($0) },
    attacker: Attacker = .oblivious,
    shares: QuestionSplit.Shares = QuestionSplit.Shares(), grouping: Grouping = .querySet,
    windows: WindowChoice = .all, mode: PoisonedRetrieval.Mode = .solo, reach: Int = 2,
    falsePositiveRates: [Double] = [0.01, 0.05], easyNegatives: Int = 1,
    resamples: Int = 1000, seed: UInt64 = 0
  ) {
    self.detectors = detectors
    self.attacker = attacker
    self.shares = shares
    self.grouping = grouping
    self.windows = windows
    self.mode = mode
    self.reach = reach
    self.falsePositiveRates = falsePositiveRates
    self.easyNegatives = easyNegatives
    self.resamples = resamples
    self.seed = seed
  }

  /// Streams of random numbers that never meet.
  private enum Stream: UInt64 {
    case split = 1
    case passages
    case intervals
  }

  /// The parts of each query set, as positions in the questions of the data set.
  ///
  /// - Parameter dataset: The questions.
  /// - Returns: One split a query set, in the order of `dataset.querySets`.
  public func splits(of dataset: DetectionDataset) -> [(querySet: String, split: QuestionSplit)] {
    dataset.querySets.map { name in
      let positions = dataset.questions.indices.filter {
        UTF8Key(dataset.questions[$0].querySet) == UTF8Key(name)
      }
      // A set's split does not depend on which other sets take part.
      var generator = Philox(seed: seed, stream: Stream.split.rawValue)
      let split = QuestionSplit(
        of: positions.map { dataset.questions[$0].clean.query.text }, shares: shares,
        using: &generator)
      return (name, split.mapped(to: positions))
    }
  }

  /// Runs the experiment.
  ///
  /// - Parameters:
  ///   - dataset: Questions and poison.
  ///   - anchors: Where detectors learn and are calibrated, if elsewhere: one query set, whose own
  ///     split decides. A question that is a near-duplicate of one that is tested is left out.
  ///   - progress: Called with the number of finished and of all detectors, from any thread.
  /// - Returns: The report.
  /// - Throws: `UsageError` for an unknown detector or choice, `DetectorError` for a vector that no
  ///   detector can use, `CancellationError`. A detector that cannot be fitted, because the passages
  ///   are too few or all alike, is in the report as not applicable.
  public func evaluate(
    _ dataset: DetectionDataset, fittedOn anchors: DetectionDataset? = nil,
    progress: @Sendable (_ finished: Int, _ all: Int) -> Void = { _, _ in }
  ) throws -> DetectionReport {
    let splits = splits(of: dataset)
    let fit = fitSplits(splits, of: dataset, anchors: anchors)
    // The same draws for every detector and every cell.
    let resamples = try splits.map { _, split in
      var generator = Philox(seed: seed, stream: Stream.intervals.rawValue)
      return try Resamples(self.resamples, of: split.test.count, using: &generator)
    }
    // One detector on each thread; the order of the report does not depend on which ends first.
    let finished = Mutex<[Result<[Outcome], any Error>?]>(
      Array(repeating: nil, count: detectors.count))
    DispatchQueue.concurrentPerform(iterations: detectors.count) { number in
      let result = Result {
        try self.fits(of: detectors[number], splits, resamples, dataset, anchors ?? dataset, fit)
      }
      let done = finished.withLock { finished in
        finished[number] = result
        return finished.count { $0 != nil }
      }
      progress(done, detectors.count)
    }
    try Task.checkCancellation()
    let outcomes = try finished.withLock { try $0.flatMap { try $0?.get() ?? [] } }
    var report = DetectionReport(settings: self, fits: [])
    // By query set, then by detector: what belongs together stands together.
    for name in splits.map({ UTF8Key($0.querySet) }) {
      for outcome in outcomes {
        switch outcome {
        case .success(let fit) where UTF8Key(fit.querySet) == name: report.fits.append(fit)
        case .failure(let error) where UTF8Key(error.unfitted.querySet) == name:
          report.unfitted.append(error.unfitted)
        default: break
        }
      }
    }
    try report.compareWithBaselines()
    return report
  }

  private typealias Outcome = Result<DetectionReport.Fit, NotFitted>

  private struct NotFitted: Error {
    var unfitted: DetectionReport.Unfitted
  }

  /// The parts to learn from and to calibrate with, one for each query set that is tested.
  private func fitSplits(
    _ splits: [(querySet: String, split: QuestionSplit)], of dataset: DetectionDataset,
    anchors: DetectionDataset?
  ) -> [QuestionSplit] {
    guard let anchors else { return splits.map(\.split) }
    let sources = self.splits(of: anchors)
    precondition(
      sources.count == 1 && grouping == .querySet, "anchors of \(sources.count) query sets")
    let own = sources[0].split
    let positions = own.fit + own.calibrate
    return splits.map { _, split in
      let tested = split.test.map { dataset.questions[$0].clean.query.text }
      let groups = NearDuplicates.groups(
        of: tested + positions.map { anchors.questions[$0].clean.query.text })
      let taken = Set(groups.prefix(tested.count))
      let unseen = Set(
        zip(positions, groups.dropFirst(tested.count)).filter { !taken.contains($1) }.map(\.0))
      return QuestionSplit(
        fit: own.fit.filter(unseen.contains), calibrate: own.calibrate.filter(unseen.contains),
        test: own.test, nearDuplicates: own.nearDuplicates)
    }
  }

  /// One detector on every query set.
  private func fits(
    of choice: Choice, _ splits: [(querySet: String, split: QuestionSplit)],
    _ resamples: [Resamples], _ dataset: DetectionDataset, _ anchors: DetectionDataset,
    _ fitSplits: [QuestionSplit]
  ) throws -> [Outcome] {
    var shared: CalibratedDetector?
    return try zip(zip(splits, fitSplits), resamples).map { parts, resamples in
      let ((querySet, split), fit) = parts
      do {
        let calibrated: CalibratedDetector
        switch grouping {
        case .querySet: calibrated = try fitted(choice, fit.fit, fit.calibrate, anchors)
        case .global:
          calibrated =
            try shared
            ?? fitted(
              choice, splits.flatMap(\.split.fit), splits.flatMap(\.split.calibrate), dataset)
          shared = calibrated
        }
        try calibrated.check(dataset.retriever)
        let test = try DetectionTest(
          settings: self, dataset: dataset, questions: split.test, calibrated: calibrated,
          resamples: resamples)
        return .success(
          DetectionReport.Fit(
            querySet: querySet, detector: choice.detector, parameters: choice.parameters,
            summary: calibrated.detector.summary,
            questions: DetectionReport.Parts(
              fit: fit.fit.count, calibrate: fit.calibrate.count, test: split.test.count,
              nearDuplicates: fit.nearDuplicates),
            falsePositives: try test.falsePositives(), cells: try test.cells(),
            flags: try test.flags(querySet, choice)))
      } catch let error as DetectorError {
        switch error {
        // Too few documents, all of them alike, or lists too short to compare within.
        case .anchors, .fit, .list:
          return .failure(
            NotFitted(
              unfitted: .init(
                querySet: querySet, detector: choice.detector, reason: error.description)))
        case .vector, .retriever, .dimension: throw error
        }
      }
    }
  }

  /// A detector learnt from some questions and calibrated with others.
  func fitted(
    _ choice: Choice, _ fit: [Int], _ calibrate: [Int], _ dataset: DetectionDataset
  ) throws -> CalibratedDetector {
    try CalibratedDetector(
      fitting: choice.detector, parameters: choice.parameters,
      to: fit.map { dataset.questions[$0].clean },
      calibrating: calibrate.map { dataset.questions[$0].clean }, retriever: dataset.retriever,
      windows: windows)
  }

  /// Random passages of a test query; the same for every detector.
  func passages(for question: Int, of dataset: DetectionDataset) -> [DetectionCandidate] {
    guard !dataset.randomPassages.isEmpty, easyNegatives > 0 else { return [] }
    var generator = Philox(
      seed: seed, stream: Stream.passages.rawValue << 32 | UInt64(question))
    let own = Set(dataset.questions[question].clean.candidates.map { UTF8Key($0.id) })
    return (0..<easyNegatives).compactMap { _ in
      let passage = dataset.randomPassages[
        Int(generator.next(upperBound: UInt64(dataset.randomPassages.count)))]
      return own.contains(UTF8Key(passage.id)) ? nil : passage
    }
  }
}

extension QuestionSplit {
  /// The same split of other positions.
  fileprivate func mapped(to positions: [Int]) -> QuestionSplit {
    QuestionSplit(
      fit: fit.map { positions[$0] }, calibrate: calibrate.map { positions[$0] },
      test: test.map { positions[$0] }, nearDuplicates: nearDuplicates)
  }
}
