import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// `ragbench train study`: what is chosen, tested and resumed; refusals; the page on it.
@Suite(.serialized) struct TrainStudyTests {
  private static let retriever = """
    name = "small"
    model = "tiny-bert"
    seeds = [1, 2]

    [pairs]
    corpus = "medqa"
    queries = "exam"
    negatives = 1
    limit = 60
    test-share = 0.3
    metrics = ["Recall@1", "MRR@10"]

    [training]
    batch-size = 8
    max-tokens = 32
    learning-rate = 0.002

    [choose]
    epochs = [1, 2]
    """

  private func study(_ command: Command, _ text: String, into output: FilePath) throws
    -> ChildProcess.Result
  {
    let file = try command.directory.write("study.toml", text: text)
    return try command.run(["train", "study", file.string, "--output", output.string])
  }

  @Test func candidatesAreChosenAndSeedsTested() throws {
    let command = try Command.withIndex()
    let output = command.directory.file("run")
    let result = try study(command, Self.retriever, into: output)
    try #require(result.status == 0, "\(result.errorText)")
    #expect(result.outputText.contains("Recall@1") && result.outputText.contains(" to "))
    let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
      .requiredObject()
    let data = try results.object("data")
    #expect(try data.int("pairs") + 18 == 60)
    let setting = try #require(try results.objects("settings").first)
    let candidates = try setting.objects("candidates")
    #expect(try candidates.map { try $0.string("name") } == ["epochs=1", "epochs=2"])
    let values = try candidates.map { try $0.double("value") }
    let chosen = try setting.string("chosen")
    #expect(chosen == (values[1] > values[0] ? "epochs=2" : "epochs=1"))
    let recall = try setting.object("metrics").object("Recall@1")
    let each = try recall.doubles("each")
    #expect(each.count == 2)
    expectClose(try recall.double("after"), (each[0] + each[1]) / 2, absolute: 1e-12)
    let difference = try recall.object("difference")
    expectClose(
      try difference.double("value"), try recall.double("after") - recall.double("before"),
      absolute: 1e-12)
    #expect(try difference.double("lower") <= difference.double("upper"))
    // Three trainings: the chosen candidate's first seed is that of the choice.
    let models = try FileManager.default.subpathsOfDirectory(atPath: output.string).filter {
      $0.hasSuffix("model/model.safetensors")
    }
    #expect(models.count == 3)
    let again = try study(command, Self.retriever, into: output)
    #expect(again.status == 64 && again.errorText.contains("finished"))

    let page = try command.run(["report", output.string, "--quiet"])
    try #require(page.status == 0, "\(page.errorText)")
    let html = try String(contentsOfFile: output.appending("report.html").string, encoding: .utf8)
    for text in ["What was chosen", "epochs=2", "Recall@1", "95 % interval"] {
      #expect(html.contains(text), "\(text)")
    }
  }

  @Test func aKilledStudyGoesOnWithTheSameResults() throws {
    let command = try Command.withIndex()
    let whole = command.directory.file("whole")
    try #require(try study(command, Self.retriever, into: whole).status == 0)
    let expected = try FileBytes.read(whole.appending("results.json"), limit: 1 << 20)
    for write in [3, 9, 20] {
      let output = command.directory.file("killed-\(write)")
      let file = command.directory.file("study.toml")
      let killed = try command.run(
        ["train", "study", file.string, "--output", output.string],
        environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      #expect(killed.signal == SIGKILL, "write \(write): \(killed.errorText)")
      let begun = try runs(in: output)
      let resumed = try study(command, Self.retriever, into: output)
      #expect(resumed.status == 0, "write \(write): \(resumed.errorText)")
      #expect(
        try FileBytes.read(output.appending("results.json"), limit: 1 << 20) == expected,
        "write \(write)")
      // A training that was begun went on: it was not begun again.
      let ended = try runs(in: output)
      for (path, date) in begun { #expect(ended[path] == date, "write \(write): \(path)") }
    }
  }

  /// The trainings' descriptions, and when they were written.
  private func runs(in output: FilePath) throws -> [String: Date] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: output.string)
      .filter { $0.hasSuffix("/run.json") }
    return Dictionary(
      uniqueKeysWithValues: try paths.map { path in
        let attributes = try FileManager.default.attributesOfItem(
          atPath: output.appending(path).string)
        return (path, try #require(attributes[.modificationDate] as? Date))
      })
  }

