import Basics

/// Flagged documents as code scanners report findings: SARIF 2.1.0, one rule a detector, one result a
/// flag, at the file and line of the document.
public struct SARIFReport {
  /// What a detector is, for the reader of a finding.
  public struct Rule: Sendable {
    /// The detector's name, without choices.
    public var name: String
    /// What it measures, in one sentence.
    public var title: String
    /// Where it comes from.
    public var source: String

    /// A rule.
    public init(name: String, title: String, source: String) {
      self.name = name
      self.title = title
      self.source = source
    }
  }

  /// The most results: viewers refuse much larger files. The least p-values are kept, and a notification
  /// says how many are left out.
  public static let maximumResults = 5000

  private let data: ReportData
  private let flags: [FlagRecord]
  private let rules: [Rule]

  /// A report of a run.
  ///
  /// - Parameters:
  ///   - data: The run.
  ///   - flags: What its detectors flagged.
  ///   - rules: What detectors are; one that is missing is described by its name.
  public init(_ data: ReportData, _ flags: [FlagRecord], rules: [Rule]) {
    self.data = data
    self.flags = flags
    self.rules = rules
  }

  /// The file.
  ///
  /// - Throws: `InputError` for a number that JSON cannot hold.
  public var text: String {
    get throws {
      let log: JSONObject = [
        "$schema":
          "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0", "runs": .array([.object(run)]),
      ]
      return try JSONValue.object(log).serialized() + "\n"
    }
  }

  private var run: JSONObject {
    var seen: Set<UTF8Key> = []
    let detectors = flags.map(\.detector).filter { seen.insert(UTF8Key($0)).inserted }
    let positions = Dictionary(
      uniqueKeysWithValues: detectors.enumerated().map { (UTF8Key($1), $0) })
    let shown = shownFlags
    return [
      "tool": [
        "driver": [
          "name": "ragbench", "version": .string(version), "semanticVersion": .string(version),
          "rules": .array(detectors.map { .object(rule($0)) }),
        ]
      ],
      "automationDetails": ["id": .string("ragbench/\(data.command)/\(Self.encoded(corpus))/")],
      "originalUriBaseIds": [
        "CORPUS": [
          "description": "The folder of the corpus \(corpus).".message
        ],
        "RUN": ["description": "The run directory.".message],
      ],
      "invocations": [
        [
          "executionSuccessful": true, "toolExecutionNotifications": .array(notifications(shown)),
        ]
      ],
      "columnKind": "unicodeCodePoints",
      "results": .array(
        shown.map { .object(result($0, rule: positions[UTF8Key($0.detector)] ?? 0)) }),
    ]
  }

  private var version: String { data.description["version"]?.stringValue ?? "0" }
  private var corpus: String { data.corpora.first?["name"]?.stringValue ?? "" }

  /// All flags in their order, or those of the least p-values.
  private var shownFlags: [FlagRecord] {
    guard flags.count > Self.maximumResults else { return flags }
    let kept = flags.indices.sorted { (flags[$0].pValue, $0) < (flags[$1].pValue, $1) }
      .prefix(Self.maximumResults).sorted()
    return kept.map { flags[$0] }
  }

  private func notifications(_ shown: [FlagRecord]) -> [JSONValue] {
    guard shown.count < flags.count else { return [] }
    let text =
      "\(flags.count - shown.count) of \(flags.count) flags are left out, those of the largest"
      + " p-values; all are in \(FlagRecord.fileName) of the run directory."
    return [["level": "note", "message": text.message]]
  }

  private func rule(_ detector: String) -> JSONObject {
    let name = String(
      decoding: detector.utf8.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self)
    let known = rules.first { utf8Equal($0.name, name) }
    let title = known?.title ?? "the detector \(name)"
    let choices =
      utf8Equal(name, detector)
      ? "" : " Its choices: \(detector.dropFirst(name.count + 1))."
    let help =
      "The score is the \(title). A document is flagged when its score in the list of a question is"
      + " above a threshold that was set on clean passages of other questions, so that a known share"
      + " of clean passages is flagged as well: look at the document before it is removed.\(choices)"
      + (known.map { " Source: \($0.source)." } ?? "")
    return [
      "id": .string(detector), "name": .string(name),
      "shortDescription": "Suspicious by the \(title).".message,
      "fullDescription": help.message, "help": help.message,
      "defaultConfiguration": ["level": "warning"],
      "properties": ["tags": ["security", "retrieval", "poisoning"]],
    ]
  }

