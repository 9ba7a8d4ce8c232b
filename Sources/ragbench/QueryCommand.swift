import ArgumentParser
import Basics
import Corpus
import Glibc
import Retrieval
import SystemPackage

/// `ragbench query`: what a retriever answers, for a person or line by line for a program.
struct QueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query", abstract: "Searches a corpus.",
    discussion: """
      Without a text, questions are read from standard input, one a line, and answered with one \
      line of JSON each, in the same order. A line is plain text or an object such as \
      {"query": "…", "k": 5, "id": 7}; a line that is wrong is answered with {"error": …}.

      Example: ragbench query "first-line treatment of gout" --corpus medqa
      Example: ragbench query --corpus medqa --k 3 < questions.txt
      """)

  /// What rankings are fused with.
  enum Fusion: String, ExpressibleByArgument, CaseIterable {
    case bm25
  }

  @Argument(help: "The question; without it, one a line from standard input.") var text: String?
  @Option(help: "Name of the corpus.") var corpus: String
  @Option(help: "Retriever: an installed model or the path of a folder.")
  var retriever = defaultRetriever
  @Option(help: "Results for each question, 1 to 10000.") var k = 10
  @Option(help: "Kind of a built index file, such as HNSW32 (default: exact search).")
  var kind: String?
  @Option(help: "Fuse with BM25 by reciprocal ranks: bm25.") var hybrid: Fusion?
  @OptionGroup var options: SharedOptions

  mutating func validate() throws {
    guard (1...CorpusSearch.maximumResults).contains(k) else {
      throw ValidationError("--k is \(k), expected 1 to \(CorpusSearch.maximumResults)")
    }
  }

  func run() throws {
    let kind = try kind.map { try IndexKind(parsing: $0) }
    let bench = try Workbench(options)
    let bundle = try bench.quietBundle(corpus)
    let embedder = try bench.plainEmbedder(retriever)
    let vectors = try bench.search(bundle, embedder, kind: kind)
    let store =
      switch vectors {
      case .exact(let index): index.store
      case .derived(_, let store): store
      }
    let search = CorpusSearch(
      vectors, embedder: embedder,
      lexical: hybrid == .bm25 ? try bench.lexicalIndex(bundle, store) : nil)
    guard let text else { return try QueryLines(search: search, k: k, options: options).run() }
    let results = try search.results(for: text, limit: k)
    if options.format != .human {
      return try Output.results(
        [.object(["query": .string(text), "results": .array(results.map(\.json))])],
        options.format)
    }
    show(results)
  }

  /// Rank, score, id and title in a line, the beginning of the text under it.
  private func show(_ results: [CorpusSearch.Result]) {
    if results.isEmpty { return Output.note("the corpus is empty", options) }
    let style = options.style
    let rankWidth = "\(results.count)".utf8.count
    let snippet = max(40, (Terminal.columns(STDOUT_FILENO) ?? 100) - rankWidth - 3) * 2
    for result in results {
      let rank = String(repeating: " ", count: rankWidth - "\(result.rank)".utf8.count)
      let title = result.title.isEmpty ? "" : "  " + TerminalText.excerpt(result.title, limit: 120)
      Output.result(
        "\(rank)\(result.rank)  \(Format.decimals(result.score, 4))"
          + "  \(style.bold(TerminalText.excerpt(result.id.string)))\(title)")
      let head = result.text.unicodeScalars.prefix(snippet)
      let rest = head.endIndex < result.text.unicodeScalars.endIndex ? "…" : ""
      Output.result(
        String(repeating: " ", count: rankWidth + 2) + TerminalText.escaped(String(head)) + rest)
    }
  }
}

extension CorpusSearch.Result {
  /// The result as a program reads it.
  var json: JSONValue {
    .object([
      "rank": JSONValue(rank), "id": .string(id.string), "score": .number(score),
      "title": .string(title), "text": .string(text),
    ])
  }
}

/// Questions from standard input, one a line, answered one a line.
struct QueryLines {
  private static let maximumLineBytes = 16 << 20

  let search: CorpusSearch
  let k: Int
  let options: SharedOptions

  /// Answers until the input ends; a line that is wrong costs that line.
  func run() throws {
    if Terminal.isTerminal(STDIN_FILENO) {
      Output.note("one question a line; end with Ctrl-D", options)
    }
    var lines = try LineReader("-", maximumLineBytes: Self.maximumLineBytes)
    var previous: InputError?
    while true {
      do {
        guard let line = try lines.next() else { return }
        previous = nil
        if !line.isBlank { try answer(line, file: lines.name) }
      } catch let error as InputError {
        // The same error twice: the input cannot be read beyond this point.
        if error == previous { throw error }
        previous = error
        try report(error, id: nil)
      }
    }
  }

  private func answer(_ line: Line, file: String) throws {
    var id: JSONValue?
    do {
      let place = Place(file: file, line: line.number)
      var (text, limit) = ("", k)
      if line.bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "{") {
        let object = try JSONParser.parse(line, file: file).requiredObject(at: place)
        id = object["id"]
        for key in object.keys where !["query", "k", "id"].contains(key) {
          throw InputError(
            "unknown key '\(TerminalText.excerpt(key))'"
              + NearestName.hint(for: key, in: ["query", "k", "id"]), at: place)
        }
        text = try object.string("query", at: place)
        limit = try object.optionalInt("k", at: place) ?? k
      } else {
        text = try line.text(file: file)
      }
      let results = try search.results(for: text, limit: limit)
      var answer: JSONObject = [:]
      if let id { answer["id"] = id }
      answer["query"] = .string(text)
      answer["results"] = .array(results.map(\.json))
      try Output.result(.object(answer), pretty: false)
    } catch let error as any ReportableError
      where error.exitStatus == .badData || error.exitStatus == .usage
    {
      try report(error, id: id, line: line.number)
    }
  }

  private func report(_ error: any ReportableError, id: JSONValue?, line: Int? = nil) throws {
    var fault: JSONObject = ["status": JSONValue(Int(error.exitStatus.rawValue))]
    let place = (error as? InputError)?.place
    if let line = line ?? place?.line { fault["line"] = JSONValue(line) }
    fault["message"] = .string((error as? InputError)?.message ?? error.description)
    var answer: JSONObject = [:]
    if let id { answer["id"] = id }
    answer["error"] = .object(fault)
    try Output.result(.object(answer), pretty: false)
  }
}
