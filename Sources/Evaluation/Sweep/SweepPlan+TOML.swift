import Attacks
public import Basics
import Defenses
public import SystemPackage

extension SweepPlan {
  private static let keys = [
    "name", "title", "corpora", "retrievers", "query-sets", "payloads", "k", "modes", "seeds",
    "questions", "passages", "attacks", "detection",
  ]
  private static let attackKeys = ["name", "method", "set", "among", "wordings"]
  private static let detectionKeys = [
    "detectors", "false-positive-rates", "transfer", "contamination",
  ]
  private static let detectorKeys = ["name", "choose"]

  /// Reads a grid.
  ///
  /// - Parameter path: A TOML file; `Experiments/` holds examples.
  /// - Throws: `FileError` if it cannot be read; `InputError` with line and column for a syntax
  ///   error, with the dotted key and the nearest valid one for the rest.
  public init(contentsOf path: FilePath) throws {
    try self.init(TOMLFile.read(path), file: path.shown)
  }

  /// A grid from the tables of a TOML file.
  ///
  /// - Parameters:
  ///   - table: The root table.
  ///   - file: The file's name in messages.
  /// - Throws: `InputError`.
  public init(_ table: JSONObject, file: String) throws {
    let place = Place(file: file)
    try Self.check(table, Self.keys, at: place)
    name = try table.string("name", at: place)
    title = try table.optionalString("title", at: place) ?? ""
    corpora = try Self.names(table, "corpora", at: place)
    retrievers = try Self.names(table, "retrievers", at: place)
    querySets = try Self.names(table, "query-sets", at: place)
    payloads = try Self.names(table, "payloads", at: place)
    ks = try Self.numbers(table, "k", in: 1...10_000, at: place, default: [1, 2, 5, 10])
    modes = try Self.modes(table, at: place)
    seeds = try Self.numbers(table, "seeds", in: 0...Int.max, at: place, default: [1])
      .map(UInt64.init)
    questions = try Self.size(table, "questions", at: place)
    passages = try Self.size(table, "passages", at: place)
    variants = try Self.variants(table, at: place)
    detectors = []
    falsePositiveRates = [0.01, 0.05]
    if let detection = try table.optionalObject("detection", at: place) {
      try read(detection, at: place.inside("detection"))
    }
  }

  private mutating func read(_ table: JSONObject, at place: Place) throws {
    try Self.check(table, Self.detectionKeys, at: place)
    if table["false-positive-rates"] != nil {
      falsePositiveRates = try table.doubles("false-positive-rates", at: place)
      guard !falsePositiveRates.isEmpty, falsePositiveRates.allSatisfy({ $0 > 0 && $0 < 1 }) else {
        throw Self.fault("false-positive-rates", "expected numbers between 0 and 1", at: place)
      }
    }
    if table["transfer"] != nil {
      transfers = try Self.names(table, "transfer", at: place).map { name in
        guard let transfer = Transfer(rawValue: name) else {
          throw Self.fault(
            "transfer", "expected query-set or corpus, found '\(TerminalText.excerpt(name))'",
            at: place)
        }
        return transfer
      }
    }
    if table["contamination"] != nil {
      contamination = try table.doubles("contamination", at: place)
      guard contamination.allSatisfy({ $0 >= 0 && $0 <= 1 }),
        Set(contamination).count == contamination.count
      else {
        throw Self.fault("contamination", "expected different shares from 0 to 1", at: place)
      }
    }
    guard table["detectors"] != nil else {
      detectors = DetectorRegistry.names.map { .init($0) }
      return
    }
    for (number, entry) in try table.array("detectors", at: place).enumerated() {
      let own = place.inside("detectors").inside("\(number)")
      var choices = DetectorParameters()
      let name: String
      if let text = entry.stringValue {
        name = text
      } else {
        let object = try entry.requiredObject(at: own)
        try Self.check(object, Self.detectorKeys, at: own)
        name = try object.string("name", at: own)
        let chosen = try object.optionalObject("choose", at: own) ?? JSONObject()
        choices = DetectorParameters(
          Dictionary(
            try chosen.members.map { key, value in
              guard let text = value.stringValue ?? value.doubleValue.map(Self.text) else {
                throw Self.fault(key, "expected a text or a number", at: own.inside("choose"))
              }
              return (key, text)
            }, uniquingKeysWith: { first, _ in first }))
      }
      do {
        let kind = try DetectorRegistry.kind(named: name)
        try choices.check(against: kind.metadata)
        try kind.check(choices)
      } catch let error as UsageError {
        throw InputError("'\(own.key ?? "")': \(error.message)", at: own)
      }
      detectors.append(.init(name, choices))
    }
  }

  private static func text(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }

