import Testing

@testable import Training

@Suite struct ExampleSplitTests {
  /// 60 examples share a prompt: no share holds them out where a tenth is asked for.
  @Test(arguments: 1...8) func aLargeGroupIsNotHeldOut(seed: Int) {
    let keys = (0..<80).map { [$0 < 60 ? "all" : "own \($0)"] }
    let split = ExampleSplit(keys, heldOut: 0.1, seed: UInt64(seed))
    #expect(split.heldOut.count == 8 && split.training.count == 72)
    #expect(split.heldOut.allSatisfy { $0 >= 60 })
  }

  @Test func eachSideHasAGroup() {
    // Both groups are larger than what is asked for: the smaller is held out.
    let two = ExampleSplit(["a", "a", "a", "b", "b"].map { [$0] }, heldOut: 0.1, seed: 1)
    #expect(two.heldOut == [3, 4] && two.training == [0, 1, 2])
    // Nearly all are asked for.
    let most = ExampleSplit((0..<10).map { ["\($0)"] }, heldOut: 0.99, seed: 1)
    #expect(most.training.count == 1 && most.heldOut.count == 9)
    // Keys join: "x" is in all of them.
    let one = ExampleSplit([["x", "a"], ["x", "b"], ["b", "c"]], heldOut: 0.5, seed: 1)
    #expect(one.heldOut.isEmpty && one.training == [0, 1, 2])
  }
}
