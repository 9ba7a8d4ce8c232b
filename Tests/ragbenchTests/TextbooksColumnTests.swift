import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The MiniLM column of the grid on the open textbooks, from one command: `make verify`, an hour on
/// two cores the first time. Corpus, index and embeddings stay in the user's own home, so a second
/// time takes minutes.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1"))
struct TextbooksColumnTests {
  private static let kinds = ["pii", "diag", "web", "trivia", "multihop"]

  private func run(_ arguments: [String]) throws -> ChildProcess.Result {
    try ChildProcess.run(
      Command.executable(), arguments, environment: ["RAGBENCH_SHARE": Checkout.root.string],
      timeout: .seconds(4 * 3600))
  }

  @Test func combinedCatchesWhatReachesTheTopTwo() throws {
    guard installedModel("all-MiniLM-L6-v2") != nil, let data = TestData.path("openstax") else {
      return
    }
    let imported = try run([
      "corpus", "import", "--catalogue", data.removingLastComponent().string,
    ])
    try #require(imported.status == 0, "\(imported.errorText)")
    let directory = try TemporaryDirectory()
    let output = directory.file("column")
    let attacked = try run([
      "attack", "--corpus", "textbooks", "--payload", Self.kinds.joined(separator: ","),
      "--output", output.string,
    ])
    try #require(attacked.status == 0, "\(attacked.errorText)")
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
}
