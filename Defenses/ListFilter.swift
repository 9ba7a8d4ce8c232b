/// Turns a ranked list into another one, and says why for everything that lost its place.
public protocol ListFilter: Sendable {
  /// The first places of a ranking after the filter.
  ///
  /// - Parameters:
  ///   - ranking: Passages, best first; those behind the first `k` may fill places.
  ///   - query: The question.
  ///   - k: How many places there are, at least 1.
  /// - Returns: At most `k` passages, fewer only if `ranking` has no more to give.
  /// - Throws: What judging throws.
  func filter(
    _ ranking: [DetectionCandidate], for query: DetectionQuery, k: Int
  ) throws -> FilteredList
}

/// A passage with the verdict on it.
public struct JudgedCandidate: Sendable {
  /// The passage.
  public var candidate: DetectionCandidate
  /// The rank that it had, from 1.
  public var rank: Int
  /// The verdict; nil if it could not be judged.
  public var verdict: CalibratedDetector.Verdict?
  /// Why it was flagged, moved, removed or not judged; nil for a passage that nothing happened to.
  public var reason: String?

  /// Whether it was flagged.
  public var isFlagged: Bool { verdict?.isFlagged ?? false }
}

/// A ranked list after a filter.
public struct FilteredList: Sendable {
  /// What is left, best first.
  public var kept: [JudgedCandidate]
  /// What lost its place among the first, each with the reason.
  public var removed: [JudgedCandidate]
}

/// What a calibrated detector flags is marked, ranked last or taken out.
///
/// A passage that cannot be judged stays, and its reason says so: an attacker must not be able to
/// remove clean passages by making a list that no detector can read.
public struct DetectionFilter: ListFilter {
  /// Who judges.
  public let judge: ListJudge
  /// What happens to flagged passages.
  public let policy: DetectionPolicy

  /// A filter.
  public init(_ judge: ListJudge, policy: DetectionPolicy) {
    self.judge = judge
    self.policy = policy
  }

  /// The first places of a ranking after the policy; no more is judged than places need.
  public func filter(
    _ ranking: [DetectionCandidate], for query: DetectionQuery, k: Int
  ) throws -> FilteredList {
    var judged: [JudgedCandidate] = []
    var wanted = min(ranking.count, max(k, ListJudge.listLength))
    while true {
      let verdicts = try judge.verdicts(on: ranking, for: query, range: judged.count..<wanted)
      for (position, result) in zip(judged.count..<wanted, verdicts) {
        judged.append(passage(ranking[position], rank: position + 1, result))
      }
      let outcome = policy.outcome(of: judged, k: k, isFlagged: \.isFlagged)
      if outcome.kept.count >= min(k, ranking.count) || wanted == ranking.count {
        return FilteredList(
          kept: outcome.kept.map { moved($0.item) },
          removed: outcome.removed.map { removed($0.item) })
      }
      wanted = min(ranking.count, wanted + max(k - outcome.kept.count, ListJudge.listLength))
    }
  }

  private func passage(
    _ candidate: DetectionCandidate, rank: Int,
    _ result: Result<CalibratedDetector.Verdict, DetectorError>
  ) -> JudgedCandidate {
    switch result {
    case .success(let verdict):
      JudgedCandidate(
        candidate: candidate, rank: rank, verdict: verdict,
        reason: verdict.isFlagged ? judge.reason(verdict) : nil)
    case .failure(let error):
      JudgedCandidate(
        candidate: candidate, rank: rank, verdict: nil, reason: "not judged: \(error.description)")
    }
  }

  private func moved(_ passage: JudgedCandidate) -> JudgedCandidate {
    guard policy == .demote, passage.isFlagged else { return passage }
    var passage = passage
    passage.reason =
      "ranked behind the passages that are not flagged: " + (passage.reason ?? "")
    return passage
  }

  private func removed(_ passage: JudgedCandidate) -> JudgedCandidate {
    var passage = passage
    let what = policy == .demote ? "displaced by passages that are not flagged" : "quarantined"
    passage.reason = what + ": " + (passage.reason ?? "")
    return passage
  }
}
