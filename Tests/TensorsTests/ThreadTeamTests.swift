import CKernels
import Glibc
import Synchronization
import Tensors
import Testing

/// The team: every member once a section, no deadlock, the same bits at any size.
@Suite(.serialized) struct ThreadTeamTests {
  /// Counts the calls of each member.
  private final class Calls: Sendable {
    let counts: Mutex<[Int]>
    init(_ threads: Int) { counts = Mutex([Int](repeating: 0, count: threads)) }
    func add(_ member: Int) { counts.withLock { $0[member] += 1 } }
    var values: [Int] { counts.withLock { $0 } }
  }

  @Test(arguments: [2, 3])
  func tenThousandShortSections(threads: Int) throws {
    let team = try #require(ThreadTeam(threads: threads))
    let calls = Calls(threads)
    for _ in 0..<10_000 { team.run { calls.add($0) } }
    #expect(calls.values == [Int](repeating: 10_000, count: threads))
  }

  @Test func helpersWakeAfterAPause() throws {
    let team = try #require(ThreadTeam(threads: 2))
    let calls = Calls(2)
    for _ in 0..<20 {
      team.run { calls.add($0) }
      // Longer than the helpers spin.
      usleep(2_000)
    }
    #expect(calls.values == [20, 20])
  }

  @Test func aSectionSeesWhatTheOneBeforeWrote() throws {
    let team = try #require(ThreadTeam(threads: 3))
    let cells = GuardedFloats(count: 3, filledWith: 0)
    for _ in 0..<500 {
      let address = UInt(bitPattern: cells.pointer)
      // Each member reads the neighbour's cell of the section before and writes its own.
      let old = cells.values
      team.run { member in
        guard let pointer = UnsafeMutablePointer<Float>(bitPattern: address) else { return }
        pointer[member] = old[(member + 1) % 3] + 1
      }
    }
    #expect(cells.values == [500, 500, 500])
  }

  @Test func teamsComeAndGo() throws {
    #expect(ThreadTeam(threads: 1) == nil && ThreadTeam(threads: 0) == nil)
    #expect(ThreadTeam(threads: -1) == nil)
    let outer = try #require(ThreadTeam(threads: 2))
    let calls = Calls(2)
    for round in 0..<50 {
      // A team inside a section of another, used or dropped at once.
      outer.run { _ in
        let inner = ThreadTeam(threads: 2)
        if round % 2 == 0 { inner?.run { calls.add($0) } }
      }
    }
    #expect(calls.values == [50, 50])
    for threads in [0, -1] { #expect(rbk_team_create(Int32(threads)) == nil) }
  }

  @Test func resultsDoNotDependOnTheThreads() throws {
    var random = Philox(seed: 21)
    let hidden = 96
    for tokens in [1, 5, 60, 96, 97, 400] {
      let x = try Tensor(random.floats(tokens * hidden), shape: [tokens, hidden])
      let weight = try PackedWeight(
        Tensor(random.floats(3 * hidden * hidden), shape: [3 * hidden, hidden]))
      let bias = try Tensor(random.floats(3 * hidden), shape: [3 * hidden])
      let relative = try Tensor(random.floats(6 * 799), shape: [6, 799])
      let boundaries = [0, tokens / 3, tokens / 3, tokens]
      let results = (1...3).map { threads -> [[UInt32]] in
        let context = ComputeContext(threads: threads)
        let qkv = context.linear(x, weight, bias: bias, activation: .gelu)
        let attended = context.selfAttention(
          qkv, boundaries: boundaries, heads: 6, relativeBias: relative)
        return [qkv, attended].map { $0.values.map(\.bitPattern) }
      }
      #expect(results[1] == results[0] && results[2] == results[0], "\(tokens) tokens")
    }
  }
}
