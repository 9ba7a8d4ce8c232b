public import Basics

/// A finished run, read for reports: attacks, detections and sweeps in one shape.
public struct ReportData: Sendable {
  /// Where a figure stands in the grid.
  public struct Coordinates: Sendable, Hashable {
    /// Names of the axes, in order.
    public static let axes = ["corpus", "retriever", "set", "attack", "seed"]
    /// One name for each axis.
    public var names: [String]

    /// Whether all names have the same bytes.
    public static func == (left: Coordinates, right: Coordinates) -> Bool {
      left.names.count == right.names.count && zip(left.names, right.names).allSatisfy(utf8Equal)
    }

    /// Hashes the bytes of the names.
    public func hash(into hasher: inout Hasher) {
      for name in names { hasher.combine(UTF8Key(name)) }
    }

    /// The same place on all axes but one.
    func replacing(_ axis: String, by name: String) -> Coordinates {
      var result = self
      if let position = Self.axes.firstIndex(of: axis) { result.names[position] = name }
      return result
    }

    /// The name on one axis.
    public subscript(axis: String) -> String {
      Self.axes.firstIndex(of: axis).map { names[$0] } ?? ""
    }
  }

  /// One query set attacked with one kind of payload.
  public struct Cell: Sendable {
    /// Where it stands.
    public var coordinates: Coordinates
    /// The kind of payload.
    public var payload: String
    /// The figures as `results.json` has them.
    public var figures: JSONObject

    /// Successes among trials with their interval.
    ///
    /// - Parameters:
    ///   - k: Results that the reader sees.
    ///   - mode: `solo` or `joint`.
    ///   - count: `own` or `any`.
    /// - Returns: The share; nil if the run has no such figure.
    public func success(k: Int, mode: String, count: String = "own") -> Share? {
      figures.objects(named: "success").first {
        $0["k"]?.intValue == k && $0["mode"]?.stringValue == mode
      }?[count]?.objectValue.flatMap { Share($0) }
    }

    /// The statistic that says how much of the question's similarity to itself poison keeps, on the
    /// scale by which the retriever ranks.
    public var retention: String {
      figures["similarity"]?.stringValue == "cosine" ? "cosine" : "retention"
    }

    /// A statistic of the geometry, such as `retention`: 5 %, median, 95 % quantile and mean.
    public func geometry(
      _ name: String
    ) -> (low: Double, median: Double, high: Double, mean: Double)? {
      guard let entry = figures["geometry"]?.objectValue?[name]?.objectValue,
        let low = entry["q05"]?.doubleValue, let median = entry["median"]?.doubleValue,
        let high = entry["q95"]?.doubleValue, let mean = entry["mean"]?.doubleValue
      else { return nil }
      return (low, median, high, mean)
    }
  }

  /// Successes among trials with Wilson's 95 % interval.
  public struct Share: Sendable, Equatable {
    /// How many.
    public var successes: Int
    /// Of how many.
    public var trials: Int
    /// The rate, from 0 to 1.
    public var rate: Double
    /// The interval.
    public var interval: ClosedRange<Double>

    init?(_ object: JSONObject) {
      guard let successes = object["successes"]?.intValue, let trials = object["trials"]?.intValue,
        let rate = object["rate"]?.doubleValue,
        let bounds = object["wilson95"]?.arrayValue?.compactMap(\.doubleValue), bounds.count == 2,
        bounds[0] <= bounds[1]
      else { return nil }
      self.successes = successes
      self.trials = trials
      self.rate = rate
      interval = bounds[0]...bounds[1]
    }
  }

  /// One detector on one query set.
  public struct Fit: Sendable {
    /// Where it stands.
    public var coordinates: Coordinates
    /// The detector, with its choices where two entries have one name.
    public var detector: String
    /// The figures as `results.json` has them.
    public var figures: JSONObject

    /// What happens to clean documents at a nominal rate.
    public func clean(at nominal: Double, per unit: String = "pair") -> JSONObject? {
      figures.objects(named: "falsePositives").first { Self.matches($0, nominal, unit) }
    }

    /// Poison of a kind that reached the user, against the clean top k.
    public func reached(_ payload: String) -> JSONObject? {
      figures.objects(named: "cells").first {
        $0["payload"]?.stringValue == payload && $0["positives"]?.stringValue == "reached"
          && $0["negatives"]?.stringValue == "hard"
      }
    }