  private func result(_ flag: FlagRecord, rule: Int) -> JSONObject {
    let others = flag.lists == 1 ? "" : ", and in \(flag.lists - 1) more"
    let kind = flag.payload.map { "a document of the attack (\($0))" } ?? "a passage of the corpus"
    let text =
      "\(TextCut.marked(flag.document, to: 200)), \(kind), has the score \(Format.decimals(flag.score, 4)) in the list of"
      + " question \(TextCut.marked(flag.query, to: 200)) of \(flag.querySet)\(others). The threshold"
      + " for \(Format.decimals(100 * flag.nominal, 1)) % of clean passages is \(Format.decimals(flag.threshold, 4));"
      + " p = \(Format.decimals(flag.pValue, 4)) among clean passages."
    var location: JSONObject = [
      "logicalLocations": [
        ["fullyQualifiedName": .string(flag.document), "kind": "object"]
      ]
    ]
    if let file = flag.file {
      var physical: JSONObject = ["artifactLocation": Self.artifact(file, in: flag.base)]
      if let line = flag.line { physical["region"] = ["startLine": JSONValue(line)] }
      location["physicalLocation"] = .object(physical)
    }
    return [
      "ruleId": .string(flag.detector), "ruleIndex": JSONValue(rule),
      "level": .string(Self.level(flag.pValue)), "message": text.message,
      "locations": .array([.object(location)]),
      "partialFingerprints": ["document/v1": .string(fingerprint(flag))],
      "properties": [
        "score": .number(flag.score), "threshold": .number(flag.threshold),
        "pValue": .number(flag.pValue), "nominal": .number(flag.nominal),
        "lists": JSONValue(flag.lists), "retriever": .string(flag.retriever),
        "querySet": .string(flag.querySet), "payload": flag.payload.map { .string($0) } ?? .null,
      ],
    ]
  }

  /// The same for the same document under the same detector, whatever its score and its line.
  private func fingerprint(_ flag: FlagRecord) -> String {
    Checksum.sha256(
      [corpus, flag.base, flag.retriever, flag.querySet, flag.detector, flag.document]
        .map { "\($0.utf8.count):\($0)" }.joined())
  }

  /// By the p-value among clean passages: 0.001, 0.01.
  static func level(_ pValue: Double) -> String {
    if pValue <= 0.001 { return "error" }
    return pValue <= 0.01 ? "warning" : "note"
  }

  /// A path as a URI: relative to its base, or absolute as it is.
  static func artifact(_ path: String, in base: String) -> JSONValue {
    if path.utf8.first == UInt8(ascii: "/") {
      return ["uri": .string("file://" + encoded(path))]
    }
    return [
      "uri": .string(encoded(path)), "uriBaseId": .string(base == "run" ? "RUN" : "CORPUS"),
    ]
  }

  /// Bytes that a path of a URI cannot hold as they are, percent-encoded.
  static func encoded(_ path: String) -> String {
    path.utf8.reduce(into: "") { result, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.utf8.count < 2 ? "0" : "") + digits
      }
    }
  }
}

extension String {
  /// The text as a SARIF message: `[` would begin a link and `{` a placeholder (SARIF 2.1.0, sections
  /// 3.11.5 and 3.11.6).
  fileprivate var message: JSONValue {
    var result = ""
    for scalar in TerminalText.escaped(self).unicodeScalars {
      switch scalar {
      case "[": result += "\\"
      case "{", "}": result.unicodeScalars.append(scalar)
      default: break
      }
      result.unicodeScalars.append(scalar)
    }
    return ["text": .string(result)]
  }
}
