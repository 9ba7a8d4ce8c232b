public import Basics
import Defenses
import Statistics

/// arXiv 2409.17275: universal poisoning of medical retrieval, and the detector that knows the
/// distribution; its claims in the form that the installed encoders allow.
///
/// - SeeAlso: rag-poisoning specification, section 8 (R1 to R10) and section 7 (what the paper lacks).
public struct RagPoisoning {
  /// The paper in a line.
  public static let paper = "arXiv 2409.17275"
  /// The questions that encoders read whole, and those they read least of.
  private static let pairs = [(long: "medqa", short: "medmcqa"), (long: "exam", short: "research")]
  private static let document = "mahalanobis/direction=upper/feature=document"

  private let plan: SweepPlan
  private let figures: GridFigures
  private let k: Int

  /// Reads a finished grid.
  ///
  /// - Parameters:
  ///   - plan: What was run: see ``plan(corpora:retrievers:querySets:payloads:questions:seed:)``.
  ///   - results: Its results.
  public init(_ plan: SweepPlan, results: JSONObject) {
    self.plan = plan
    figures = GridFigures(results)
    k = plan.ks.first ?? 2
  }

  /// The grid that the checks need.
  ///
  /// - Parameters:
  ///   - corpora: Names of corpora.
  ///   - retrievers: Names of retrievers.
  ///   - querySets: Their query sets.
  ///   - payloads: Their payload kinds.
  ///   - questions: Questions drawn from each set; nil takes all.
  ///   - seed: Decides everything random.
  /// - Returns: The plan.
  public static func plan(
    corpora: [String], retrievers: [String], querySets: [String], payloads: [String],
    questions: Int?, seed: UInt64
  ) -> SweepPlan {
    func attack(_ name: String, _ parameters: JSONObject = [:]) -> SweepPlan.Variant.Choice {
      .init(name: name, method: "concatenation", parameters: parameters)
    }
    let verbatim = attack("verbatim")
    let paraphrase = attack("paraphrase", ["paraphrase": "rules"])
    let padded = attack("padded", ["padding": "clean-passage", "padding_tokens": 64])
    return SweepPlan(
      name: "reproduce-rag-poisoning", title: "What arXiv 2409.17275 claims, measured here",
      corpora: corpora, retrievers: retrievers, querySets: querySets,
      variants: [
        .init(name: "verbatim", choices: [verbatim]),
        .init(name: "paraphrase", choices: [paraphrase]),
        .init(name: "adaptive", choices: [verbatim, paraphrase, padded], wordings: 2),
      ],
      seeds: [seed], payloads: payloads, ks: [2, 5, 10], modes: [.solo], questions: questions,
      passages: nil,
      detectors: [
        .init("mahalanobis"),
        .init(
          "mahalanobis",
          DetectorParameters(["feature": "document", "direction": "upper"])),
        .init("combined"), .init("similarity"), .init("verbatim-overlap"), .init("document-norm"),
      ],
      falsePositiveRates: [0.01, 0.05], transfers: [.querySet], contamination: [0.1, 1])
  }

  /// All rows.
  ///
  /// - Parameter isDeterministic: Whether a second run on another number of threads gave the same
  ///   bytes; nil if it was not tried.
  /// - Returns: The claims with their verdicts.
  /// - Throws: `StatisticsError` if a figure cannot be computed.
  public func reproduction(isDeterministic: Bool?) throws -> Reproduction {
    var rows = try publishedCells
    for retriever in plan.retrievers {
      rows += try shortQuestions(retriever)
      rows += [deviationAngle(retriever), cleanAngle(retriever), try paraphrased(retriever)]
      rows += [norm(retriever)]
      rows += try ranking(retriever)
    }
    rows.append(determinism(isDeterministic))
    for retriever in plan.retrievers { rows += try beyond(retriever) }
    rows += try comparisons
    return Reproduction(paper: Self.paper, rows: rows)
  }

  private func retriever(of family: String) -> String? {
    plan.retrievers.first { $0.lowercased().hasPrefix(family) }
  }

