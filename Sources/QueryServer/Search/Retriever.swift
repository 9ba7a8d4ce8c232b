import Basics
import Defenses
import Models
import Retrieval
import Synchronization

/// A retriever that is served: encoder, index, and the judge of what it finds.
struct Retriever: Sendable {
  /// The name it is asked for by.
  let name: String
  let embedder: Embedder
  let watch: IndexWatch
  /// The verdicts, or why there are none.
  let judge: Result<Judge, Unavailable>

  /// Why there is no judge.
  struct Unavailable: Error, Sendable {
    var reason: String
  }

  /// What joins title and text of a passage.
  let titleSeparator: String
}

/// Retrievers by name, each loaded when it is first asked for.
final class RetrieverShelf: Sendable {
  /// Loads one.
  typealias Load = @Sendable (_ name: String) throws -> Retriever

  /// The names, the default first.
  let names: [String]
  private let load: Load
  private let loaded = Mutex<[String: Retriever]>([:])

  /// A shelf.
  ///
  /// - Parameters:
  ///   - names: At least one; the first is the default.
  ///   - load: Loads one; called once for each.
  init(_ names: [String], load: @escaping Load) {
    precondition(!names.isEmpty, "a server without a retriever")
    self.names = names
    self.load = load
  }

  /// A retriever.
  ///
  /// - Parameter name: One of `names`; `nil` takes the default.
  /// - Returns: The retriever.
  /// - Throws: `UsageError` for another name; what loading throws.
  func retriever(_ name: String?) throws -> Retriever {
    let name = name ?? names[0]
    guard names.contains(where: { utf8Equal($0, name) }) else {
      throw UsageError(
        "the retriever '\(TerminalText.excerpt(name))' is not served"
          + NearestName.hint(for: name, in: names)
          + " (there are: \(names.joined(separator: ", ")))"
      )
    }
    // The lock is held while loading, so that nothing is loaded twice.
    return try loaded.withLock { loaded in
      if let ready = loaded[name] { return ready }
      let made = try load(name)
      loaded[name] = made
      return made
    }
  }

  /// Those that are loaded, in the order of the names.
  var ready: [Retriever] { loaded.withLock { loaded in names.compactMap { loaded[$0] } } }
}
