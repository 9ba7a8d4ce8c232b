import Basics

/// Collects questions that arrive together and has them answered as one micro-batch.
///
/// What was read together is taken together. A lone question is taken at once; while the client is
/// still sending, the batch stays open for some milliseconds; while a batch is at work, the next one
/// gathers.
final class SearchBatcher: Sendable {
  /// Questions in one batch.
  static let maximumBatch = 64
  /// The longest wait for further questions.
  static let window: Duration = .milliseconds(3)

  /// A question that waits.
  struct Item: Sendable {
    var request: SearchRequest
    var retriever: String?
    var context: RequestContext
    var reply: @Sendable (Result<SearchAnswer, any Error>) -> Void
  }

  private struct State {
    /// Questions of what is being read.
    var staged: [Item] = []
    var items: [Item] = []
    var isEnding = false
  }

  private let state = Monitor(State())
  private let engine: SearchEngine
  private let hasMoreInput: @Sendable () -> Bool

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - engine: Answers.
  ///   - hasMoreInput: Whether more can be read at once.
  init(_ engine: SearchEngine, hasMoreInput: @escaping @Sendable () -> Bool) {
    self.engine = engine
    self.hasMoreInput = hasMoreInput
    startThread(named: "search") { [self] in run() }
  }

  /// Puts a question behind the others; it is taken up by the next ``flush()``.
  func add(_ item: Item) { state.change { $0.staged.append(item) } }

  /// Tells that what was read has been cut into messages.
  func flush() {
    state.change { state in
      state.items += state.staged
      state.staged.removeAll()
    }
  }

  /// Ends the thread when all are answered.
  func end() { state.change { $0.isEnding = true } }

  private func run() {
    while true {
      state.wait(until: { !$0.items.isEmpty || $0.isEnding })
      if state.read(\.items.isEmpty) { return }
      gather()
      let items = state.change { state in
        let taken = Array(state.items.prefix(Self.maximumBatch))
        state.items.removeFirst(taken.count)
        return taken
      }
      answer(items)
    }
  }

  private func gather() {
    let start = ContinuousClock.now
    while hasMoreInput(), ContinuousClock.now - start < Self.window {
      let isFull = state.wait(
        until: { $0.items.count >= Self.maximumBatch }, within: .microseconds(200))
      if isFull { return }
    }
  }

  private func answer(_ items: [Item]) {
    var groups: [(retriever: String?, items: [Item])] = []
    for item in items {
      if item.context.isCancelled {
        item.reply(.failure(CancellationError()))
        continue
      }
      engine.statistics.record(.waiting, ContinuousClock.now - item.context.arrival)
      if let place = groups.firstIndex(where: { $0.retriever == item.retriever }) {
        groups[place].items.append(item)
      } else {
        groups.append((item.retriever, [item]))
      }
    }
    for group in groups {
      let names = group.items.prefix(8).map(\.context.id.shown).joined(separator: ", ")
      CrashReport.shared.noting("requests \(names), tool search") {
        FaultInjection.pass("search")
        let results: [Result<SearchAnswer, any Error>]
        do {
          let retriever = try engine.shelf.retriever(group.retriever)
          results = engine.answers(group.items.map(\.request), by: retriever)
        } catch {
          results = group.items.map { _ in .failure(error) }
        }
        for (item, result) in zip(group.items, results) { item.reply(result) }
      }
    }
  }
}