  /// R1, R2 and R4: the cells that are known of the paper's tables.
  private var publishedCells: [Reproduction.Row] {
    get throws {
      try [
        ("R1", "contriever", "Contriever", "medqa", 0.97, "1.0"),
        ("R2", "medcpt", "MedCPT", "medqa", 0.95, "0.98 to 0.99"),
        ("R4", "medcpt", "MedCPT", "pubmedqa", 0.94, "0.97 to 0.99"),
      ].map { id, family, name, set, least, paper in
        let claim = "\(name), textbooks, \(set): success@2"
        let expected = "\(paper) (at least \(least))"
        guard let retriever = retriever(of: family) else {
          return Reproduction.Row(
            id: id, claim: claim, paper: expected, ours: try other(set),
            verdict: .notTestable,
            note: "\(name) is not installed; the figures are of other encoders and not comparable")
        }
        let share = try figures.success(
          ["corpus": "textbooks", "retriever": retriever, "set": set, "attack": "verbatim"], k: 2)
        guard let rate = share.rate.value else {
          return Reproduction.Row(
            id: id, claim: claim, paper: expected, ours: "n/a", verdict: .notTestable,
            note: "the grid has no such cell")
        }
        return Reproduction.Row(
          id: id, claim: claim, paper: expected, ours: share.shown,
          verdict: rate >= least ? .holds : .doesNotHold,
          note: "open textbooks of another size than the paper's")
      }
    }
  }

  /// The same cell of the encoders that are here.
  private func other(_ set: String) throws -> String {
    let shown = try plan.retrievers.compactMap { retriever -> String? in
      let share = try figures.success(
        ["retriever": retriever, "set": set, "attack": "verbatim"], k: 2)
      return share.trials > 0 ? "\(retriever): \(share.shown)" : nil
    }
    return shown.isEmpty ? "n/a" : shown.joined(separator: "; ")
  }

  /// R3: short questions are diluted most.
  private func shortQuestions(_ retriever: String) throws -> [Reproduction.Row] {
    try Self.pairs.filter { pair in
      plan.querySets.contains(pair.long) && plan.querySets.contains(pair.short)
    }.map { pair in
      let long = try figures.success(
        ["retriever": retriever, "set": pair.long, "attack": "verbatim"], k: k)
      let short = try figures.success(
        ["retriever": retriever, "set": pair.short, "attack": "verbatim"], k: k)
      let isBelow =
        (try short.interval().value?.upper ?? 1) < (try long.interval().value?.lower ?? 0)
      return Reproduction.Row(
        id: "R3", subject: retriever,
        claim: "short questions (\(pair.short)) resist more than vignettes",
        paper: "0.63 to 0.68 against 1.0 (Contriever)",
        ours: "\(short.shown) against \(long.shown)", verdict: isBelow ? .holds : .doesNotHold,
        note: "holds if the 95 % intervals do not meet")
    }
  }

  /// R5: the deviation is nearly orthogonal to the question.
  private func deviationAngle(_ retriever: String) -> Reproduction.Row {
    let place = ["retriever": retriever, "attack": "verbatim"]
    let claim = "angle of f(q) and v = f(q⊕t) − f(q)"
    let paper = "92.5° to 99.1° (Contriever); 85° to 105° expected"
    guard let angle = figures.geometry("angle", place),
      let shift = figures.geometry("shift", place)
    else {
      return .init(
        id: "R5", subject: retriever, claim: claim, paper: paper, ours: "n/a",
        verdict: .notTestable, note: "no cell")
    }
    let growth = figures.geometry("normGrowth", place)?.mean ?? 0
    return .init(
      id: "R5", subject: retriever, claim: claim, paper: paper,
      ours: "\(Self.degrees(angle)); f(q)·v = \(Format.decimals(shift.mean, 3))",
      verdict: (85...105).contains(angle.mean) ? .holds : .doesNotHold,
      note: abs(growth - 1) < 1e-4
        ? "on the unit sphere the angle is 90° plus half of that between f(q) and f(q⊕t)"
        : "f(q⊕t) is shorter or longer than f(q) by a factor of \(Format.decimals(growth, 2))")
  }

  private static func degrees(_ moment: GridFigures.Moment) -> String {
    "\(Format.decimals(moment.mean, 1))° ± \(Format.decimals(moment.margin, 1))°"
  }

  /// R6: clean passages are far away.
  private func cleanAngle(_ retriever: String) -> Reproduction.Row {
    let claim = "angle of a question and its first clean passages"
    guard
      let angle = figures.geometry(
        "cleanAngle", ["retriever": retriever, "attack": "verbatim"])
    else {
      return .init(
        id: "R6", subject: retriever, claim: claim, paper: "about 70°", ours: "n/a",
        verdict: .notTestable,
        note: "no cell")
    }
    return .init(
      id: "R6", subject: retriever, claim: claim, paper: "about 70° (60° to 80°)",
      ours: Self.degrees(angle),
      verdict: (60...80).contains(angle.mean) ? .holds : .doesNotHold,
      note: "mean over the first \(k)")
  }

