public import Basics
public import SystemPackage

/// MIRAGE's `benchmark.json`: set → question id → `{question, options, answer, PMID}`.
///
/// The key selects the set; it may be left out where the file holds one. The identifiers of `PMID`
/// become the gold passages.
///
/// - SeeAlso: Xiong et al. 2024, "Benchmarking retrieval-augmented generation for medicine".
public struct MIRAGEReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .mirage }

  /// Reads the questions of one set in the order of the file.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    let (sets, place) = try JSONRecords.document(path)
    guard let key = key ?? (sets.count == 1 ? sets.keys.first : nil) else {
      throw UsageError(
        "'\(path.shown)' holds several sets, name one as #set (there are: "
          + sets.keys.map { TerminalText.excerpt($0) }.joined(separator: ", ") + ")")
    }
    guard sets[key] != nil else {
      throw UsageError(
        "'\(path.shown)' has no set '\(TerminalText.excerpt(key))'"
          + NearestName.hint(for: key, in: sets.keys) + " (there are: "
          + sets.keys.map { TerminalText.excerpt($0) }.joined(separator: ", ") + ")")
    }
    let questions = try sets.object(key, at: place)
    let read: Set<UTF8Key> = ["question", "options", "answer", "PMID"]
    for (id, value) in questions.members {
      let here = place.inside(key).inside(id).inRecord(id)
      try rejects.attempt {
        let object = try value.requiredObject(at: here)
        let gold = try object.optionalArray("PMID", at: here) ?? []
        var metadata = JSONObject()
        for (name, value) in object.members where !read.contains(UTF8Key(name)) {
          metadata[name] = value
        }
        try body(
          Query(
            id: id, text: try object.string("question", at: here),
            options: try AnswerOption.list(object["options"], at: here),
            answer: try object.optionalString("answer", at: here),
            goldPassages: try gold.map { try identifier($0, at: here.inside("PMID")) },
            metadata: metadata), here)
      }
    }
  }

  private func identifier(_ value: JSONValue, at place: Place) throws -> String {
    switch value {
    case .integer(let number): return String(number)
    case .string(let text): return text
    default:
      throw InputError("'PMID': expected integers or strings, found \(value.summary)", at: place)
    }
  }
}
