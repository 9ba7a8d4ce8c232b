import Basics
import Retrieval
import TestSupport
import Testing

@Suite struct OverlayTests {
  private func document(_ id: String, _ score: Double) -> RankedDocument {
    RankedDocument(id: UTF8Key(id), score: score)
  }

  /// Sorting everything again, written without the overlay's code.
  private func resorted(
    _ clean: [RankedDocument], _ injected: [RankedDocument], _ removed: Set<UTF8Key>
  ) -> [OverlayEntry] {
    let all =
      clean.filter { !removed.contains($0.id) }.map { ($0, false) } + injected.map { ($0, true) }
    return all.sorted { left, right in
      if left.0.score != right.0.score { return left.0.score > right.0.score }
      if left.1 != right.1 { return right.1 }
      return left.0.id.string.utf8.lexicographicallyPrecedes(right.0.id.string.utf8)
    }.map { OverlayEntry(id: $0.0.id, score: $0.0.score, isInjected: $0.1) }
  }

  @Test func mergingEqualsSortingEverythingAgain() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      // Few distinct scores make many ties.
      func scored(_ prefix: String, _ count: Int) -> [RankedDocument] {
        (0..<count).map {
          document("\(prefix)\($0)", Double(Int.random(in: 0...12, using: &random)))
        }
      }
      let corpus = scored("c", Int.random(in: 0...60, using: &random))
      let order = resorted(corpus, [], []).map { RankedDocument(id: $0.id, score: $0.score) }
      // Ids on either side of the clean ones.
      let injected =
        scored("a", Int.random(in: 0...5, using: &random))
        + scored("z", Int.random(in: 0...5, using: &random))
      let removed = Set(
        corpus.filter { _ in Int.random(in: 0..<8, using: &random) == 0 }.map(\.id))
      let kept = Int.random(in: 0...corpus.count, using: &random)
      let k = Int.random(in: 1...20, using: &random)
      let overlay = try Overlay(clean: Array(order.prefix(kept)), isComplete: kept == corpus.count)
      let expected = resorted(corpus, injected, removed)
      let left = order.prefix(kept).count { !removed.contains($0.id) }
      if kept == corpus.count || left >= k {
        #expect(
          try overlay.top(k, injecting: injected, removing: removed) == Array(expected.prefix(k)))
      } else {
        #expect(
          exitStatus {
            _ = try overlay.top(k, injecting: injected, removing: removed)
          } == .usage)
      }
      for one in injected {
        let exact = try #require(expected.firstIndex { $0.id == one.id }) + 1
        let rank = try overlay.rank(of: one.id, injecting: injected, removing: removed)
        // Unknown only where the clean ranking ends above the document.
        if let rank {
          #expect(rank == exact)
        } else {
          #expect(kept < corpus.count && (order.prefix(kept).last?.score ?? .infinity) >= one.score)
        }
      }
    }
  }

  @Test func injectedDocumentsComeLastOnTies() throws {
    let overlay = try Overlay(clean: [document("m", 1), document("n", 1)], isComplete: true)
    let top = try overlay.top(4, injecting: [document("z", 1), document("a", 1)])
    #expect(top.map(\.id.string) == ["m", "n", "a", "z"])
    #expect(top.map(\.isInjected) == [false, false, true, true])
    #expect(try overlay.rank(of: "a", injecting: [document("a", 1)]) == 3)
    #expect(try overlay.rank(of: "a", injecting: [document("a", 1.5)]) == 1)
  }

  @Test func removalNeedsALongerCleanRanking() throws {
    let overlay = try Overlay(clean: [document("a", 3), document("b", 2), document("c", 1)])
    #expect(try overlay.top(3, injecting: []).count == 3)
    #expect(throws: OverlayError.tooShort(available: 3, removed: 1, needed: 4)) {
      try overlay.top(3, injecting: [document("p", 9)], removing: ["b"])
    }
    #expect(try overlay.top(2, injecting: [], removing: ["b"]).map(\.id.string) == ["a", "c"])
    #expect(try overlay.rank(of: "p", injecting: [document("p", 0.5)]) == nil)
    #expect(try overlay.rank(of: "p", injecting: [document("p", 1.5)], removing: ["a"]) == 2)
  }

  @Test func badInputIsRefused() throws {
    for clean in [
      [document("a", 1), document("b", 2)], [document("b", 1), document("a", 1)],
      [document("a", .nan)], [document("a", .infinity)], [document("a", 2), document("a", 1)],
    ] {
      #expect(exitStatus { _ = try Overlay(clean: clean) } == .badData)
    }
    let overlay = try Overlay(clean: [document("a", 1)], isComplete: true)
    for injected in [
      [document("p", .nan)], [document("a", 2)], [document("p", 1), document("p", 2)],
    ] {
      #expect(exitStatus { _ = try overlay.top(1, injecting: injected) } == .badData)
    }
    #expect(exitStatus { _ = try overlay.top(0, injecting: []) } == .usage)
    #expect(exitStatus { _ = try overlay.rank(of: "q", injecting: []) } == .badData)
    #expect(try Overlay(clean: [], isComplete: true).top(5, injecting: []) == [])
  }
}
