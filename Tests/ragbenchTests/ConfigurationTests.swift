import Basics
import SystemPackage
import TestSupport
import Testing

/// `--config FILE` (FAULTS.md, row 17).
@Suite struct ConfigurationTests {
  private func attack(_ toml: String, _ more: [String] = []) throws -> (
    ChildProcess.Result, Command
  ) {
    let command = try Command.withIndex()
    let file = try command.directory.write("study.toml", text: toml)
    let result = try command.run(
      ["attack", "--config", file.string, "--format", "json", "--quiet"] + more)
    return (result, command)
  }

  @Test func optionsComeFromTheFileAndTheCommandLineWins() throws {
    let command = try Command.withIndex()
    let run = command.directory.file("run")
    let toml = """
      retriever = "tiny-bert"   # for every command that has it
      seed = 9

      [attack]
      corpus = "medqa"
      queries = ["research"]
      payload = ["pii", "web"]
      k = [1, 3]
      limit = 12
      no-detection = true
      set = { separator = ". ", copies = 2 }

      [detect.fit]
      detector = "similarity"
      """
    let file = try command.directory.write("study.toml", text: toml)
    let result = try command.run([
      "attack", "--config", file.string, "--limit", "7", "--output", run.string, "--quiet",
    ])
    #expect(result.status == 0, "\(result.errorText)")
    let record = try RunRecord(run)
    let description = JSONValue.object(record.description)
    #expect(description["retrievers"]?[0]?.stringValue == "tiny-bert")
    #expect(description["seed"]?.intValue == 9)
    #expect(description["limit"]?.intValue == 7, "the command line wins")
    #expect(description["k"]?.arrayValue?.compactMap(\.intValue) == [1, 3])
    #expect(description["payloadKinds"]?.arrayValue?.compactMap(\.stringValue) == ["pii", "web"])
    #expect(description["detection"]?.boolValue == false)
    #expect(description["parameters"]?["separator"]?.stringValue == ". ")
    #expect(description["parameters"]?["copies"]?.intValue == 2)

    // The same file serves another command, which takes its own table.
    let fitted = try command.run([
      "detect", "fit", "--config", file.string, "--corpus", "medqa", "--output",
      command.directory.file("d").string,
    ])
    #expect(fitted.status == 0, "\(fitted.errorText)")
    #expect(fitted.errorText.contains("detector similarity written"), "\(fitted.errorText)")
  }

  @Test(arguments: [
    ("seed = 1\n[attack\ncorpus = 'medqa'\n", "study.toml:2:"),
    ("[attack]\ncorpus = 'medqa'\ncorpus = 'other'\n", "study.toml:3:"),
    ("[attack]\ncorpsu = 'medqa'\n", "unknown key 'attack.corpsu'; did you mean 'corpus'?"),
    ("[atack]\ncorpus = 'medqa'\n", "unknown key 'atack'; did you mean 'attack'?"),
    ("[index.biuld]\ncorpus = 'medqa'\n", "unknown key 'index.biuld'; did you mean 'build'?"),
    ("[attack]\nk = [1, nan]\n", "'attack.k.[1]' is nan, expected a finite number"),
    ("[attack]\nlimit = inf\n", "'attack.limit' is inf, expected a finite number"),
    ("[attack]\nno-detection = 'yes'\n", "'attack.no-detection' is a text, expected true or false"),
    ("[attack]\nlimit = { a = 1 }\n", "'attack.limit' is a table, expected a text or a number"),
    ("[attack]\nlimit = 1979-05-27\n", "'attack.limit' is a date or a time"),
    ("[attack]\ncorpus = \"a\\u0000b\"\n", "NUL"),
    // Another command's table is checked as well.
    ("[query]\nkk = 3\n", "unknown key 'query.kk'; did you mean 'k'?"),
  ]) func faultsNameTheirPlace(toml: String, message: String) throws {
    let (result, _) = try attack(toml, ["--corpus", "medqa"])
    #expect(result.status == 65, "\(result.errorText)")
    #expect(result.errorText.contains(message), "\(result.errorText)")
    #expect(result.output.isEmpty)
  }

  @Test func aValueThatTheCommandRefusesIsAUsageError() throws {
    let (result, _) = try attack("[attack]\nlimit = 0\n", ["--corpus", "medqa"])
    #expect(result.status == 64 && result.errorText.contains("--limit is 0"), "\(result.errorText)")
  }

  @Test func theFileMustBeThere() throws {
    let command = try Command()
    let missing = try command.run(["env", "--config", command.directory.file("no.toml").string])
    #expect(missing.status == 66 && missing.errorText.contains("no.toml"))
    let twice = try command.run(["env", "--config", "a", "--config=b"])
    #expect(twice.status == 64 && twice.errorText.contains("twice"), "\(twice.errorText)")
  }
}
