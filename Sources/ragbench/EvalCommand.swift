import ArgumentParser

/// `ragbench eval`: how good a retriever or a generator is.
struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Measures retrieval quality, or perplexity.",
    discussion: """
      Without a subcommand retrieval is measured.

      Example: ragbench eval --corpus scifact
      Example: ragbench eval perplexity --corpus medqa --limit 100
      """,
    subcommands: [EvalRetrievalCommand.self, PerplexityOfTexts.self],
    defaultSubcommand: EvalRetrievalCommand.self)
}
