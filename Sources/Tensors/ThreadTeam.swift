import CKernels

/// Threads that share the work of one short query.
///
/// `@unchecked Sendable`: the team is entered by one caller at a time, which its owner
/// (`ComputeContext`) guarantees.
package final class ThreadTeam: @unchecked Sendable {
  package let threads: Int
  private let team: OpaquePointer

  /// Nil if the threads cannot be started.
  package init?(threads: Int) {
    guard threads > 1, let team = rbk_team_create(Int32(threads)) else { return nil }
    self.threads = threads
    self.team = team
  }

  deinit { rbk_team_destroy(team) }

  /// Calls `work` once with each member, 0 ..< threads, and returns when all are done.
  package func run(_ work: (Int) -> Void) {
    withoutActuallyEscaping(work) { work in
      var box = Box(work: work)
      withUnsafeMutablePointer(to: &box) { pointer in
        rbk_team_run(
          team,
          { context, member in
            context?.assumingMemoryBound(to: Box.self).pointee.work(Int(member))
          }, pointer)
      }
    }
  }

  private struct Box {
    let work: (Int) -> Void
  }
}
