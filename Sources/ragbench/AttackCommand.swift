import ArgumentParser
import Attacks
import Basics
import Corpus
import Defenses
import Evaluation
import Retrieval
import SystemPackage

/// `ragbench attack`: how many questions of a corpus can be hijacked, and how much of it is caught.
struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Poisons a corpus and measures how many questions the attacker hijacks.",
    discussion: """
      Adds poisoned documents to the corpus (in memory only, nothing in the index changes) and \
      counts the questions for which the attacker's document is among the first k results.

      Example: ragbench attack --corpus medqa
      Example: ragbench attack --corpus medqa --queries exam --payload pii,diag --k 2,5,10 \
      --mode solo --set separator=". " --output runs/mine
      """)

  @OptionGroup var selection: AttackOptions
  @Flag(help: "Leave out the detectors.") var noDetection = false
  @Option(
    help: "all: score a document's text to its end; first: only what its own vector stands for.")
  var windows = WindowChoice.all
  @OptionGroup var runOptions: RunOptions
  @OptionGroup var options: SharedOptions

  func run() throws {
    let bench = try Workbench(options)
    let bundle = try bench.bundle(selection.corpus)
    let settings = try selection.settings(for: bundle, seed: runOptions.seed)
    var description = try selection.description(settings, bundle, bench)
    description["detection"] = .bool(!noDetection)
    description["windows"] = .string(windows.rawValue)
    let run = try runOptions.directory(
      "attack", corpus: bundle.name, description: description, locations: bench.locations,
      options: options)
    let attackRun = AttackRun(
      run: run, bundle: bundle, settings: settings, paraphrases: try selection.paraphraseTable(),
      detection: noDetection
        ? nil
        : DetectionProtocol(
          windows: windows, reach: settings.ks.first ?? 1, seed: settings.seed))
    try bench.perform(
      attackRun, retrievers: selection.retriever.items, settings: settings, run: run)
  }
}
