import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// `ragbench train … --dp`: all four kinds, the account, kills, seeds, refusals.
@Suite(.serialized) struct PrivateTrainTests {
  private static let words = [
    "gout", "sleep", "iron", "fever", "heart", "kidney", "asthma", "migraine", "blood", "bone",
  ]

  private func pairs(_ command: Command, negatives: Bool = true) throws -> FilePath {
    let lines = (0..<40).map { i in
      let words = (0..<4).map { Self.words[(i * 3 + $0 * (i + 1)) % Self.words.count] }
      let wrong = negatives ? #", "negatives": ["\#(words[3]) alone \#(i)"]"# : ""
      return
        #"{"query": "what of \#(words[0]) \#(i)", "positive": "\#(words[0]) \#(words[1]) number \#(i)"\#(wrong)}"#
    }
    return try command.directory.write(
      negatives ? "pairs.jsonl" : "bare.jsonl", text: lines.joined(separator: "\n"))
  }

  private func contrastive(_ file: FilePath, into output: FilePath, more: [String]) -> [String] {
    [
      "train", "contrastive", file.string, "--model", Command.model, "--epochs", "2",
      "--batch-size", "8", "--learning-rate", "0.001", "--held-out", "0.2",
      "--checkpoint-every", "2", "--output", output.string, "--quiet",
    ] + more
  }

  private func account(_ output: FilePath) throws -> JSONObject {
    try JSONParser.parse(contentsOf: output.appending("results.json")).requiredObject()
      .object("privacy")
  }

  private func weights(_ output: FilePath) throws -> [UInt8] {
    try FileBytes.read(output.appending("model/model.safetensors"), limit: 1 << 30)
  }

  @Test func anAccountIsKeptAndSurvivesKills() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    let private8 = [
      "--dp", "epsilon=8,delta=0.001,clip=auto", "--filter", "disk", "--insecure-noise",
    ]
    let whole = command.directory.file("whole")
    let result = try command.run(contrastive(file, into: whole, more: private8))
    try #require(result.status == 0, "\(result.errorText)")
    for text in ["privacy: epsilon 7.", "delta 0.001", "one record added or removed", "INSECURE"] {
      #expect(result.outputText.contains(text), "\(text): \(result.outputText)")
    }
    let account = try account(whole)
    let epsilon = try account.double("epsilonPRV")
    #expect(epsilon <= 8 && epsilon > 7)
    #expect(try account.int("steps") == 8 && account.double("samplingRate") == 0.25)
    #expect(try account.string("adjacency") == "add-or-remove-one-record")
    let events = try String(
      contentsOfFile: whole.appending("events.jsonl").string, encoding: .utf8)
    #expect(events.split(separator: "\n").count { $0.contains(#""event":"epsilon""#) } == 2)
    // No loss of private records is told.
    let results = try JSONParser.parse(contentsOf: whole.appending("results.json"))
    #expect((results["losses"]?.arrayValue ?? []).allSatisfy { $0["value"] == .null })
    let card = try String(
      contentsOfFile: whole.appending("model/ragbench.json").string, encoding: .utf8)
    #expect(card.contains("INSECURE noise"))

    for write in [4, 8, 12] {
      let output = command.directory.file("killed-\(write)")
      let arguments = contrastive(file, into: output, more: private8)
      let killed = try command.run(
        arguments, environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      #expect(killed.signal == SIGKILL, "write \(write)")
      let resumed = try command.run(arguments)
      #expect(resumed.status == 0, "write \(write): \(resumed.errorText)")
      #expect(try weights(output) == weights(whole), "write \(write)")
      #expect(try self.account(output) == account, "write \(write)")
    }
  }

