import Basics
import Evaluation

extension Workbench {
  /// Measures every retriever, writes the results and prints them.
  ///
  /// - Parameters:
  ///   - attack: what is measured.
  ///   - retrievers: names or folders.
  ///   - settings: for the tables.
  ///   - run: the run directory.
  /// - Throws: what measuring and writing throw.
  func perform(
    _ attack: AttackRun, retrievers: [String], settings: AttackSettings, run: RunDirectory
  ) throws {
    let progress = StageProgress(isQuiet: options.quiet)
    defer { progress.finish() }
    var results: [RetrieverResult] = []
    for name in retrievers {
      let embedder = try embedder(name)
      let index = try index(attack.bundle, embedder)
      results.append(
        try attack.measure(
          index: index, embedder: embedder,
          begin: { progress.begin($0, total: $1, unit: "texts") },
          advance: { progress.advance($0) }))
      progress.finish()
    }
    let value = try attack.finish(results)
    if options.format != .human { return try Output.results([.object(value)], options.format) }
    for result in results {
      for section in AttackTables(result, settings: settings).sections {
        Output.result(options.style.bold(section.title))
        Output.table(section.table, options)
        Output.result(section.note + "\n")
      }
    }
    Output.note("run directory: \(run.path.shown)", options)
  }
}
