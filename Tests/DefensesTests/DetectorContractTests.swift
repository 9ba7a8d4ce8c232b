import Basics
import Retrieval
import TestSupport
import Testing

@testable import Defenses

/// What every registered detector must do.
@Suite struct DetectorContractTests {
  /// Lists with texts: words of a small vocabulary, some runs of them shared.
  private static func lists(
    _ count: Int, dimension: Int = 5, seed: UInt64
  ) throws -> [DetectionList] {
    var generator = TestGenerator(seed &+ 1000)
    func text(_ words: Int) -> String {
      (0..<words).map { _ in "word\(generator.next() % 40)" }.joined(separator: " ")
    }
    return try SyntheticLists.gaussian(count, dimension: dimension, seed: seed).map { list in
      var query = list.query
      query.text = text(8)
      let candidates = list.candidates.map { candidate in
        var candidate = candidate
        candidate.title = text(2)
        candidate.text = text(30)
        if generator.next() % 4 == 0 { candidate.text += " " + query.text }
        return candidate
      }
      return try DetectionList(query: query, candidates: candidates)
    }
  }

  private static let anchors = Result { try lists(40, seed: 1) }
  private static let others = Result { try lists(12, seed: 2) }

  private func fitted(_ name: String) throws -> any Detector {
    try DetectorRegistry.fitted(name, to: Self.anchors.get())
  }

  @Test(arguments: DetectorRegistry.standardNames)
  func metadataIsComplete(name: String) throws {
    let metadata = try DetectorRegistry.kind(named: name).metadata
    #expect(metadata.name == name)
    #expect(
      name.utf8.allSatisfy { ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z")) || $0 == 45 })
    #expect(metadata.title.count > 10 && !metadata.title.hasSuffix("."))
    // A year or a section: where to read on.
    #expect(
      metadata.source.contains("section")
        || metadata.source.contains(/(18|19|20)[0-9][0-9]/))
    #expect(!metadata.needs.isEmpty)
    for parameter in metadata.parameters {
      #expect(!parameter.name.isEmpty && !parameter.help.isEmpty && !parameter.defaultValue.isEmpty)
    }
    #expect(Set(metadata.parameters.map(\.name)).count == metadata.parameters.count)
  }

  @Test func namesAreUnique() {
    #expect(Set(DetectorRegistry.names).count == DetectorRegistry.names.count)
  }

