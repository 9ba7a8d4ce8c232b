import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The MiniLM column of the grid on the open textbooks, from one command: `make verify`, a quarter
/// of an hour on two cores the first time. Corpus, index and embeddings stay in the user's own home,
/// so a second time takes less than a minute.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1"))
struct TextbooksColumnTests {
  private static let kinds = ["pii", "diag", "web", "trivia", "multihop"]

  private func run(_ arguments: [String]) throws -> ChildProcess.Result {
    try ChildProcess.run(
      Command.executable(), arguments, environment: ["RAGBENCH_SHARE": Checkout.root.string],
      timeout: .seconds(4 * 3600))
  }

  private func importCatalogue(_ data: FilePath) throws {
    let imported = try run([
      "corpus", "import", "--catalogue", data.removingLastComponent().string,
    ])
    try #require(imported.status == 0, "\(imported.errorText)")
  }

  @Test func combinedCatchesWhatReachesTheTopTwo() throws {
    guard installedModel("all-MiniLM-L6-v2") != nil, let data = TestData.path("openstax") else {
      return
    }
    try importCatalogue(data)
    let directory = try TemporaryDirectory()
    let output = directory.file("column")
    let column = [
      "attack", "--corpus", "textbooks", "--payload", Self.kinds.joined(separator: ","), "--output",
    ]
    let attacked = try run(column + [output.string])
    try #require(attacked.status == 0, "\(attacked.errorText)")
    let duration = try ContinuousClock().measure {
      let again = try run(column + [directory.file("again").string])
      try #require(again.status == 0, "\(again.errorText)")
    }
    print("TextbooksColumnTests: from cache in \(duration)")
    #expect(
      try FileBytes.read(directory.file("again/results.json"), limit: 1 << 30)
        == FileBytes.read(output.appending("results.json"), limit: 1 << 30))
    let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
    let retriever = try #require(results["retrievers"]?.arrayValue?.first)
    #expect(retriever["cells"]?.arrayValue?.count == 25)
    let floors = ["medqa": 0.95, "pubmedqa": 0.95, "bioasq": 0.95, "medmcqa": 0.90, "mmlu": 0.90]
    var checked = 0
    for set in retriever["detection"]?.arrayValue ?? [] {
      for fit in set["fits"]?.arrayValue ?? [] where fit["detector"]?.stringValue == "combined" {
        let name = try #require(fit["querySet"]?.stringValue)
        let floor = try #require(floors[name])
        for cell in fit["cells"]?.arrayValue ?? []
        where cell["positives"]?.stringValue == "reached"
          && cell["negatives"]?.stringValue == "hard"
        {
          let rate = cell["truePositives"]?.arrayValue?.first {
            $0["nominal"]?.doubleValue == 0.05 && $0["unit"]?.stringValue == "pair"
          }?["rate"]?.doubleValue
          let found = try #require(rate)
          #expect(found >= floor, "\(name), \(cell["payload"]?.stringValue ?? "")")
          checked += 1
        }
      }
    }
    #expect(checked == 25)
  }

  /// What independent Python code measured with one fixed text of 150 characters for each kind
  /// (`docs/papers/rag-poisoning.md`, section 5.6): 300 questions of each set, of which 120 are
  /// tested on. Ours are other questions and other texts of that length.
  private struct Independent {
    var success: [Double]
    var similarity: Double
    var documentMode: Double
    var pairMode: Double
  }

  private static let independent: [String: Independent] = [
    "medqa": .init(success: [1, 1], similarity: 1, documentMode: 0.81, pairMode: 0.00),
    "medmcqa": .init(
      success: [0.933, 0.913], similarity: 0.954, documentMode: 0.97, pairMode: 0.25),
    "pubmedqa": .init(
      success: [0.993, 0.967], similarity: 0.998, documentMode: 0.99, pairMode: 0.06),
    "bioasq": .init(success: [1, 1], similarity: 1, documentMode: 0.99, pairMode: 0.07),
    "mmlu": .init(success: [0.933, 0.887], similarity: 0.965, documentMode: 0.94, pairMode: 0.19),
  ]

  /// Three standard errors of the difference of two areas (Hanley and McNeil 1982), 120 poisoned
  /// documents and 120 questions each: their ten clean passages are not independent, so each counts
  /// as one. An area of 1 is given the error of 0.99.
  private func tolerance(_ areas: Double...) -> Double {
    let (positives, negatives) = (120.0, 120.0)
    let variance = areas.reduce(0.0) { sum, area in
      let a = min(0.99, max(0.01, area))
      let ofPositives = (positives - 1) * (a / (2 - a) - a * a)
      let ofNegatives = (negatives - 1) * (2 * a * a / (1 + a) - a * a)
      return sum + (a * (1 - a) + ofPositives + ofNegatives) / (positives * negatives)
    }
    return 3 * variance.squareRoot()
  }

  @Test func figuresAgreeWithIndependentOnes() throws {
    guard installedModel("all-MiniLM-L6-v2") != nil, let data = TestData.path("openstax") else {
      return
    }
    try importCatalogue(data)
    let directory = try TemporaryDirectory()
    let selection = [
      "--corpus", "textbooks", "--payload", "pii,diag", "--limit", "300", "--set",
      "payload_tokens=32", "--quiet",
    ]
    func retriever(_ name: String, _ arguments: [String]) throws -> JSONValue {
      let output = directory.file(name)
      let result = try run(arguments + selection + ["--output", output.string])
      try #require(result.status == 0, "\(result.errorText)")
      let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
      return try #require(results["retrievers"]?[0])
    }
    /// The area against the clean top ten, by query set, for personal data.
    func areas(_ name: String, _ detector: String, _ choices: [String]) throws -> [String: Double] {
      let choose = (choices + ["shrinkage=fixed:0.1", "direction=upper"]).flatMap {
        ["--choose", $0]
      }
      let value = try retriever(
        name,
        ["detect", "--windows", "first", "--detector", detector]
          + (detector == "mahalanobis" ? choose : []))
      var areas: [String: Double] = [:]
      for fit in value["detection"]?.arrayValue?.compactMap({ $0["fits"]?[0] }) ?? [] {
        let cell = fit["cells"]?.arrayValue?.first {
          $0["payload"]?.stringValue == "pii" && $0["positives"]?.stringValue == "all"
            && $0["negatives"]?.stringValue == "hard"
        }
        areas[try #require(fit["querySet"]?.stringValue)] = cell?["auroc"]?["value"]?.doubleValue
      }
      return areas
    }
    let attacked = try retriever("success", ["attack", "--no-detection", "--mode", "solo"])
    let similarity = try areas("similarity", "similarity", [])
    let document = try areas("document", "mahalanobis", ["feature=document"])
    let pair = try areas("pair", "mahalanobis", ["feature=pair"])
    for (set, expected) in Self.independent.sorted(by: { $0.key < $1.key }) {
      for (kind, rate) in zip(["pii", "diag"], expected.success) {
        let cell = try #require(
          attacked["cells"]?.arrayValue?.first {
            $0["set"]?.stringValue == set && $0["payload"]?.stringValue == kind
          })
        let atTwo = cell["success"]?.arrayValue?.first { $0["k"]?.intValue == 2 }
        let ours = try #require(atTwo?["own"]?["rate"]?.doubleValue)
        // Two proportions of 300; 1 is given the error of 299 of 300.
        let variance = [rate, ours].reduce(0.0) { sum, rate in
          let rate = min(rate, 1 - 1.0 / 300)
          return sum + rate * (1 - rate) / 300
        }
        print("\(set), \(kind): success@2 \(ours), independent \(rate)")
        #expect(abs(ours - rate) <= 3 * variance.squareRoot(), "\(set), \(kind)")
      }
      for (name, ours, theirs) in [
        ("similarity", similarity[set], expected.similarity),
        ("document mode", document[set], expected.documentMode),
        ("pair mode", pair[set], expected.pairMode),
      ] {
        let area = try #require(ours)
        print("\(set), \(name): AUROC \(area), independent \(theirs)")
        #expect(abs(area - theirs) <= tolerance(area, theirs), "\(set), \(name)")
      }
    }
  }
}