  /// R7: knowing what is asked, not the words.
  private func paraphrased(_ retriever: String) throws -> Reproduction.Row {
    let verbatim = try figures.success(["retriever": retriever, "attack": "verbatim"], k: k)
    let paraphrase = try figures.success(["retriever": retriever, "attack": "paraphrase"], k: k)
    let interval = try paraphrase.interval().value
    let isBelow = (interval?.upper ?? 1) < (try verbatim.interval().value?.lower ?? 0)
    return .init(
      id: "R7", subject: retriever, claim: "paraphrased questions still work, less well",
      paper: "about 0.8 (GPT-4); above 0.6",
      ours: "\(paraphrase.shown) against \(verbatim.shown)",
      verdict: isBelow && (interval?.lower ?? 0) > 0.6 ? .holds : .doesNotHold,
      note: "paraphrased by rules: words, order, form")
  }

  /// R8: the norm filter fails where the Mahalanobis distance works.
  private func norm(_ retriever: String) -> Reproduction.Row {
    let place = ["retriever": retriever, "attack": "verbatim"]
    let claim = "AUROC of the norm filter far below that of the Mahalanobis distance"
    let paper = "the norm is ineffective"
    let growth = figures.geometry("normGrowth", place)
    if let growth, abs(growth.mean - 1) < 1e-4, growth.margin < 1e-4 {
      return .init(
        id: "R8", subject: retriever, claim: claim, paper: paper, ours: "all norms are 1",
        verdict: .notTestable,
        note: "a unit-norm encoder has no norm to filter on")
    }
    let norms = figures.fits(place, detector: "document-norm").flatMap {
      $0.areas("reached", "hard")
    }
    let distances = figures.fits(place, detector: "mahalanobis").flatMap {
      $0.areas("reached", "hard")
    }
    guard let norm = Self.median(norms), let distance = Self.median(distances) else {
      return .init(
        id: "R8", subject: retriever, claim: claim, paper: paper, ours: "n/a",
        verdict: .notTestable, note: "no cell")
    }
    // A filter for short vectors is as easy to build as one for long ones.
    let better = max(norm, 1 - norm)
    return .init(
      id: "R8", subject: retriever, claim: claim, paper: paper,
      ours: "medians \(Format.decimals(norm, 3)) and \(Format.decimals(distance, 3))"
        + " over \(norms.count) cells",
      verdict: better < distance - 0.2 ? .holds : .doesNotHold,
      note: "holds if the medians are 0.2 apart; below 0.5 a filter for short vectors reaches"
        + " \(Format.decimals(1 - norm, 3)), and the better direction counts")
  }

  private static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// R9: near-perfect detection at a rate that holds.
  private func ranking(_ retriever: String) throws -> [Reproduction.Row] {
    let place = ["retriever": retriever, "attack": "verbatim"]
    var rows: [Reproduction.Row] = []
    for (detector, name) in [
      ("mahalanobis", "Mahalanobis, direction by calibration"),
      (Self.document, "Mahalanobis, documents, upper tail"),
    ] {
      let areas = figures.fits(place, detector: detector).flatMap { $0.areas("reached", "easy") }
      let good = areas.count { $0 >= 0.95 }
      rows.append(
        .init(
          id: "R9", subject: retriever,
          claim: "\(name): AUROC of 0.95 on random passages in most cells",
          paper: "near-perfect in nearly all cells",
          ours: areas.isEmpty
            ? "n/a"
            : "\(good) of \(areas.count) cells, median"
              + " \(Format.decimals(Self.median(areas) ?? 0, 3))",
          verdict: areas.isEmpty ? .notTestable : 2 * good > areas.count ? .holds : .doesNotHold,
          note: "poison that reached the user against random passages"))
    }
    let calibrated = figures.fits(place).compactMap(\.isCalibrated)
    let within = calibrated.count { $0 }
    rows.append(
      .init(
        id: "R9", subject: retriever,
        claim: "flagged clean questions lie where calibration promises",
        paper: "not given; 0.9 of the cells expected",
        ours: calibrated.isEmpty ? "n/a" : "\(within) of \(calibrated.count) fits",
        verdict: calibrated.isEmpty
          ? .notTestable
          : Double(within) >= 0.9 * Double(calibrated.count) ? .holds : .doesNotHold,
        note: "95 % beta-binomial interval, a nominal 5 % of questions, all detectors"))
    return rows
  }