  /// The defaults that are listed are those in force.
  @Test(arguments: DetectorRegistry.standardNames)
  func listedDefaultsAreTheDefaults(name: String) throws {
    let kind = try DetectorRegistry.kind(named: name)
    let listed = DetectorParameters(
      Dictionary(
        uniqueKeysWithValues: kind.metadata.parameters.map { ($0.name, $0.defaultValue) }))
    try kind.check(listed)
    #expect(
      try kind.fitted(to: Self.anchors.get(), parameters: listed).state == fitted(name).state)
  }

  @Test(arguments: DetectorRegistry.standardNames)
  func choicesAreChecked(name: String) throws {
    let kind = try DetectorRegistry.kind(named: name)
    for parameter in kind.metadata.parameters {
      let wrong = DetectorParameters([parameter.name: "no such value"])
      #expect(throws: UsageError.self, "\(parameter.name)") { try kind.check(wrong) }
      #expect(throws: UsageError.self, "\(parameter.name)") {
        _ = try kind.fitted(to: Self.anchors.get(), parameters: wrong)
      }
    }
    #expect(throws: UsageError.self) {
      try DetectorRegistry.fitted(
        name, to: Self.anchors.get(), parameters: DetectorParameters(["no-such-choice": "1"]))
    }
  }

  @Test(arguments: DetectorRegistry.standardNames)
  func scoresAreFiniteAndRepeatable(name: String) throws {
    let lists = try Self.others.get()
    let detector = try fitted(name)
    let scores = try detector.scores(of: lists)
    #expect(scores.map(\.count) == lists.map(\.subjects.count))
    #expect(scores.allSatisfy { $0.allSatisfy(\.isFinite) })
    #expect(try detector.scores(of: lists) == scores)
    #expect(try fitted(name).state == detector.state)
    #expect(try detector.scores(of: [DetectionList]()).isEmpty)
  }

  /// One list alone scores as it does among others, in any order, and some subjects as all of them.
  /// A BLAS may take another path for another number of rows, so not bit for bit.
  @Test(arguments: DetectorRegistry.standardNames)
  func listsAreScoredOneByOne(name: String) throws {
    let lists = try Self.others.get()
    let detector = try fitted(name)
    let scores = try detector.scores(of: lists)
    func close(_ actual: [Double], _ expected: [Double], _ comment: String) {
      expectClose(actual, expected, absolute: 1e-9, relative: 1e-9, comment)
    }
    close(
      try lists.flatMap { try detector.scores(of: $0) }, scores.flatMap(\.self), "one by one")
    close(
      try detector.scores(of: lists.reversed()).reversed().flatMap(\.self), scores.flatMap(\.self),
      "reversed")
    let part = try DetectionList(
      query: lists[3].query, candidates: lists[3].candidates, subjects: [4, 1])
    close(try detector.scores(of: part), [scores[3][4], scores[3][1]], "two subjects")
    let none = try DetectionList(
      query: lists[3].query, candidates: lists[3].candidates, subjects: [])
    #expect(try detector.scores(of: [none, lists[0], none]).map(\.count) == [0, 5, 0])
  }

  @Test(arguments: DetectorRegistry.standardNames)
  func stateGivesTheSameBits(name: String) throws {
    let lists = try Self.others.get()
    let detector = try fitted(name)
    let again = try DetectorRegistry.kind(named: name).init(state: detector.state)
    #expect(again.state == detector.state)
    #expect(try again.scores(of: lists) == detector.scores(of: lists))
    #expect(again.summary.map(\.name) == detector.summary.map(\.name))
    #expect(again.summary.map(\.value) == detector.summary.map(\.value))
  }

  /// A state that lacks any one of its members is refused, not made up for.
  @Test(arguments: DetectorRegistry.standardNames)
  func incompleteStatesAreRefused(name: String) throws {
    let kind = try DetectorRegistry.kind(named: name)
    let state = try fitted(name).state
    func refuses(_ what: String, _ change: (inout DetectorState) -> Void) {
      var changed = state
      change(&changed)
      #expect(throws: InputError.self, "without \(what)") { _ = try kind.init(state: changed) }
    }
    for array in state.doubles.keys { refuses(array) { $0.doubles[array] = nil } }
    for array in state.doubles.keys {
      refuses("end of \(array)") { $0.doubles[array]?.removeLast() }
    }
    for array in state.floats.keys { refuses(array) { $0.floats[array] = nil } }
    for array in state.floats.keys { refuses("end of \(array)") { $0.floats[array]?.removeLast() } }
    for array in state.doubles.keys where state.doubles[array]?.isEmpty == false {
      refuses("finite \(array)") { $0.doubles[array]?[0] = .nan }
    }
  }

  /// Vectors of another dimension are refused by whoever has learnt from vectors, and another
  /// retriever by every calibrated detector.
  @Test(arguments: DetectorRegistry.standardNames)
  func otherVectorsAreRefused(name: String) throws {
    let kind = try DetectorRegistry.kind(named: name)
    if kind.metadata.needs.contains(.vectors), kind.metadata.needs.contains(.anchors) {
      let wide = try Self.lists(2, dimension: 6, seed: 3)
      let detector = try fitted(name)
      #expect(throws: DetectorError.dimension(expected: 5, found: 6)) {
        try detector.scores(of: wide)
      }
      let lists = try Self.others.get() + wide
      #expect(throws: DetectorError.dimension(expected: 5, found: 6)) {
        try detector.scores(of: lists)
      }
      #expect(throws: DetectorError.self, "anchors of two dimensions") {
        _ = try DetectorRegistry.fitted(name, to: Self.anchors.get() + wide)
      }
    }
    let calibrated = try DetectorFileTests.calibrated(name)
    var other = DetectorFileTests.retriever
    other.modelHash = "of another model"
    #expect(throws: DetectorError.self) { try calibrated.check(other) }
  }

  /// Two dimensions whose mean is the right one must not slip through as rows of it.
  @Test(arguments: DetectorRegistry.standardNames)
  func dimensionsAreNotAveraged(name: String) throws {
    let needs = try DetectorRegistry.kind(named: name).metadata.needs
    guard needs.contains(.vectors), needs.contains(.anchors) else { return }
    let detector = try fitted(name)
    let mixed = try Self.lists(1, dimension: 4, seed: 5) + Self.lists(1, dimension: 6, seed: 6)
    #expect(throws: DetectorError.dimension(expected: 5, found: 4)) {
      try detector.scores(of: mixed)
    }
  }

  @Test(arguments: DetectorRegistry.standardNames)
  func anchorsAreNeeded(name: String) throws {
    guard try DetectorRegistry.kind(named: name).metadata.needs.contains(.anchors) else { return }
    #expect(throws: DetectorError.self) { _ = try DetectorRegistry.fitted(name, to: []) }
  }

  /// What the detector has learnt as clean is not among the most suspicious tenth.
  @Test(arguments: DetectorRegistry.standardNames)
  func anchorsAreNotSuspicious(name: String) throws {
    guard try DetectorRegistry.kind(named: name).metadata.needs.contains(.anchors) else { return }
    let lists = try Self.others.get()
    let detector = try fitted(name)
    let scores = try detector.scores(of: lists).flatMap(\.self).sorted()
    let anchors = try detector.scores(of: Self.anchors.get()).flatMap(\.self).sorted()
    #expect(anchors[anchors.count / 2] <= scores[scores.count * 9 / 10])
  }
}