  /// The same seed gives the same weights only where noise is insecure.
  @Test func noiseComesFromTheSystemUnlessItIsAskedFor() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    func train(_ name: String, _ more: [String]) throws -> [UInt8] {
      let output = command.directory.file(name)
      let result = try command.run(
        contrastive(file, into: output, more: ["--dp", "sigma=1,delta=0.001"] + more))
      try #require(result.status == 0, "\(result.errorText)")
      return try weights(output)
    }
    #expect(try train("a", ["--insecure-noise"]) == train("b", ["--insecure-noise"]))
    #expect(try train("c", []) != train("d", []))
    #expect(try account(command.directory.file("c")).string("randomness").contains("system"))
  }

  /// Only the top layer changes.
  @Test func someLayersAreTrained() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    for more in [[], ["--dp", "epsilon=4,delta=0.001"]] {
      let output = command.directory.file("top-\(more.count)")
      let result = try command.run(
        contrastive(file, into: output, more: more + ["--train-layers", "1"]))
      try #require(result.status == 0, "\(result.errorText)")
      func tensors(_ path: FilePath) throws -> [String: [UInt8]] {
        let bytes = try FileBytes.read(path, limit: 1 << 30)
        let size = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONParser.parse(Array(bytes[8..<8 + size])).requiredObject()
        return try Dictionary(
          uniqueKeysWithValues: header.members.filter { $0.key != "__metadata__" }.map {
            let range = try $0.value.requiredObject().ints("data_offsets")
            return ($0.key, Array(bytes[(8 + size + range[0])..<(8 + size + range[1])]))
          })
      }
      let before = try tensors(
        command.home.appending("models").appending(Command.model).appending("model.safetensors"))
      let after = try tensors(output.appending("model/model.safetensors"))
      let changed = after.keys.filter { after[$0] != before[$0] }
      let numbers = before.keys.compactMap { name -> Int? in
        let parts = name.split(separator: ".")
        return parts.firstIndex(of: "layer").flatMap { Int(parts[$0 + 1]) }
      }
      let top = ".layer.\(numbers.max() ?? 0)."
      #expect(!changed.isEmpty && changed.allSatisfy { $0.contains(top) }, "\(changed), \(top)")
    }
  }

  /// Filters, clipping and the moments' correction are chosen by flags, and each makes other weights.
  @Test func mechanismsAreChosen() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    var found: [[UInt8]] = []
    let choices: [(dp: String, filter: String)] = [
      ("", "none"), ("", "disk:0.5"), ("", "disk:0.5:0.3"), ("", "doppler"),
      (",correct=true", "none"), (",clip=normalised", "none"), (",clip=0.1", "none"),
      (",clip=global:0.1", "none"),
    ]
    for (number, choice) in choices.enumerated() {
      let output = command.directory.file("run-\(number)")
      let result = try command.run(
        contrastive(
          file, into: output,
          more: [
            "--optimizer", "adam", "--dp", "epsilon=8,delta=0.001" + choice.dp, "--filter",
            choice.filter, "--insecure-noise",
          ]))
      try #require(result.status == 0, "\(choice): \(result.errorText)")
      let described = try JSONParser.parse(contentsOf: output.appending("run.json"))
        .requiredObject().object("privacy")
      #expect(try described.bool("correctsMoments") == choice.dp.contains("correct"))
      #expect(
        try described.string("filter").hasPrefix(String(choice.filter.prefix { $0 != ":" })))
      // The mechanism behind the sum costs no privacy.
      #expect(
        try account(output).double("epsilonPRV")
          == account(command.directory.file("run-0"))
          .double("epsilonPRV"))
      found.append(try weights(output))
    }
    #expect(Set(found).count == found.count)
  }

  @Test func classifiersAndGeneratorsArePrivateToo() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("small", count: 100)
    let private8 = ["--dp", "epsilon=8,delta=0.001", "--filter", "doppler", "--quiet"]
    func run(_ name: String, _ arguments: [String]) throws -> FilePath {
      let output = command.directory.file(name)
      let result = try command.run(arguments + ["--output", output.string])
      try #require(result.status == 0, "\(name): \(result.errorText)")
      return output
    }
    let texts = try command.directory.write(
      "texts.jsonl",
      text: (0..<40).map {
        #"{"text": "\#(Self.words[$0 % 10]) \#($0)", "label": "\#($0 % 2)"}"#
      }.joined(separator: "\n"))
    let classifier = try run(
      "classifier",
      ["train", "classify", texts.string, "--model", Command.model, "--batch-size", "8"] + private8)
    #expect(try account(classifier).double("epsilonPRV") <= 8)
    try command.installCorpus("public", count: 120)
    let base = try run(
      "base",
      [
        "train", "pretrain", "--corpus", "public", "--vocabulary", "300", "--hidden", "32",
        "--layers", "2", "--heads", "4", "--kv-heads", "2", "--intermediate", "48", "--context",
        "32", "--held-out", "0.1", "--batch-size", "4", "--quiet",
      ])
    let further = try run(
      "further",
      [
        "train", "pretrain", "--corpus", "small", "--model", "run:\(base.string)", "--context",
        "24",
        "--held-out", "0.1", "--batch-size", "8",
      ] + private8)
    #expect(try account(further).double("epsilonPRV") <= 8)
    let described = try JSONParser.parse(contentsOf: further.appending("run.json"))
      .requiredObject().object("privacy")
    #expect(try described.string("adjacency") == "add-or-remove-one-record")
    try whatWasSpentIsKept(command, base: base, further: further)
    let results = try JSONParser.parse(contentsOf: further.appending("results.json"))
    // A record is a passage.
    #expect(results["blocks"]?.intValue == 90 && results["heldOut"]?.intValue == 10)
    let answers = try command.directory.write(
      "answers.jsonl",
      text: (0..<24).map { #"{"prompt": "what of \#($0)?", "completion": " sleep \#($0)"}"# }
        .joined(separator: "\n"))
    let tuned = try run(
      "tuned",
      ["train", "sft", answers.string, "--model", "run:\(base.string)", "--batch-size", "4"]
        + private8)
    #expect(try account(tuned).double("epsilonPRV") <= 8)
    // Nothing of a private text is in what the run tells.
    for name in ["results.json", "events.jsonl", "run.json"] {
      let text = try String(contentsOfFile: tuned.appending(name).string, encoding: .utf8)
      #expect(!text.contains("what of"), "\(name)")
    }
    let refused = try command.run([
      "train", "sft", answers.string, "--model", "run:\(base.string)", "--packing", "--dp",
      "epsilon=8,delta=0.001", "--output", command.directory.file("x").string,
    ])
    #expect(refused.status == 64 && refused.errorText.contains("--packing"))
  }

  /// A model's runs on the same data add up, and a plain one leaves nothing to claim.
  private func whatWasSpentIsKept(_ command: Command, base: FilePath, further: FilePath) throws {
    func again(_ from: FilePath, _ corpus: String, _ more: [String]) throws
      -> ChildProcess.Result
    {
      try command.run(
        [
          "train", "pretrain", "--corpus", corpus, "--model", "run:\(from.string)", "--context",
          "24", "--held-out", "0.1", "--batch-size", "8", "--quiet",
        ] + more)
    }
    let spent = try again(further, "small", ["--dp", "epsilon=4,delta=0.001"])
    #expect(
      spent.status == 64 && spent.errorText.contains("budget"), "\(spent.status) \(spent.errorText)"
    )
    let plain = try again(base, "public", ["--dp", "epsilon=8,delta=0.001"])
    #expect(plain.status == 64 && plain.errorText.contains("without privacy: no epsilon"))
    let output = command.directory.file("added")
    let added = try again(
      further, "small", ["--dp", "epsilon=16,delta=0.001", "--output", output.string])
    try #require(added.status == 0, "\(added.errorText)")
    let account = try account(output)
    #expect(try account.double("epsilonPRV") > 8 && account.double("epsilonPRV") <= 16)
    #expect(try account.objects("spentBefore").count == 1)
    // Insecure noise before secure noise is no privacy either.
    let seeded = command.directory.file("seeded")
    try #require(
      try again(
        base, "small",
        ["--dp", "epsilon=4,delta=0.001", "--insecure-noise", "--output", seeded.string]
      ).status == 0)
    let secure = try again(seeded, "small", ["--dp", "epsilon=8,delta=0.001"])
    #expect(secure.status == 64 && secure.errorText.contains("insecure noise"))
  }

  @Test func claimsThatCannotBeMadeAreRefused() throws {
    let command = try Command()
    try command.installModel()
    let file = try pairs(command)
    let output = command.directory.file("run")
    for (more, status, reason) in [
      (["--dp", "epsilon=8,delta=0.04"], 64, "delta is 0.04"),
      (["--dp", "epsilon=8", "--batch-size", "64"], 64, "sampling rate would be above 1"),
      (["--dp", "epsilon=8,sigma=0"], 64, "without noise"),
      (["--dp", "epsilon=-1"], 64, "epsilon is '-1'"),
      (["--dp", "epsilon=8,epsilon=4"], 64, "there twice"),
      (["--dp", "epsilon=8,sigma=1"], 64, "one of 'epsilon' and 'sigma'"),
      (["--dp", "epsilom=8"], 64, "'epsilon'"), (["--dp", "epsilon"], 64, "name=value"),
      (["--dp", "epsilon=8,clip=0"], 64, "clip is '0'"),
      (["--dp", "epsilon=8,delta=2"], 64, "delta is 2"),
      (["--dp", "epsilon=8", "--filter", "disk:1.5"], 64, "gain"),
      (["--dp", "epsilon=8", "--filter", "kalman"], 64, "--filter"),
      (["--filter", "disk"], 64, "needs --dp"), (["--insecure-noise"], 64, "needs --dp"),
      (["--dp", "epsilon=8", "--patience", "2"], 64, "--patience"),
      (["--dp", "epsilon=8,correct=true", "--optimizer", "sgd"], 64, "adam"),
      (["--train-layers", "99"], 64, "--train-layers"),
    ] as [([String], Int32, String)] {
      let result = try command.run(contrastive(file, into: output, more: more))
      #expect(
        result.status == status && result.errorText.contains(reason),
        "\(more): \(result.status) \(result.errorText)")
    }
    let bare = try command.run(
      contrastive(pairs(command, negatives: false), into: output, more: ["--dp", "epsilon=8"]))
    #expect(bare.status == 65 && bare.errorText.contains("pair 1 has no negatives"))
    let coupled = try command.directory.write(
      "coupled.jsonl",
      text: (0..<40).map {
        #"{"query": "q\#($0)", "positive": "p\#($0)", "negatives": ["p\#(($0 + 1) % 40)"]}"#
      }.joined(separator: "\n"))
    let others = try command.run(
      contrastive(coupled, into: output, more: ["--dp", "epsilon=8,delta=0.001"]))
    #expect(others.status == 65 && others.errorText.contains("passage of a pair"))
    let decoupled = try command.run(
      contrastive(file, into: output, more: ["--dp", "epsilon=8,delta=0.001", "--decoupled"]))
    #expect(decoupled.status == 64 && decoupled.errorText.contains("--decoupled"))
    try command.installCorpus("small", count: 30)
    let learnt = try command.run([
      "train", "pretrain", "--corpus", "small", "--dp", "epsilon=8", "--output", output.string,
    ])
    #expect(learnt.status == 64 && learnt.errorText.contains("--model"))

    // An account of other data: the checkpoint of one run under another's description.
    let arguments = contrastive(
      file, into: output, more: ["--dp", "epsilon=8,delta=0.001", "--insecure-noise"])
    let checkpoint = output.appending("checkpoint.safetensors")
    var write = 6
    while !checkpoint.exists {
      let killed = try command.run(
        arguments, environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      try #require(killed.signal == SIGKILL, "write \(write)")
      write += 1
    }
    let other = try command.directory.write(
      "pairs.jsonl",
      text: try String(contentsOfFile: file.string, encoding: .utf8)
        .replacing("number 0\"", with: "number zero\""))
    let fresh = command.directory.file("fresh")
    let begun = contrastive(
      other, into: fresh, more: ["--dp", "epsilon=8,delta=0.001", "--insecure-noise"])
    _ = try command.run(begun, environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write - 1)"])
    if fresh.appending("checkpoint.safetensors").exists {
      try FileManager.default.removeItem(atPath: fresh.appending("checkpoint.safetensors").string)
    }
    try FileManager.default.copyItem(
      atPath: checkpoint.string, toPath: fresh.appending("checkpoint.safetensors").string)
    let resumed = try command.run(begun)
    #expect(
      resumed.status == 65
        && resumed.errorText.contains("belongs to the run 'train-contrastive, data"),
      "\(resumed.status) \(resumed.errorText)")
  }

  /// A generator that has learnt its examples by heart is found out; what cannot be audited is refused.
  @Test func aRunIsAudited() throws {
    let command = try Command()
    try command.installCorpus("small", count: 100)
    let base = command.directory.file("base")
    try #require(
      try command.run([
        "train", "pretrain", "--corpus", "small", "--vocabulary", "300", "--hidden", "32",
        "--layers", "2", "--heads", "4", "--kv-heads", "2", "--intermediate", "48", "--context",
        "32", "--held-out", "0.1", "--batch-size", "4", "--output", base.string, "--quiet",
      ]).status == 0)
    let answers = try command.directory.write(
      "answers.jsonl",
      text: (0..<60).map {
        #"{"prompt": "patient \#($0)", "completion": " \#($0 * 7919 % 9973) \#($0 * 104_729 % 9967)"}"#
      }.joined(separator: "\n"))
    func tuned(_ name: String, _ more: [String]) throws -> FilePath {
      let output = command.directory.file(name)
      let result = try command.run(
        [
          "train", "sft", answers.string, "--model", "run:\(base.string)", "--held-out", "0.4",
          "--batch-size", "8", "--quiet", "--output", output.string,
        ] + more)
      try #require(result.status == 0, "\(result.errorText)")
      return output
    }
    func audit(_ run: FilePath) throws -> [JSONObject] {
      let result = try command.run([
        "audit", "run:\(run.string)", "--data", answers.string, "--reference",
        "run:\(base.string)", "--format", "jsonl",
      ])
      try #require(result.status == 0, "\(result.errorText)")
      return try result.outputText.split(separator: "\n").map {
        try JSONParser.parse(String($0)).requiredObject()
      }
    }
    // One epoch is kept whatever the held-out examples say: the last of private training.
    let private8 = try tuned(
      "private",
      [
        "--dp", "epsilon=2,delta=0.001", "--insecure-noise", "--epochs", "4", "--learning-rate",
        "0.01",
      ])
    let guarded = try audit(private8)
    #expect(try guarded.map { try $0.string("attack") } == ["loss", "reference", "min-20%"])
    let rate = try #require(try guarded[0].objects("rates").last)
    let epsilon = try account(private8).double("epsilonPRV")
    expectClose(
      try rate.double("ceiling"), Foundation.exp(epsilon) * 0.01 + 0.001, absolute: 1e-12)
    let learnt = try tuned(
      "learnt",
      [
        "--dp", "sigma=0,delta=0.001,clip=100", "--insecure-noise", "--epochs", "120",
        "--learning-rate", "0.02", "--full",
      ])
    let area = try audit(learnt)[1].object("auc").double("value")
    #expect(area > 0.8, "\(area)")
    // A generator that began with a new model has no reference; its data are a corpus.
    let begun = try command.run(["audit", "run:\(base.string)", "--data", "small"])
    #expect(begun.status == 0 && begun.outputText.contains("min-20%"), "\(begun.errorText)")
    #expect(!begun.outputText.contains("reference"))
    let other = try command.directory.write("other.jsonl", text: "{}")
    for (arguments, status, reason) in [
      (
        ["audit", "run:\(learnt.string)", "--data", other.string], 65,
        "not what the run was trained on"
      ),
      (
        [
          "audit", "run:\(private8.string)", "--data", answers.string, "--reference",
          "run:\(learnt.string)",
        ], 64, "belongs to its own model"
      ),
      (["audit", learnt.string, "--data", answers.string], 64, "expected run:DIR"),
      (["audit", "run:\(learnt.string)", "--data", answers.string], 64, "--reference says where"),
      (["audit", "run:\(base.string)", "--data", "absent"], 64, "absent"),
    ] as [([String], Int32, String)] {
      let result = try command.run(arguments)
      #expect(
        result.status == status && result.errorText.contains(reason),
        "\(arguments): \(result.errorText)")
    }
  }

  /// Canaries of each kind of run are found again, and found out where they were learnt by heart.
  @Test func canariesAreFoundOut() throws {
    let command = try Command.withIndex()
    func audit(_ run: FilePath, _ data: String) throws -> (objects: [JSONObject], text: String) {
      let arguments = ["audit", "run:\(run.string)", "--data", data]
      let shown = try command.run(arguments)
      try #require(shown.status == 0, "\(shown.errorText)")
      let lines = try command.run(arguments + ["--format", "jsonl"]).outputText
      return (
        try lines.split(separator: "\n").map { try JSONParser.parse(String($0)).requiredObject() },
        shown.outputText
      )
    }
    func trained(_ kind: String, _ file: FilePath, _ more: [String]) throws -> FilePath {
      let output = command.directory.file("run-\(kind)")
      let result = try command.run(
        [
          "train", kind, file.string, "--model", "tiny-bert", "--canaries", "40", "--epochs", "200",
          "--learning-rate", "0.002", "--batch-size", "16", "--keep-last", "--quiet", "--output",
          output.string,
        ] + more)
      try #require(result.status == 0, "\(result.errorText)")
      return output
    }
    let words = ["heart", "blood", "bone", "sleep", "iron", "fever"]
    /// Six words that are a number to base 6.
    func phrase(_ number: Int) -> String {
      var (rest, text) = (number * 7919 % 46_656, [String]())
      for _ in 0..<6 {
        text.append(words[rest % 6])
        rest /= 6
      }
      return text.joined(separator: " ")
    }
    let texts = try command.directory.write(
      "texts.jsonl",
      text: (0..<160).map { #"{"text": "\#(phrase($0))", "label": "c\#($0 % 2)"}"# }
        .joined(separator: "\n"))
    let classes = try audit(trained("classify", texts, []), texts.string)
    #expect(try classes.objects.map { try $0.string("attack") } == ["loss"])
    #expect(try classes.objects[0].double("exposure") > 2, "\(classes.text)")
    #expect(classes.text.contains("canaries: ") && classes.text.contains("audited epsilon"))
    let pairs = try command.directory.write(
      "pairs.jsonl",
      text: (0..<160).map {
        #"{"query": "what is \#(phrase($0))", "positive": "it is \#(phrase($0 + 1000))", "negatives": ["\#(phrase($0 + 3000))"]}"#
      }.joined(separator: "\n"))
    let retriever = try audit(trained("contrastive", pairs, ["--max-tokens", "32"]), pairs.string)
    #expect(try retriever.objects.map { try $0.string("attack") } == ["margin", "margin gain"])
    #expect(try retriever.objects[1].double("exposure") > 2, "\(retriever.text)")
    let refused = try command.run([
      "train", "classify", texts.string, "--model", "tiny-bert", "--canaries", "100",
    ])
    #expect(refused.status == 64 && refused.errorText.contains("at most half of"))
  }
}