    /// What is found of it at a nominal rate.
    public func found(_ payload: String, at nominal: Double, per unit: String = "pair")
      -> JSONObject?
    {
      reached(payload)?.objects(named: "truePositives").first { Self.matches($0, nominal, unit) }
    }

    private static func matches(_ entry: JSONObject, _ nominal: Double, _ unit: String) -> Bool {
      entry["nominal"]?.doubleValue == nominal && entry["unit"]?.stringValue == unit
    }
  }

  /// Detectors of one unit under a harder condition than their own test questions.
  public struct Condition: Sendable {
    /// Where they were fitted and calibrated.
    public var coordinates: Coordinates
    /// Where they were tested.
    public var tested: Coordinates
    /// The share of anchor questions whose lists held poison.
    public var contamination: Double
    /// One entry a detector.
    public var fits: [Fit]
  }

  /// What the run is called.
  public private(set) var title: String
  /// `attack`, `detect` or `sweep`.
  public private(set) var command: String
  /// The content of `run.json`.
  public private(set) var description: JSONObject
  /// Name, origin, passages and checksum of each corpus.
  public private(set) var corpora: [JSONObject]
  /// Values of k, ascending.
  public private(set) var ks: [Int]
  /// Kinds of payload in their order.
  public private(set) var payloads: [String]
  /// The figures of success and geometry.
  public private(set) var cells: [Cell]
  /// The figures of detection.
  public private(set) var fits: [Fit]
  /// Detectors carried to other units.
  public private(set) var transfers: [Condition] = []
  /// Detectors fitted on poisoned anchors.
  public private(set) var contaminations: [Condition] = []
  /// A paper's claims with verdicts, where the run reproduces one.
  public private(set) var claims: [JSONObject] = []
  /// Seconds that the run took, where it is known.
  public private(set) var seconds: Double?
  /// What to tell the reader, such as a torn log.
  public private(set) var warnings: [String]
  /// The axes on which something differs; at least the query set.
  public private(set) var varyingAxes: [String] = ["set"]
  /// The coordinates in the order of the run, each once.
  public private(set) var units: [Coordinates] = []
  /// The detectors in the order of the run, each once.
  public private(set) var detectors: [String] = []
  private var cellPositions: [CellKey: Int] = [:]
  private var fitPositions: [Coordinates: [Int]] = [:]

  private struct CellKey: Hashable {
    var coordinates: Coordinates
    var payload: UTF8Key
  }

  /// Reads a run.
  ///
  /// - Parameter record: The run directory.
  /// - Throws: `UsageError` if the run is not finished; `InputError` if its files are not those of an
  ///   attack, a detection or a sweep.
  public init(_ record: RunRecord) throws {
    let place = Place(file: record.path.shown)
    guard let results = record.results else {
      throw UsageError("'\(record.path.shown)' is not finished; run its command again first")
    }
    description = record.description
    command = try description.string("command", at: place)
    seconds = record.timings?["seconds"]?.doubleValue
    warnings = record.warnings
    cells = []
    fits = []
    claims = results["reproduction"]?.objectValue?.objects(named: "rows") ?? []
    if let plan = results["plan"]?.objectValue {
      title = plan["title"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } ?? "A sweep"
      corpora = results.objects(named: "corpora")
      ks = plan["k"]?.arrayValue?.compactMap(\.intValue) ?? []
      payloads = plan["payloads"]?.arrayValue?.compactMap(\.stringValue) ?? []
      for cell in results.objects(named: "cells") { add(cell, at: Self.coordinates(of: cell)) }
      for unit in results.objects(named: "detection") {
        fits += Self.fits(unit, at: Self.coordinates(of: unit))
      }
      transfers = results.objects(named: "transfer").map { entry in
        let coordinates = Self.coordinates(of: entry)
        let tested = (entry["to"]?.objectValue?.members ?? []).reduce(coordinates) {
          $0.replacing($1.0, by: Self.text($1.1))
        }
        return Condition(
          coordinates: coordinates, tested: tested, contamination: 0,
          fits: Self.fits(entry, at: tested))
      }
      contaminations = results.objects(named: "contamination").map { entry in
        let coordinates = Self.coordinates(of: entry)
        return Condition(
          coordinates: coordinates, tested: coordinates,
          contamination: entry["share"]?.doubleValue ?? 0, fits: Self.fits(entry, at: coordinates))
      }
    } else {
      let corpus = try results.object("corpus", at: place)
      let attack = try results.string("attack", at: place)
      let name = corpus["name"]?.stringValue ?? ""
      title = command == "detect" ? "Detectors on \(name)" : "\(name) under \(attack)"
      corpora = [corpus]
      ks = description["k"]?.arrayValue?.compactMap(\.intValue) ?? []
      payloads = description["payloadKinds"]?.arrayValue?.compactMap(\.stringValue) ?? []
      for retriever in results.objects(named: "retrievers") {
        func coordinates(_ set: String) -> Coordinates {
          Coordinates(names: [
            name, retriever["retriever"]?.stringValue ?? "", set, attack,
            description["seed"].map(Self.text) ?? "",
          ])
        }
        for var cell in retriever.objects(named: "cells") {
          cell["similarity"] = retriever["similarity"]
          add(cell, at: coordinates(cell["set"]?.stringValue ?? ""))
        }
        for report in retriever.objects(named: "detection") {
          for fit in report.objects(named: "fits") {
            fits.append(Self.fit(fit, at: coordinates(fit["querySet"]?.stringValue ?? "")))
          }
        }
      }
    }
    arrange()
  }

