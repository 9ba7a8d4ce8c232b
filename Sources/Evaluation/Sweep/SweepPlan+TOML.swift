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
    try table.requireKnownKeys(Self.keys, at: place)
    name = try table.string("name", at: place)
    title = try table.optionalString("title", at: place) ?? ""
    corpora = try table.differentNames("corpora", at: place)
    retrievers = try table.differentNames("retrievers", at: place)
    querySets = try table.differentNames("query-sets", at: place)
    payloads = try table.differentNames("payloads", at: place)
    ks = try table.differentInts("k", in: 1...10_000, at: place, default: [1, 2, 5, 10])
    modes = try Self.modes(table, at: place)
    seeds = try table.differentInts("seeds", in: 0...Int.max, at: place, default: [1])
      .map(UInt64.init)
    questions = try table.optionalSize("questions", at: place)
    passages = try table.optionalSize("passages", at: place)
    variants = try Self.variants(table, at: place)
    detectors = []
    falsePositiveRates = [0.01, 0.05]
    if let detection = try table.optionalObject("detection", at: place) {
      try read(detection, at: place.inside("detection"))
    }
  }

  private mutating func read(_ table: JSONObject, at place: Place) throws {
    try table.requireKnownKeys(Self.detectionKeys, at: place)
    if table["false-positive-rates"] != nil {
      falsePositiveRates = try table.doubles("false-positive-rates", at: place)
      guard !falsePositiveRates.isEmpty, falsePositiveRates.allSatisfy({ $0 > 0 && $0 < 1 }) else {
        throw place.fault("false-positive-rates", "expected numbers between 0 and 1")
      }
    }
    if table["transfer"] != nil {
      transfers = try table.differentNames("transfer", at: place).map { name in
        guard let transfer = Transfer(rawValue: name) else {
          throw place.fault(
            "transfer", "expected query-set or corpus, found '\(TerminalText.excerpt(name))'")
        }
        return transfer
      }
    }
    if table["contamination"] != nil {
      contamination = try table.doubles("contamination", at: place)
      guard contamination.allSatisfy({ $0 >= 0 && $0 <= 1 }),
        Set(contamination).count == contamination.count
      else {
        throw place.fault("contamination", "expected different shares from 0 to 1")
      }
    }
    guard table["detectors"] != nil else {
      detectors = DetectorRegistry.standardNames.map { .init($0) }
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
        try object.requireKnownKeys(Self.detectorKeys, at: own)
        name = try object.string("name", at: own)
        let chosen = try object.optionalObject("choose", at: own) ?? JSONObject()
        choices = DetectorParameters(
          Dictionary(
            try chosen.members.map { key, value in
              guard let text = value.stringValue ?? value.doubleValue.map(Self.text) else {
                throw own.inside("choose").fault(key, "expected a text or a number")
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
    guard !detectors.isEmpty || (transfers.isEmpty && contamination.isEmpty) else {
      throw place.fault("detectors", "there is none to test elsewhere")
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
      try object.requireKnownKeys(attackKeys, at: own)
      variants.append(
        object["among"] == nil && object["wordings"] == nil
          ? try plain(object, at: own) : try adaptive(object, among: variants, at: own))
    }
    guard !variants.isEmpty, Set(variants.map { UTF8Key($0.name) }).count == variants.count else {
      throw place.fault("attacks", "expected one or more tables with different names")
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
      throw place.fault(key, "a variant that chooses has no method of its own")
    }
    let known = earlier.filter { !$0.isAdaptive }
    let choices = try object.differentNames("among", at: place).map { name in
      guard let variant = known.first(where: { utf8Equal($0.name, name) }) else {
        throw place.fault(
          "among",
          "no attack '\(TerminalText.excerpt(name))' stands before it"
            + NearestName.hint(for: name, in: known.map(\.name)))
      }
      return variant.choices[0]
    }
    for choice in choices {
      let attack = try AttackRegistry.attack(named: choice.method, parameters: choice.parameters)
      guard attack.documentsPerQuery == 1 else {
        throw place.fault("among", "'\(choice.name)' makes several documents a question")
      }
    }
    let wordings = try object.optionalSize("wordings", at: place) ?? 1
    guard choices.count * wordings > 1 else {
      throw place.fault("among", "one attack and one wording leave nothing to choose")
    }
    return Variant(
      name: try object.string("name", at: place), choices: choices, wordings: wordings)
  }

  private static func modes(
    _ table: JSONObject, at place: Place
  ) throws -> [PoisonedRetrieval.Mode] {
    guard table["modes"] != nil else { return PoisonedRetrieval.Mode.allCases }
    let modes = try table.differentNames("modes", at: place).map { name in
      guard let mode = PoisonedRetrieval.Mode(rawValue: name) else {
        throw place.fault(
          "modes", "expected solo, joint or both, found '\(TerminalText.excerpt(name))'")
      }
      return mode
    }
    return PoisonedRetrieval.Mode.allCases.filter(modes.contains)
  }
}