  /// Plain and private trainings with canaries, and the attack through each of them.
  @Test func whatPrivacyCostsAndTells() throws {
    let command = try Command.withIndex()
    try command.installCorpus("small", count: 50)
    let output = command.directory.file("run")
    let text = """
      name = "private"
      model = "tiny-bert"
      seeds = [1, 2]

      [pairs]
      corpus = "medqa"
      queries = "exam"
      limit = 40
      test-share = 0.4
      neighbours = 2
      public-corpus = "small"
      public-negatives = 1
      metrics = ["Recall@1"]

      [attack]
      corpus = "medqa"
      queries = ["exam"]
      payloads = ["pii"]
      k = [2, 5]
      limit = 10

      [training]
      batch-size = 8
      max-tokens = 32
      learning-rate = 0.002
      canaries = 12

      [[settings]]
      name = "plain"

      [[settings]]
      name = "DiSK 8"
      training = { optimizer = "adam", dp = "epsilon=8,delta=0.001", filter = "disk", insecure-noise = true }
      """
    let result = try study(command, text, into: output)
    try #require(result.status == 0, "\(result.errorText)")
    for word in ["success@2", "membership AUC", "canary exposure", "before training"] {
      #expect(result.outputText.contains(word), "\(word)")
    }
    let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
      .requiredObject()
    let settings = try results.objects("settings")
    #expect(settings.count == 2)
    for (setting, ceiling) in zip(settings, [1.0, nil]) {
      let figures = try setting.objects("figures")
      #expect(figures.count == 2)
      for entry in figures {
        let leakage = try entry.object("leakage")
        #expect((0...1).contains(try leakage.object("auc").double("value")))
        #expect(try leakage.double("exposure") >= 0 && leakage.double("epsilonLowerBound") >= 0)
        #expect(try entry.objects("attack").map { try $0.int("k") } == [2, 5])
        #expect(try entry.objects("attack").allSatisfy { try $0.int("trials") == 10 })
        let rate = try #require(try leakage.objects("rates").last)
        if let ceiling {
          #expect(try rate.double("ceiling") == ceiling && entry["privacy"] == nil)
        } else {
          let epsilon = try entry.object("privacy").double("epsilonPRV")
          #expect(epsilon <= 8)
          expectClose(
            try rate.double("ceiling"), min(1, Foundation.exp(epsilon) * 0.01 + 0.001),
            absolute: 1e-12)
        }
      }
    }
    let page = try command.run(["report", output.string, "--quiet"])
    try #require(page.status == 0, "\(page.errorText)")
    let html = try String(contentsOfFile: output.appending("report.html").string, encoding: .utf8)
    #expect(html.contains("What it costs and what it tells") && html.contains("audited epsilon"))
    #expect(
      html.contains("INSECURE: the noise") && result.outputText.contains("INSECURE: the noise"))
    for (old, new, reason) in [
      ("k = [2, 5]", "k = [0]", "k"), ("canaries = 12", "canaries = -1", "canaries"),
      ("canaries = 12", "canaries = 100000", "at most half of"),
      ("neighbours = 2", "neighbours = 0", "neighbours"),
      ("public-corpus = \"small\"", "public-corpus = \"medqa\"", "it is the private corpus"),
      ("neighbours = 2", "negatives = 1", "records of others"),
      ("dp = \"epsilon=8,delta=0.001\"", "dp = \"epsilon=8,delta=0.001,b=1\"", "unknown name 'b'"),
    ] {
      let refused = try study(
        command, text.replacing(old, with: new), into: command.directory.file("refused"))
      #expect(
        [64, 65].contains(refused.status) && refused.errorText.contains(reason),
        "\(new): \(refused.errorText)")
    }
  }

  /// A generator that learnt planted people by heart gives their numbers away; a private one does not.
  @Test func generatorsGivePlantedPeopleAway() throws {
    let command = try Command.withIndex()
    let base = command.directory.file("base")
    try #require(
      try command.run([
        "train", "pretrain", "--corpus", "medqa", "--vocabulary", "400", "--hidden", "64",
        "--layers", "2", "--heads", "4", "--kv-heads", "2", "--intermediate", "128", "--context",
        "256", "--held-out", "0.1", "--batch-size", "8", "--output", base.string, "--quiet",
      ]).status == 0)
    let lines = (0..<60).map { number in
      #"{"said": "Complaint \#(number): pain.", "done": "Rest for \#(number * 7 % 11) days."}"#
    }
    _ = try command.directory.write("notes.jsonl", text: lines.joined(separator: "\n"))
    let output = command.directory.file("run")
    let text = """
      name = "notes"
      model = "run:\(base.string)"
      seeds = [1, 2]

      [notes]
      file = "notes.jsonl"
      fields = ["said", "done"]
      limit = 20
      test-share = 0.5

      [training]
      batch-size = 8
      canaries = 6

      [[settings]]
      name = "by heart"
      training = { optimizer = "adam", epochs = 200, learning-rate = 0.01, keep-last = true }

      [[settings]]
      name = "DP 1"
      training = { optimizer = "adam", learning-rate = 0.01, dp = "epsilon=1,delta=0.001", insecure-noise = true }
      """
    let result = try study(command, text, into: output)
    try #require(result.status == 0, "\(result.errorText)")
    #expect(result.outputText.contains("extraction") && result.outputText.contains("loss a token"))
    let results = try JSONParser.parse(contentsOf: output.appending("results.json"))
      .requiredObject()
    #expect(try results.object("data").int("notes") == 10)
    func shares(_ setting: Int) throws -> [Double] {
      try results.objects("settings")[setting].objects("figures").map {
        try $0.object("leakage").object("extraction").double("rate")
      }
    }
    let (learnt, guarded) = (try shares(0), try shares(1))
    #expect(learnt.allSatisfy { $0 > 0.2 }, "\(learnt)")
    #expect(guarded == [0, 0])
    let metric = try results.objects("settings")[1].object("metrics").object("loss a token")
    #expect(try metric.doubles("each").count == 2 && metric.double("before") > 0)
    for (old, new, reason) in [
      ("limit = 20", "limits = 20", "did you mean 'limit'"),
      ("test-share = 0.5", "test-share = 0.0", "test-share"),
      (#"fields = ["said", "done"]"#, #"fields = ["told"]"#, "told"),
      ("[notes]", "[attack]\ncorpus = \"x\"\n\n[notes]", "a retriever can be attacked"),
      ("epochs = 200", "epochs = 200, patience = 1", "--patience has nothing to wait for"),
    ] {
      let refused = try study(
        command, text.replacing(old, with: new), into: command.directory.file("refused"))
      #expect(
        refused.status == 65 && refused.errorText.contains(reason), "\(new): \(refused.errorText)")
    }
  }

  @Test func classifiersAreHeldAgainstARegression() throws {
    let command = try Command.withIndex()
    let words = ["heart blood", "bone sleep", "iron fever"]
    let lines = (0..<90).map { i in
      #"{"title": "\#(words[i % 3])", "text": "case \#(i * 37 % 101)", "kind": "c\#(i % 3)", "part": "\#(i % 5 == 0 ? "test" : "train")"}"#
    }
    _ = try command.directory.write("texts.jsonl", text: lines.joined(separator: "\n"))
    let output = command.directory.file("run")
    let result = try study(
      command,
      """
      name = "kinds"
      model = "tiny-bert"

      [texts]
      file = "texts.jsonl"
      fields = ["title", "text"]
      label = "kind"
      split = "part"
      training = "train"
      test = "test"

      [training]
      epochs = 6
      batch-size = 8
      learning-rate = 0.002
      """, into: output)
    try #require(result.status == 0, "\(result.errorText)")
    let setting = try #require(
      try JSONParser.parse(contentsOf: output.appending("results.json")).requiredObject()
        .objects("settings").first)
    #expect(try setting.int("units") == 18)
    let score = try setting.object("metrics").object("macro-F1")
    #expect(try score.double("before") > 0.9 && score.double("after") > 0.9)
  }

  @Test func mistakesAreNamed() throws {
    let command = try Command.withIndex()
    let output = command.directory.file("run")
    for (old, new, status, reason) in [
      ("negatives = 1", "negative = 1", 65, "did you mean 'negatives'"),
      ("test-share = 0.3", "test-share = 1.5", 65, "test-share"),
      ("test-share = 0.3", #"test = "exam""#, 65, "trained on"),
      ("epochs = [1, 2]", "epochs = [0, 2]", 65, "--epochs is 0"),
      ("epochs = [1, 2]", "epoch = [1, 2]", 65, "did you mean 'epochs'"),
      ("epochs = [1, 2]", "epochs = []", 65, "expected one or more values"),
      ("learning-rate = 0.002", #"learning-rate = "fast""#, 65, "learning-rate"),
      (#"["Recall@1", "MRR@10"]"#, #"["Recall"]"#, 65, "metrics"),
      (#"model = "tiny-bert""#, #"model = "absent""#, 64, "absent"),
      (#"corpus = "medqa""#, #"corpus = "nowhere""#, 64, "nowhere"),
    ] as [(String, String, Int32, String)] {
      let text = Self.retriever.replacing(old, with: new)
      try #require(text != Self.retriever, "\(old)")
      let result = try study(command, text, into: output)
      #expect(
        result.status == status && result.errorText.contains(reason),
        "\(new): \(result.status) \(result.errorText)")
    }
  }
}