  private static func variants(_ table: JSONObject, at place: Place) throws -> [Variant] {
    guard table["attacks"] != nil else {
      let plain = Variant.Choice(
        name: "concatenation", method: "concatenation", parameters: [:])
      return [Variant(name: plain.name, choices: [plain])]
    }
    var variants: [Variant] = []
    for (number, object) in try table.objects("attacks", at: place).enumerated() {
      let own = place.inside("attacks").inside("\(number)")
      try check(object, attackKeys, at: own)
      variants.append(
        object["among"] == nil && object["wordings"] == nil
          ? try plain(object, at: own) : try adaptive(object, among: variants, at: own))
    }
    guard !variants.isEmpty, Set(variants.map { UTF8Key($0.name) }).count == variants.count else {
      throw fault("attacks", "expected one or more tables with different names", at: place)
    }
    return variants
  }

  private static func plain(_ object: JSONObject, at place: Place) throws -> Variant {
    let method = try object.optionalString("method", at: place) ?? "concatenation"
    let name = try object.optionalString("name", at: place) ?? method
    let parameters = try object.optionalObject("set", at: place) ?? JSONObject()
    do {
      let attack = try AttackRegistry.attack(named: method, parameters: parameters)
      return Variant(
        name: name,
        choices: [.init(name: name, method: method, parameters: attack.parameters)])
    } catch let error as UsageError {
      throw InputError("'\(place.key ?? "")': \(error.message)", at: place)
    }
  }

  /// An attacker who chooses among the variants that stand before him in the file.
  private static func adaptive(
    _ object: JSONObject, among earlier: [Variant], at place: Place
  ) throws -> Variant {
    for key in ["method", "set"] where object[key] != nil {
      throw fault(key, "a variant that chooses has no method of its own", at: place)
    }
    let known = earlier.filter { !$0.isAdaptive }
    let choices = try names(object, "among", at: place).map { name in
      guard let variant = known.first(where: { utf8Equal($0.name, name) }) else {
        throw fault(
          "among",
          "no attack '\(TerminalText.excerpt(name))' stands before it"
            + NearestName.hint(for: name, in: known.map(\.name)), at: place)
      }
      return variant.choices[0]
    }
    for choice in choices {
      let attack = try AttackRegistry.attack(named: choice.method, parameters: choice.parameters)
      guard attack.documentsPerQuery == 1 else {
        throw fault("among", "'\(choice.name)' makes several documents a question", at: place)
      }
    }
    let wordings = try size(object, "wordings", at: place) ?? 1
    guard choices.count * wordings > 1 else {
      throw fault("among", "one attack and one wording leave nothing to choose", at: place)
    }
    return Variant(
      name: try object.string("name", at: place), choices: choices, wordings: wordings)
  }

  private static func modes(
    _ table: JSONObject, at place: Place
  ) throws -> [PoisonedRetrieval.Mode] {
    guard table["modes"] != nil else { return PoisonedRetrieval.Mode.allCases }
    let modes = try names(table, "modes", at: place).map { name in
      guard let mode = PoisonedRetrieval.Mode(rawValue: name) else {
        throw fault(
          "modes", "expected solo, joint or both, found '\(TerminalText.excerpt(name))'", at: place)
      }
      return mode
    }
    return PoisonedRetrieval.Mode.allCases.filter(modes.contains)
  }

  /// One or more different names.
  private static func names(
    _ table: JSONObject, _ key: String, at place: Place
  ) throws -> [String] {
    let names = try table.strings(key, at: place)
    guard !names.isEmpty, Set(names.map { UTF8Key($0) }).count == names.count else {
      throw fault(key, "expected one or more different names", at: place)
    }
    return names
  }

  /// One or more different numbers, ascending.
  private static func numbers(
    _ table: JSONObject, _ key: String, in range: ClosedRange<Int>, at place: Place,
    default defaults: [Int]
  ) throws -> [Int] {
    guard table[key] != nil else { return defaults }
    let numbers = try table.ints(key, at: place)
    guard !numbers.isEmpty, Set(numbers).count == numbers.count,
      numbers.allSatisfy(range.contains)
    else {
      throw fault(
        key, "expected different integers from \(range.lowerBound) to \(range.upperBound)",
        at: place)
    }
    return numbers.sorted()
  }

  private static func size(_ table: JSONObject, _ key: String, at place: Place) throws -> Int? {
    guard let size = try table.optionalInt(key, at: place) else { return nil }
    guard size > 0 else { throw fault(key, "found \(size), expected at least 1", at: place) }
    return size
  }

  private static func check(_ table: JSONObject, _ known: [String], at place: Place) throws {
    for key in table.keys where !known.contains(where: { utf8Equal($0, key) }) {
      throw InputError(
        "unknown key '\(TerminalText.excerpt(place.inside(key).key ?? key))'"
          + NearestName.hint(for: key, in: known), at: place)
    }
  }

  private static func fault(_ key: String, _ message: String, at place: Place) -> InputError {
    InputError("'\(TerminalText.excerpt(place.inside(key).key ?? key))': \(message)", at: place)
  }
}