  /// R10: the same seed gives the same figures.
  private func determinism(_ isDeterministic: Bool?) -> Reproduction.Row {
    .init(
      id: "R10", claim: "same seed, another number of threads, no cache: the same bytes",
      paper: "expected", ours: isDeterministic.map { $0 ? "the same" : "different" } ?? "not tried",
      verdict: isDeterministic.map { $0 ? .holds : .doesNotHold } ?? .notTestable,
      note: "the first query set under all payload kinds, on one thread")
  }

  /// What the paper does not measure.
  private func beyond(_ retriever: String) throws -> [Reproduction.Row] {
    let place = ["retriever": retriever, "attack": "verbatim"]
    func row(_ id: String, _ claim: String, _ ours: String, _ note: String) -> Reproduction.Row {
      .init(
        id: id, subject: retriever, claim: claim, paper: "not measured", ours: ours,
        verdict: .notInPaper, note: note)
    }
    func found(_ fits: [FitFigures]) throws -> String {
      let all = fits.flatMap(\.found)
      return try Proportion(
        successes: all.reduce(0) { $0 + $1.found }, trials: all.reduce(0) { $0 + $1.of }
      ).shown
    }
    func flagged(_ fits: [FitFigures]) -> String {
      let rates = fits.compactMap(\.falselyFlagged)
      guard !rates.isEmpty else { return "n/a" }
      return Format.decimals(100 * rates.reduce(0, +) / Double(rates.count), 1) + " %"
    }
    func evading(_ attack: String, _ detector: String) throws -> String {
      let all = figures.fits(["retriever": retriever, "attack": attack], detector: detector)
        .flatMap(\.evading)
      return try Proportion(
        successes: all.reduce(0) { $0 + $1.evading }, trials: all.reduce(0) { $0 + $1.of }
      ).shown
    }
    var rows = try ["verbatim-overlap", "similarity", "mahalanobis", "combined"].map {
      detector in
      let fits = figures.fits(place, detector: detector)
      return row(
        "L1", "poison flagged by \(detector)",
        "\(try found(fits)), clean \(flagged(fits))",
        "the bar to beat is the overlap, which paraphrase lowers")
    }
    for detector in ["combined", "mahalanobis"] {
      rows.append(
        row(
          "L2", "\(detector) carried to other question sets",
          "\(try found(figures.fits(place, in: "transfer", detector: detector))), clean"
            + " \(flagged(figures.fits(place, in: "transfer", detector: detector)))",
          "fitted on one set, tested on the others of the corpus"))
      for share in plan.contamination {
        let fits = figures.fits(place, in: "contamination", detector: detector) {
          $0["share"]?.doubleValue == share
        }
        rows.append(
          row(
            "L3",
            "\(detector) fitted where \(Format.decimals(100 * share, 0)) % of the questions were"
              + " attacked", "\(try found(fits)), clean \(flagged(fits))",
            "one of ten passages of such a question is poison"))
      }
    }
    for detector in ["verbatim-overlap", "similarity", "mahalanobis", "combined"] {
      rows.append(
        row(
          "L4", "evading \(detector), moving second",
          "\(try evading("adaptive", detector)) against \(try evading("verbatim", detector))",
          "wording, paraphrase or padding of least score; without gradients"))
    }
    return rows
  }

  /// L5: the same vectors compared in another way, where the grid has a retriever in several.
  private var comparisons: [Reproduction.Row] {
    get throws {
      func base(_ name: String) -> String {
        name.utf8.lastIndex(of: UInt8(ascii: "@")).map { String(name[..<$0]) } ?? name
      }
      var seen: [String] = []
      for name in plan.retrievers.map(base) where !seen.contains(name) { seen.append(name) }
      return try seen.compactMap { name in
        let variants = plan.retrievers.filter { base($0) == name }
        guard variants.count > 1 else { return nil }
        let shown = try variants.map { variant in
          let share = try figures.success(
            ["retriever": variant, "attack": "verbatim"], k: k)
          return "\(variant.dropFirst(name.count)): \(share.shown)"
        }
        return Reproduction.Row(
          id: "L5", subject: name, claim: "success@\(k) by the way vectors are compared",
          paper: "not measured", ours: shown.joined(separator: "; "), verdict: .notInPaper,
          note: "@inner-product rewards length, @l2 punishes it, @cosine ignores it")
      }
    }
  }
}
