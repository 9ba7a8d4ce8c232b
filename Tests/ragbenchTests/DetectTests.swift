import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// `ragbench detect` and `ragbench detect fit` through the binary.
@Suite struct DetectTests {
  private func fit(_ output: FilePath, _ more: [String] = []) -> [String] {
    [
      "detect", "fit", "--corpus", "medqa", "--retriever", Command.model, "--output",
      output.string,
    ] + more
  }

  @Test func aFittedDetectorIsAFileThatNamesWhatItLearnt() throws {
    let command = try Command.withIndex()
    let path = command.directory.file("exam.detector")
    let arguments = fit(path, ["--queries", "exam", "--detector", "mahalanobis"])
    let result = try command.run(arguments)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.output.isEmpty)
    #expect(result.errorText.contains("mahalanobis written to"), "\(result.errorText)")
    let bytes = try FileBytes.read(path, limit: 1 << 30)
    let text = String(decoding: bytes, as: UTF8.self)
    for name in ["mahalanobis", "medqa", "exam", Command.model] {
      #expect(text.contains("\"\(name)\"") || text.contains("\\\"\(name)\\\""), "\(name)")
    }

    let kept = try command.run(arguments)
    #expect(kept.status == 64 && kept.errorText.contains("--force"), "\(kept.errorText)")
    let replaced = try command.run(arguments + ["--force", "--seed", "1"])
    #expect(replaced.status == 0)
    #expect(try FileBytes.read(path, limit: 1 << 30) == bytes, "the same seed, the same bytes")
    let other = try command.run(arguments + ["--force", "--seed", "2"])
    #expect(other.status == 0)
    #expect(try FileBytes.read(path, limit: 1 << 30) != bytes)
  }

  @Test func badRequestsLeaveNothing() throws {
    let command = try Command.withIndex()
    let path = command.directory.file("x.detector")
    let refusals: [([String], Int32, String)] = [
      (["--detector", "mahalanobiss"], 64, "mahalanobis"),
      (["--queries", "exams"], 64, "exam"),
      (["--detector", "mahalanobis", "--choose", "featur=pair"], 64, "feature"),
      (["--choose", "trim=2"], 64, "0.0 to 0.5"),
      (["--detector", "nearest-clean", "--choose", "k=0"], 64, "1 to 100"),
      (["--corpus", "medqaa"], 64, "medqa"),
    ]
    for (more, status, hint) in refusals {
      let result = try command.run(fit(path, more))
      #expect(result.status == status, "\(more): \(result.errorText)")
      #expect(result.errorText.contains(hint), "\(result.errorText)")
      #expect(!FileManager.default.fileExists(atPath: path.string))
    }
    // Two questions are too few to learn from.
    try command.installCorpus("small", count: 30)
    let few = try command.run([
      "detect", "fit", "--corpus", "small", "--retriever", Command.model, "--output",
      path.string,
    ])
    #expect(few.status == 64 || few.status == 65, "\(few.errorText)")
    #expect(!FileManager.default.fileExists(atPath: path.string))
    // Refused before the work begins.
    let missing = try command.run(fit(command.directory.file("no/such/folder/x")))
    #expect(missing.status == 73, "\(missing.errorText)")
  }

  @Test func detectorsAreMeasuredWithoutSuccessRates() throws {
    let command = try Command.withIndex()
    let value = try command.json([
      "detect", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam",
      "--payload", "pii", "--detector", "similarity,verbatim-overlap", "--output",
      command.directory.file("run").string,
    ])
    let retriever = try #require(value["retrievers"]?[0])
    #expect(retriever["cells"]?.arrayValue?.isEmpty == true)
    let fits = try #require(retriever["detection"]?[0]?["fits"]?.arrayValue)
    #expect(fits.compactMap { $0["detector"]?.stringValue } == ["similarity", "verbatim-overlap"])
    for fit in fits {
      let parts = try #require(fit["questions"])
      let counts = ["fit", "calibrate", "test"].compactMap { parts[$0]?.intValue }
      #expect(counts.reduce(0, +) == 120, "\(counts)")
    }
  }

  /// Every flag names a document and the line where it stands, and there are as many as the figures say.
  @Test func flaggedDocumentsHaveTheirPlaces() throws {
    let command = try Command.withIndex()
    let run = command.directory.file("run")
    let value = try command.json([
      "detect", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam",
      "--payload", "pii", "--detector", "mahalanobis,verbatim-overlap", "--output", run.string,
    ])
    func lines(_ path: FilePath) throws -> [JSONValue] {
      try String(decoding: FileBytes.read(path, limit: 1 << 26), as: UTF8.self)
        .split(separator: "\n").map { try JSONParser.parse(String($0)) }
    }
    let flags = try lines(run.appending("flags.jsonl"))
    let poison = try lines(run.appending("poisoned.jsonl"))
    let passages = try lines(Checkout.root.appending("Corpora/medqa/passages.jsonl"))
    #expect(flags.contains { $0["in"]?.stringValue == "corpus" })
    for flag in flags {
      let line = try #require(flag["line"]?.intValue)
      let file = flag["in"]?.stringValue == "run" ? poison : passages
      #expect(file[line - 1]["_id"] == flag["document"])
      #expect(flag["score"]?.doubleValue ?? 0 > flag["threshold"]?.doubleValue ?? 0)
      #expect(flag["pValue"]?.doubleValue ?? 1 <= 0.05)
    }
    let fits = try #require(value["retrievers"]?[0]?["detection"]?[0]?["fits"]?.arrayValue)
    for fit in fits {
      let cell = try #require(fit["cells"]?.arrayValue?.first { $0["positives"] == "all" })
      let rate = try #require(
        cell["truePositives"]?.arrayValue?.first {
          $0["unit"] == "pair" && $0["nominal"]?.doubleValue == 0.05
        })
      let own = flags.filter { $0["detector"] == fit["detector"] && $0["payload"] == "pii" }
      #expect(own.count == rate["found"]?.intValue)
    }
    let compared = fits[0]["cells"]?.arrayValue?.first {
      $0["positives"] == "reached" && $0["negatives"] == "hard"
    }?["comparisons"]
    #expect(compared?[0]?["with"] == "verbatim-overlap")
    #expect(compared?[0]?["auroc"]?["difference"]?.doubleValue != nil)

    let report = try command.run(["report", run.string])
    #expect(report.status == 0, "\(report.errorText)")
    let log = try JSONParser.parse(contentsOf: run.appending("report.sarif"))
    #expect(log["runs"]?[0]?["results"]?.arrayValue?.count == flags.count)
  }

  /// What is done after a flag: a table, figures in results.json, times in timings.json only.
  @Test func responsesAreMeasured() throws {
    let command = try Command.withIndex()
    let arguments = [
      "detect", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam",
      "--payload", "pii", "--detector", "similarity", "--after", "quarantine,annotate", "--per",
      "pair", "--output", command.directory.file("run").string,
    ]
    let human = try command.run(arguments)
    #expect(human.status == 0, "\(human.errorText)")
    #expect(
      human.outputText.contains(
        "exam: what acting on flags does, at a nominal 5.0 % of clean passages"))
    let results = command.directory.file("run").appending("results.json")
    let value = try JSONParser.parse(FileBytes.read(results, limit: 1 << 24))
    let responses = try #require(value["retrievers"]?[0]?["responses"]?[0])
    let policies = responses["responses"]?.arrayValue?.compactMap { $0["policy"]?.stringValue }
    #expect(policies == ["quarantine", "annotate"])
    #expect(responses["responses"]?[0]?["utility"]?["nDCG@10"]?["before"]?.doubleValue != nil)
    let text = try String(decoding: FileBytes.read(results, limit: 1 << 24), as: UTF8.self)
    #expect(!text.contains("econds"))
    let timings = try JSONParser.parse(
      FileBytes.read(command.directory.file("run").appending("timings.json"), limit: 1 << 20))
    #expect(timings["responses"]?[0]?["p99Seconds"]?.doubleValue ?? 0 > 0)
    let wrong = try command.run(
      ["detect", "--corpus", "medqa", "--retriever", Command.model, "--after", "quarantin"])
    #expect(wrong.status == 64)
    #expect(wrong.errorText.contains("did you mean 'quarantine'?"), "\(wrong.errorText)")
  }

  /// A choice for all who know it, and one for a single detector.
  @Test func choicesMayNameTheirDetector() throws {
    let command = try Command.withIndex()
    let value = try command.json([
      "detect", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam",
      "--payload", "pii", "--detector", "nearest-clean,local-outlier-factor", "--choose", "k=3",
      "--choose", "local-outlier-factor.k=5", "--windows", "first", "--output",
      command.directory.file("run").string,
    ])
    let detection = try #require(value["retrievers"]?[0]?["detection"]?[0])
    #expect(detection["settings"]?["windows"]?.stringValue == "first")
    let fits = try #require(detection["fits"]?.arrayValue)
    #expect(fits.compactMap { $0["parameters"]?["k"]?.stringValue } == ["3", "5"])
    for wrong in ["local-outlier-factor.q=5", "mahalanobis.trim=0.1", "local-outlier-factor.k=0"] {
      let result = try command.run([
        "detect", "--corpus", "medqa", "--retriever", Command.model, "--detector",
        "local-outlier-factor", "--choose", wrong,
      ])
      #expect(result.status == 64, "\(wrong): \(result.errorText)")
    }
  }
}
