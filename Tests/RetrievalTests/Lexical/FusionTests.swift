import Basics
import Retrieval
import Testing

@Suite struct FusionTests {
  private func ranking(_ ids: String...) -> [RankedDocument] {
    ids.enumerated().map { RankedDocument(id: UTF8Key($1), score: -Double($0)) }
  }

  @Test func scoresAreSumsOfReciprocalRanks() throws {
    let fused = try ReciprocalRankFusion().fuse([ranking("a", "b", "c"), ranking("c", "a", "d")])
    #expect(fused.map(\.id.string) == ["a", "c", "b", "d"])
    #expect(fused[0].score == 1.0 / 61 + 1.0 / 62)
    #expect(fused[1].score == 1.0 / 63 + 1.0 / 61)
    #expect(fused[3].score == 1.0 / 63)
    #expect(try ReciprocalRankFusion().fuse([ranking("a", "b", "c")], limit: 2).count == 2)
  }

  @Test func tiesGoToTheSmallerIDByBytes() throws {
    let fused = try ReciprocalRankFusion().fuse([ranking("é", "b"), ranking("e\u{301}", "a")])
    #expect(
      fused.map { Array($0.id.string.utf8) } == ["e\u{301}", "é", "a", "b"].map { Array($0.utf8) })
  }

  @Test func weightsMultiply() throws {
    let fusion = try ReciprocalRankFusion(k: 0)
    let fused = try fusion.fuse([ranking("a", "b"), ranking("b", "a")], weights: [3, 1])
    #expect(
      fused == [
        RankedDocument(id: "a", score: 3.5), RankedDocument(id: "b", score: 2.5),
      ])
    #expect(try fusion.fuse([]) == [])
  }

  @Test func badInputIsRefused() throws {
    #expect(exitStatus { _ = try ReciprocalRankFusion(k: -1) } == .usage)
    #expect(exitStatus { _ = try ReciprocalRankFusion(k: .nan) } == .usage)
    let fusion = try ReciprocalRankFusion()
    #expect(exitStatus { _ = try fusion.fuse([ranking("a", "a")]) } == .badData)
    #expect(exitStatus { _ = try fusion.fuse([ranking("a")], weights: []) } == .usage)
    #expect(exitStatus { _ = try fusion.fuse([ranking("a")], weights: [.nan]) } == .usage)
  }
}
