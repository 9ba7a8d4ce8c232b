import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Generators through the binary: pre-training, fine-tuning, generation, perplexity, kills, refusals.
@Suite(.serialized) struct GeneratorTests {
  private func pretrain(
    into output: FilePath, hidden: Int = 32, heads: Int = 4, context: Int = 32
  ) -> [String] {
    [
      "train", "pretrain", "--corpus", "small", "--vocabulary", "300", "--hidden", "\(hidden)",
      "--layers", "2", "--heads", "\(heads)", "--kv-heads", "2", "--intermediate", "48",
      "--context", "\(context)",
      "--batch-size", "4", "--epochs", "4", "--held-out", "0.1", "--checkpoint-every", "5",
      "--output", output.string, "--quiet",
    ]
  }

  private func tune(
    _ file: FilePath, _ model: FilePath, into output: FilePath, more: [String] = []
  ) -> [String] {
    [
      "train", "sft", file.string, "--model", "run:\(model.string)", "--epochs", "3",
      "--learning-rate", "0.01", "--held-out", "0.2", "--max-tokens", "32", "--output",
      output.string, "--quiet",
    ] + more
  }

  private func examples(_ command: Command) throws -> FilePath {
    let lines = (0..<24).map {
      #"{"prompt": "what of gout \#($0)?", "completion": " sleep iron fever \#($0)"}"#
    }
    return try command.directory.write("examples.jsonl", text: lines.joined(separator: "\n"))
  }

  private func results(_ output: FilePath) throws -> JSONObject {
    try JSONParser.parse(contentsOf: output.appending("results.json")).requiredObject()
  }

  private func bytes(_ path: FilePath) throws -> [UInt8] {
    try FileBytes.read(path, limit: 1 << 30)
  }

  @Test func aNewGeneratorLearnsAndIsUsed() throws {
    let command = try Command()
    try command.installCorpus("small", count: 400)
    let output = command.directory.file("new")
    let trained = try command.run(pretrain(into: output))
    try #require(trained.status == 0, "\(trained.errorText)")
    let before = try results(output).object("before").double("loss")
    let after = try results(output).object("after").double("loss")
    #expect(abs(before - log(300.0)) < 0.3 && after < before - 0.5, "\(before) to \(after)")
    #expect(try results(output).objects("samples").count == 3)
    #expect(!output.appending("checkpoint.safetensors").exists)

    let model = ["--model", "run:\(output.string)"]
    let arguments =
      ["generate", "--raw", "gout sleep", "--max-tokens", "12", "--format", "json"] + model
    let answer = try command.run(arguments)
    try #require(answer.status == 0, "\(answer.errorText)")
    let object = try JSONParser.parse(answer.outputText).requiredObject()
    #expect(try object.int("tokens") <= 12 && !object.string("text").isEmpty)
    // Drawn text depends on the seed alone; a person sees the same text.
    let draw = arguments + ["--temperature", "1", "--seed"]
    let drawn = try (["7", "7", "8"].map { try command.run(draw + [$0]).outputText })
    #expect(drawn[0] == drawn[1] && drawn[0] != drawn[2])
    let shown = try command.run(
      ["generate", "--raw", "gout sleep", "--max-tokens", "12"] + model)
    #expect(shown.outputText == (try object.string("text")) + "\n")

    let texts = try command.directory.write(
      "texts.jsonl", text: #"{"id": "a", "text": "gout sleep iron"}"# + "\n" + #"{"text": ""}"#)
    let scored = try command.run(
      ["eval", "perplexity", texts.string, "--format", "json"] + model)
    try #require(scored.status == 0, "\(scored.errorText)")
    let facts = try JSONParser.parse(scored.outputText).requiredObject()
    #expect(try facts.int("texts") == 1 && facts.int("withoutTwoTokens") == 1)
    let known = try facts.double("perplexity")
    let strange = try command.directory.write(
      "strange.jsonl", text: #"{"text": "zqx jkv wpy"}"#)
    let other = try command.run(
      ["eval", "perplexity", strange.string, "--format", "json"] + model)
    #expect(try JSONParser.parse(other.outputText).requiredObject().double("perplexity") > known)

    let page = try command.run(["report", output.string, "--quiet"])
    #expect(page.status == 0, "\(page.errorText)")
    let html = try String(contentsOfFile: output.appending("report.html").string, encoding: .utf8)
    #expect(html.contains("perplexity") && html.contains("What it writes"))
  }

  @Test func adaptersAndWeightsAreTuned() throws {
    let command = try Command()
    try command.installCorpus("small", count: 200)
    let base = command.directory.file("base")
    try #require(try command.run(pretrain(into: base)).status == 0)
    let file = try examples(command)
    let adapted = command.directory.file("adapted")
    let lora = ["--lora-rank", "4", "--lora-targets", "q_proj,v_proj,down_proj"]
    let tuned = try command.run(tune(file, base, into: adapted, more: lora))
    try #require(tuned.status == 0, "\(tuned.errorText)")
    let full = command.directory.file("full")
    let all = try command.run(
      tune(file, base, into: full, more: ["--full", "--packing", "--freeze", "model.embed_tokens"]))
    try #require(all.status == 0, "\(all.errorText)")
    for output in [adapted, full] {
      let values = try results(output)
      #expect(
        try values.object("after").double("loss") < values.object("before").double("loss") - 0.3)
    }
    // The adapter changes what is written; the base model does not change.
    let prompt = ["generate", "--raw", "what of gout 3?", "--max-tokens", "8", "--format", "json"]
    func text(_ more: [String]) throws -> String {
      let result = try command.run(prompt + more)
      return try JSONParser.parse(result.outputText).requiredObject().string("text")
    }
    let plain = try text(["--model", "run:\(base.string)"])
    let changed = try text([
      "--model", "run:\(base.string)", "--adapter", adapted.appending("adapter").string,
    ])
    #expect(changed != plain && changed.contains("sleep"))
    #expect(try text(["--model", "run:\(full.string)"]).contains("sleep"))

    // An adapter of a model of other sizes, and a retriever where a generator is needed.
    let wide = command.directory.file("wide")
    try #require(try command.run(pretrain(into: wide, hidden: 64)).status == 0)
    let misfit = try command.run(
      prompt + [
        "--model", "run:\(wide.string)", "--adapter", adapted.appending("adapter").string,
      ])
    #expect(misfit.status == 65 && misfit.errorText.contains("was trained on"))
    try command.installModel()
    let retriever = try command.run(prompt + ["--model", Command.model])
    #expect(retriever.status == 64 && retriever.errorText.contains("no generator"))
    let chat = try command.run(["generate", "hello", "--model", "run:\(base.string)"])
    #expect(chat.status == 64 && chat.errorText.contains("no chat template"))
  }

  @Test func aKillAtAnyWriteIsResumed() throws {
    let command = try Command()
    try command.installCorpus("small", count: 150)
    let base = command.directory.file("base")
    try #require(try command.run(pretrain(into: base)).status == 0)
    let file = try examples(command)
    let whole = command.directory.file("whole")
    try #require(try command.run(tune(file, base, into: whole)).status == 0)
    for (name, arguments, weights, other) in [
      (
        "pretrain", { pretrain(into: $0) }, "model/model.safetensors", base
      ),
      (
        "sft", { tune(file, base, into: $0) }, "adapter/adapter_model.safetensors", whole
      ),
    ] as [(String, (FilePath) -> [String], String, FilePath)] {
      var write = 2
      while true {
        let output = command.directory.file("\(name)-\(write)")
        let result = try command.run(
          arguments(output), environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
        if result.signal == SIGKILL {
          let again = try command.run(arguments(output))
          #expect(
            again.status == 0 || again.status == 64 && again.errorText.contains("finished"),
            "\(name), write \(write): \(again.errorText)")
        }
        for path in ["results.json", weights] {
          #expect(
            try bytes(output.appending(path)) == bytes(other.appending(path)),
            "\(name), write \(write): \(path)")
        }
        guard result.signal == SIGKILL else { break }
        write += 6
      }
      #expect(write > 10, "\(name)")
    }
  }

