import Basics
public import SystemPackage

/// A document that a detector flagged, as `flags.jsonl` of a run has it.
public struct FlagRecord: Sendable {
  /// The file in the run directory.
  public static let fileName = RunDirectory.flagsName

  /// Whose ranking was judged.
  public var retriever: String
  /// The query set of the list.
  public var querySet: String
  /// The detector, with its choices.
  public var detector: String
  /// The document's id.
  public var document: String
  /// The kind of its payload; nil for a clean document.
  public var payload: String?
  /// The query in whose list its score is the greatest.
  public var query: String
  /// In how many lists it is flagged.
  public var lists: Int
  /// The greatest score.
  public var score: Double
  /// The threshold.
  public var threshold: Double
  /// The share of clean documents that the threshold was set for.
  public var nominal: Double
  /// The p-value of the score among clean documents.
  public var pValue: Double
  /// Where the file stands: `corpus` or `run`.
  public var base: String
  /// The file; nil where it is not known.
  public var file: String?
  /// The line, from 1; nil where it is not known.
  public var line: Int?

  /// Reads the file of a run directory.
  ///
  /// - Parameter directory: The run directory.
  /// - Returns: The flags in their order; nil if the run has no such file.
  /// - Throws: `InputError` with the line that is no flag; `FileError`.
  public static func all(in directory: FilePath) throws -> [FlagRecord]? {
    let path = directory.appending(fileName)
    guard path.exists else { return nil }
    var lines = try LineReader(path)
    var flags: [FlagRecord] = []
    while let line = try lines.next() {
      let place = Place(file: path.shown, line: line.number)
      let object = try JSONParser.parse(line, file: path.shown).requiredObject(at: place)
      flags.append(try FlagRecord(object, at: place))
    }
    return flags
  }

  private init(_ object: JSONObject, at place: Place) throws {
    retriever = try object.string("retriever", at: place)
    querySet = try object.string("set", at: place)
    detector = try object.string("detector", at: place)
    document = try object.string("document", at: place)
    payload = object["payload"]?.stringValue
    query = try object.string("query", at: place)
    base = try object.string("in", at: place)
    guard let lists = object["lists"]?.intValue, let score = object["score"]?.doubleValue,
      let threshold = object["threshold"]?.doubleValue,
      let nominal = object["nominal"]?.doubleValue, let pValue = object["pValue"]?.doubleValue
    else {
      throw InputError(
        "'lists', 'score', 'threshold', 'nominal' and 'pValue': expected numbers", at: place)
    }
    (self.lists, self.score, self.threshold) = (lists, score, threshold)
    (self.nominal, self.pValue) = (nominal, pValue)
    file = object["file"]?.stringValue
    line = object["line"]?.intValue.flatMap { $0 > 0 ? $0 : nil }
  }
}
