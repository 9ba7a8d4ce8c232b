import Basics
import Defenses
import Evaluation
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct SweepPlanTests {
  private static let small = """
    name = "small"
    corpora = ["a", "b"]
    retrievers = ["r", "s"]
    query-sets = ["p", "q"]
    payloads = ["pii"]
    seeds = [2, 1]
    [[attacks]]
    name = "plain"
    [[attacks]]
    name = "long"
    set = { payload_tokens = 64 }
    [detection]
    detectors = ["similarity", { name = "mahalanobis", choose = { feature = "document", trim = 0.05 } }]
    """

  private func plan(_ text: String) throws -> SweepPlan {
    try SweepPlan(TOMLFile.parse(Array(text.utf8), file: "g.toml"), file: "g.toml")
  }

  @Test func axesAreCrossedByCorpusFirst() throws {
    let plan = try plan(Self.small)
    #expect(plan.seeds == [1, 2] && plan.ks == [1, 2, 5, 10])
    #expect(plan.detectors.map(\.detector) == ["similarity", "mahalanobis"])
    #expect(plan.detectors[1].parameters.values == ["feature": "document", "trim": "0.05"])
    // Corpus b has no set q.
    let units = plan.units { !($0 == "b" && $1 == "q") }
    #expect(units.count == (2 + 1) * 2 * 2 * 2)
    #expect(units.first?.corpus == "a" && units.last?.corpus == "b")
    #expect(units.prefix(8).allSatisfy { $0.corpus == "a" && $0.retriever == "r" })
    #expect(units[0].variant == "plain" && units[0].seed == 1 && units[1].seed == 2)
  }

  @Test(arguments: [
    ("corpora = [\"a\"]", "corpora = []", "'corpora'"),
    ("name = \"small\"", "nme = \"small\"", "unknown key 'nme'; did you mean 'name'?"),
    ("seeds = [2, 1]", "seeds = [2, 2]", "'seeds'"),
    ("seeds = [2, 1]", "k = [0]", "'k'"),
    ("seeds = [2, 1]", "modes = [\"alone\"]", "solo, joint"),
    ("seeds = [2, 1]", "questions = 0", "'questions'"),
    ("payload_tokens = 64", "payload_token = 64", "payload_tokens"),
    ("name = \"long\"", "name = \"plain\"", "'attacks'"),
    ("name = \"long\"", "methode = \"x\"", "unknown key 'attacks.1.methode'"),
    ("\"similarity\"", "\"similarty\"", "similarity"),
    ("feature = \"document\"", "featur = \"document\"", "feature"),
    ("trim = 0.05", "trim = 5", "0.0 to 0.5"),
    ("[detection]", "[detection]\nfalse-positive-rates = [5]", "between 0 and 1"),
    ("[detection]", "[detection]\ntransfer = [\"sets\"]", "query-set or corpus"),
    ("[detection]", "[detection]\ncontamination = [2]", "shares from 0 to 1"),
    (
      "[detection]\ndetectors = [\"similarity\", {",
      "[detection]\ntransfer = [\"corpus\"]\ndetectors = []\n# {", "none to test elsewhere"
    ),
    ("set = {", "among = [\"plain\"]\nwordings = 2\nset = {", "no method of its own"),
    ("set = { payload_tokens = 64 }", "among = [\"plane\"]", "did you mean 'plain'?"),
    ("set = { payload_tokens = 64 }", "among = [\"plain\"]", "nothing to choose"),
    ("set = { payload_tokens = 64 }", "wordings = 2", "attacks.1.among"),
  ]) func faultsNameTheKey(old: String, new: String, message: String) throws {
    let text = Self.small.replacingOccurrence(
      of: old == "corpora = [\"a\"]" ? "corpora = [\"a\", \"b\"]" : old, with: new)
    #expect {
      _ = try plan(text)
    } throws: { error in
      let fault = error as? InputError
      return fault?.place.file == "g.toml" && "\(error)".contains(message)
    }
  }

  @Test func selectionsShortenAxesAndShardsPartTheRest() throws {
    let plan = try plan(Self.small)
    let selection = try SweepSelection(only: ["corpus=a"], except: ["seed=2", "attack=long"])
    let less = try selection.applied(to: plan)
    #expect(less.units { _, _ in true }.count == 1 * 2 * 2 * 1 * 1)
    for wrong in [
      (["corpora=a"], [String]()), (["corpus=c"], []), ([], ["payload=pii"]), (["corpus"], []),
    ] {
      #expect(throws: UsageError.self) {
        _ = try SweepSelection(only: wrong.0, except: wrong.1).applied(to: plan)
      }
    }
    for text in ["0/2", "3/2", "1", "1/2/3", "a/b", "1/0", "-1/2"] {
      #expect(throws: UsageError.self) { try SweepSelection.Shard(parsing: text) }
    }
    #expect(try SweepSelection.Shard(parsing: "2/3") == .init(number: 2, count: 3))
  }

  /// What ships can be read, and has the sizes its names promise.
  @Test func theExperimentsThatShip() throws {
    let folder = Checkout.root.appending("Experiments")
    let names = try DirectoryListing.names(in: folder).filter { $0.hasSuffix(".toml") }
    let (trainings, grids) = (
      names.filter { $0.hasPrefix("training-") }, names.filter { !$0.hasPrefix("training-") }
    )
    #expect(grids.count >= 5 && trainings.count >= 3)
    for name in trainings {
      let plan = try TrainingStudyPlan(contentsOf: folder.appending(name))
      #expect(plan.name + ".toml" == name && plan.seeds.count == 3)
    }
    for name in grids {
      do {
        let plan = try SweepPlan(contentsOf: folder.appending(name))
        #expect(plan.name + ".toml" == name && !plan.title.isEmpty)
      } catch let error as InputError {
        // Whose detector reads with a generator is refused, with the way to it, where there is none.
        #expect(name == "bundled.toml" && installedModel("SmolLM2-135M-Instruct") == nil)
        #expect(error.message.contains("'ragbench model fetch SmolLM2-135M-Instruct' gets it"))
      }
    }
    for name in ["grid225", "grid225-quick"] {
      let plan = try SweepPlan(contentsOf: folder.appending(name + ".toml"))
      #expect(plan.units { _, _ in true }.count * plan.payloads.count == 225)
    }
  }
}

extension String {
  fileprivate func replacingOccurrence(of old: String, with new: String) -> String {
    guard let range = self.range(of: old) else { return self }
    return replacingCharacters(in: range, with: new)
  }
}