  @Test func badInputIsRefused() throws {
    let command = try Command()
    try command.installCorpus("small", count: 100)
    let base = command.directory.file("base")
    try #require(try command.run(pretrain(into: base)).status == 0)
    let file = try examples(command)
    let output = command.directory.file("run")
    let model = ["--model", "run:\(base.string)"]
    func refused(_ arguments: [String], _ status: Int32, _ reason: String) throws {
      let result = try command.run(arguments)
      #expect(
        result.status == status && result.errorText.contains(reason),
        "\(arguments): \(result.status) \(result.errorText)")
    }
    let raw = ["generate", "--raw", "gout"] + model
    try refused(raw + ["--temperature", "-1"], 64, "temperature")
    try refused(raw + ["--top-p", "0"], 64, "top-p")
    try refused(raw + ["--top-k", "400"], 64, "vocabulary has 300")
    try refused(["generate", "--raw", ""] + model, 64, "empty")
    let long = String(repeating: "gout ", count: 60)
    try refused(["generate", "--raw", long] + model, 64, "the model takes 31")
    try refused(tune(file, base, into: output, more: ["--max-tokens", "64"]), 64, "at most 32")
    try refused(
      tune(file, base, into: output, more: ["--lora-targets", "query"]), 64, "no linear layer")
    try refused(
      tune(file, base, into: output, more: ["--full", "--freeze", "model.nothing"]), 64,
      "no parameter")
    for (more, reason) in [
      (["--freeze", "model"], "--full"), (["--full", "--lora-rank", "4"], "no adapter"),
      (["--full", "--freeze", "model"], "nothing is left to train"),
      (["--lora-alpha", "0"], "above 0"),
      (["--lora-alpha", "1e300"], "above 0"), (["--lora-rank", "60"], "the rank is 60"),
    ] { try refused(tune(file, base, into: output, more: more), 64, reason) }
    try refused(pretrain(into: output) + ["--max-tokens", "8"], 64, "--context")
    try refused(["generate", "--model", "run:\(output.string)", "a"], 64, "no finished run")
    let broken = try command.directory.write(
      "broken.jsonl", text: #"{"prompt": "a", "completion": "b"}"# + "\n" + #"{"prompt": "a"}"#)
    try refused(tune(broken, base, into: output), 65, "broken.jsonl:2")
    try refused(pretrain(into: output, heads: 5), 64, "--heads, 5")
    try refused(pretrain(into: output, context: 1), 64, "blocks of 1 tokens")
    let texts = ["eval", "perplexity"] + model
    try refused(texts, 64, "a file or --corpus")
    try refused(texts + ["/nowhere.jsonl"], 66, "/nowhere.jsonl")
    // A checkpoint cut short.
    let checkpoint = output.appending("checkpoint.safetensors")
    var write = 10
    while !checkpoint.exists {
      let cut = try command.run(
        pretrain(into: output) + ["--force"],
        environment: ["RAGBENCH_CRASH_AT_WRITE": "\(write)"])
      try #require(cut.signal == SIGKILL)
      write += 3
    }
    var content = try bytes(checkpoint)
    content.removeLast(9)
    try Data(content).write(to: URL(fileURLWithPath: checkpoint.string))
    try refused(pretrain(into: output), 65, "checkpoint.safetensors")
  }
}