  /// What is looked up often.
  private mutating func arrange() {
    var seen: Set<Coordinates> = []
    units = (cells.map(\.coordinates) + fits.map(\.coordinates)).filter {
      seen.insert($0).inserted
    }
    let axes = Coordinates.axes.filter { axis in
      Set(units.map { UTF8Key($0[axis]) }).count > 1
    }
    if !axes.isEmpty { varyingAxes = axes }
    var names: Set<UTF8Key> = []
    detectors = fits.map(\.detector).filter { names.insert(UTF8Key($0)).inserted }
    for (position, cell) in cells.enumerated().reversed() {
      cellPositions[CellKey(coordinates: cell.coordinates, payload: UTF8Key(cell.payload))] =
        position
    }
    for (position, fit) in fits.enumerated() {
      fitPositions[fit.coordinates, default: []].append(position)
    }
  }

  private static func coordinates(of object: JSONObject) -> Coordinates {
    Coordinates(
      names: Coordinates.axes.map { axis in
        object[axis].map(Self.text) ?? ""
      })
  }

  private static func text(_ value: JSONValue) -> String {
    value.stringValue ?? value.intValue.map(String.init) ?? value.summary
  }

  private mutating func add(_ cell: JSONObject, at coordinates: Coordinates) {
    cells.append(
      Cell(
        coordinates: coordinates, payload: cell["payload"]?.stringValue ?? "", figures: cell))
  }

  private static func fits(_ unit: JSONObject, at coordinates: Coordinates) -> [Fit] {
    unit.objects(named: "fits").map { Self.fit($0, at: coordinates) }
  }

  private static func fit(_ figures: JSONObject, at coordinates: Coordinates) -> Fit {
    var name = figures["detector"]?.stringValue ?? ""
    // Two entries of one detector are told apart by their choices.
    let choices = figures["parameters"]?.objectValue?.members ?? []
    if !choices.isEmpty {
      // As --detector takes them.
      name += choices.map { "/\($0)=\(Self.text($1))" }.joined()
    }
    return Fit(coordinates: coordinates, detector: name, figures: figures)
  }

  /// A name for coordinates that says what differs.
  public func name(of coordinates: Coordinates) -> String {
    varyingAxes.map { coordinates[$0] }.joined(separator: " · ")
  }

  /// The name in two parts: what a group of neighbours shares, and what tells them apart.
  func headings(of coordinates: Coordinates) -> (group: String, name: String) {
    let names = varyingAxes.map { coordinates[$0] }
    return (names.dropLast().joined(separator: " · "), names.last ?? "")
  }

  /// The cell of a kind of payload.
  func cell(at coordinates: Coordinates, payload: String) -> Cell? {
    cellPositions[CellKey(coordinates: coordinates, payload: UTF8Key(payload))].map { cells[$0] }
  }

  /// The detectors of a query set.
  func fits(at coordinates: Coordinates) -> [Fit] {
    (fitPositions[coordinates] ?? []).map { fits[$0] }
  }
}

extension JSONObject {
  /// The objects of an array; none where there is no such array.
  func objects(named key: String) -> [JSONObject] {
    self[key]?.arrayValue?.compactMap(\.objectValue) ?? []
  }
}
