import Foundation

/// Starts a thread of the server; blocking calls stay off the cooperative pool.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
  let thread = Thread(block: body)
  thread.name = "ragbench \(name)"
  thread.start()
}
