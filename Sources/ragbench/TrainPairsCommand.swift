import ArgumentParser
import Basics
import Corpus
import Evaluation
import SystemPackage

extension TrainCommand {
  /// `ragbench train pairs`: examples for contrastive training from a corpus with judgements.
  struct Pairs: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes training pairs of a corpus, with hard negatives from its index.",
      discussion: """
        One line for each judged question and relevant passage; negatives are the passages that the \
        retriever ranks highest among those that are not judged relevant.

        Example: ragbench train pairs --corpus scifact --queries train --negatives 4 --output \
        pairs.jsonl
        """)

    @Option(help: "Name of the corpus.") var corpus: String
    @Option(help: "Query set (default: the first with judgements).") var queries: String?
    @Option(help: "The retriever whose mistakes are looked for.") var retriever = defaultRetriever
    @Option(help: "Hard negatives for each question, 0 to 1000.") var negatives = 4
    @Option(help: "The file to write, JSON Lines.") var output: String
    @OptionGroup var options: SharedOptions

    mutating func validate() throws {
      guard (0...1000).contains(negatives) else {
        throw ValidationError("--negatives is \(negatives), expected 0 to 1000")
      }
    }

    func run() throws {
      try AtomicFile.checkCreatable(FilePath(output))
      let bench = try Workbench(options)
      let bundle = try bench.quietBundle(corpus)
      let set = try queries ?? JudgementSource.defaultSet(of: bundle)
      let pairs = try PairMining(bundle: bundle) {
        let embedder = try bench.embedder(retriever)
        return (try bench.index(bundle, embedder), embedder)
      }.pairs(of: set, negatives: negatives)
      let lines = try pairs.map { try $0.json.serialized() + "\n" }
      try AtomicFile.write(lines.joined(), to: FilePath(output))
      try Output.facts([("pairs", JSONValue(pairs.count)), ("file", .string(output))], options)
    }
  }
}
