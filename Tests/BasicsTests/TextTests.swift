import SystemPackage
import TestSupport
import Testing

@testable import Basics

@Suite struct TextTests {
  /// FAULTS 23 and 80.
  @Test(arguments: [
    ("plain é 日 😀", "plain é 日 😀"), ("a\u{1B}]0;title\u{7}", "aU+001B]0;titleU+0007"),
    ("\u{1B}[31mred", "U+001B[31mred"), ("a\r\nb\t", "aU+000DU+000AbU+0009"),
    ("\u{202E}x\u{2066}", "U+202ExU+2066"), ("a\u{200B}\u{200D}\u{FEFF}", "aU+200BU+200DU+FEFF"),
    ("\u{E0041}\u{E0001}", "U+E0041U+E0001"), ("\u{9B}31m\u{85}\u{7F}", "U+009B31mU+0085U+007F"),
    ("\u{2028}\u{2029}\u{AD}", "U+2028U+2029U+00AD"), ("\u{E000}\u{10FFFF}", "U+E000U+10FFFF"),
    ("e\u{301}", "e\u{301}"), ("\u{E0100}\u{3164}", "U+E0100U+3164"), ("", ""),
  ])
  func terminalTextShowsWhatActs(text: String, shown: String) {
    #expect(utf8Equal(TerminalText.escaped(text), shown))
  }

  @Test func excerptSaysHowMuchThereIs() {
    #expect(TerminalText.excerpt("abc", limit: 3) == "abc")
    #expect(TerminalText.excerpt("abéd", limit: 3) == "abé… (5 bytes)")
    #expect(TerminalText.excerpt(String(repeating: "x", count: 1 << 20)).utf8.count < 110)
  }

  /// FAULTS 77: escaping is by scalar, so a combining mark hides nothing.
  @Test(arguments: [
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("\"\u{301} onload=", "&quot;\u{301} onload="), ("'`&", "&#39;&#96;&amp;"),
    ("<\u{301}b>\u{338}", "&lt;\u{301}b&gt;\u{338}"), ("</style><!--", "&lt;/style&gt;&lt;!--"),
    ("\0\u{1}\u{85}\t\r\n", "\u{FFFD}\u{FFFD}\u{FFFD}\t\r\n"), ("&amp;", "&amp;amp;"),
  ])
  func htmlIsEscapedByScalar(text: String, escaped: String) {
    #expect(utf8Equal(HTMLText.escaped(text), escaped))
  }

  @Test func widthCountsColumns() {
    let cases: [(String, Int)] = [
      ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("ｱ", 1), ("Ａ", 2), ("😀", 2),
      ("한", 2), ("\u{200B}", 0), ("─", 1),
    ]
    for (text, width) in cases { #expect(TextWidth.columns(text) == width, "\(text)") }
    #expect(TextWidth.truncated("日本語", to: 5) == "日本…")
    #expect(TextWidth.truncated("日本語", to: 4) == "日…" && TextWidth.truncated("ab", to: 2) == "ab")
  }

  @Test func tableAlignsAndEscapes() {
    var table = TextTable([.init("name"), .init("score", .right), .init("note")])
    table.append(["日本", "0.5", "x"])
    table.append(["e\u{301}\u{1B}[1m", "12.25", "a long note that goes on"])
    #expect(
      table.rendered() == """
        name        score  note
        ──────────  ─────  ────────────────────────
        日本          0.5  x
        e\u{301}U+001B[1m  12.25  a long note that goes on

        """)
    #expect(
      table.rendered(width: 30) == """
        name        score  note
        ──────────  ─────  ───────────
        日本          0.5  x
        e\u{301}U+001B[1m  12.25  a long not…

        """)
    for width in [1, 20] {
      let narrow = table.rendered(width: width)
      #expect(narrow.contains("12.25") && narrow.contains("a long …"))
    }
    #expect(table.rendered(style: TerminalStyle(isEnabled: true)).hasPrefix("\u{1B}[1mname"))
    #expect(TextTable([.init("a")]).rendered() == "a\n─\n")
  }

  /// FAULTS 83; no-color.org: the variable counts if it is not empty.
  @Test(
    arguments: [
      ("auto", true, [:], true), ("auto", false, [:], false),
      ("auto", true, ["NO_COLOR": "1"], false), ("auto", true, ["NO_COLOR": ""], true),
      ("auto", true, ["TERM": "dumb"], false), ("always", false, ["NO_COLOR": "1"], true),
      ("never", true, [:], false),
    ] as [(String, Bool, [String: String], Bool)])
  func colours(choice: String, isTerminal: Bool, environment: [String: String], on: Bool) throws {
    let style = TerminalStyle(
      try #require(TerminalStyle.Choice(rawValue: choice)), isTerminal: isTerminal,
      environment: environment)
    #expect(style.isEnabled == on)
    #expect(style.red("x") == (on ? "\u{1B}[31mx\u{1B}[0m" : "x"))
  }

  @Test func numbersAreReadable() {
    let durations: [(Double, String)] = [
      (0, "0.0 ms"), (0.0008, "0.8 ms"), (0.0099, "9.9 ms"), (0.00999, "10 ms"), (0.95, "950 ms"),
      (0.9999, "1.0 s"), (12.34, "12.3 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"),
      (185, "3 min 05 s"), (3599.7, "1 h 00 min"), (7380, "2 h 03 min"), (90_000, "1 d 01 h"),
      (-2, "-2.0 s"), (.nan, "unknown"), (.infinity, "unknown"), (1e300, "more than 30,000 years"),
    ]
    for (seconds, text) in durations { #expect(Format.duration(seconds: seconds) == text) }
    let sizes: [(Int, String)] = [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (83_506_384, "79.6 MiB"),
      (1_048_575, "1.0 MiB"), (.max, "8.0 EiB"), (-5, "-5 B"), (.min, "-8.0 EiB"),
    ]
    for (count, text) in sizes { #expect(Format.bytes(count) == text) }
    let counts: [(Int, String)] = [
      (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"),
      (.min, "-9,223,372,036,854,775,808"),
    ]
    for (count, text) in counts { #expect(Format.count(count) == text) }
    #expect(Format.decimals(-0.001, 2) == "0.00" && Format.decimals(2.675, 1) == "2.7")
    #expect(Format.decimals(1e308, 0).utf8.count == 309 && Format.decimals(.nan, 2) == "nan")
    #expect(Format.percent(0.1234) == "12.3 %" && Format.percent(.nan) == "n/a")
    #expect(Duration.milliseconds(1500).inSeconds == 1.5)
  }

  @Test func timesAreUTC() {
    let time = UTCTime(seconds: 1_795_474_061)  // date -u -d @1795474061
    #expect(time.iso8601 == "2026-11-23T22:47:41Z" && time.compact == "20261123T224741Z")
    #expect(UTCTime(seconds: 0).iso8601 == "1970-01-01T00:00:00Z")
    #expect(UTCTime(seconds: 951_782_400).iso8601 == "2000-02-29T00:00:00Z")
    let age = UTCTime.now().seconds - UTCTime.processStart().seconds
    #expect((0..<7200).contains(age))
  }

  @Test func progressFitsItsWidth() {
    func line(_ done: Int, _ total: Int?, _ width: Int) -> String {
      ProgressBar.line(
        label: "Embedding", done: done, total: total, unit: "texts", elapsed: 3, width: width)
    }
    #expect(
      line(1200, 3000, 70)
        == "Embedding  ████████░░░░░░░░░░░░░  1,200/3,000 texts  400/s  4.5 s left")
    #expect(line(1200, nil, 70) == "Embedding  1,200 texts  400/s")
    #expect(line(0, 10, 60).contains("unknown left"))
    for width in [1, 10, 20, 40, 60, 100] {
      for total in [nil, 0, 5, 3000] as [Int?] {
        #expect(TextWidth.columns(line(1200, total, width)) <= width)
      }
    }
    // Under a test runner standard error may be a terminal; quiet wins.
    #expect(!ProgressBar("x", total: 1, isQuiet: true).isVisible)
  }

  @Test func nearestNames() {
    let names = ["concatenation", "contrastive", "medqa", "pubmedqa", "scifact"]
    let cases: [(String, String?)] = [
      ("medqa", "medqa"), ("MedQA", "medqa"), ("medaq", "medqa"), ("scifcat", "scifact"),
      ("concatention", "concatenation"), ("zzzzz", nil), ("", nil),
      (String(repeating: "x", count: 1_000_000), nil),
    ]
    for (name, nearest) in cases {
      #expect(NearestName.suggestion(for: name, in: names) == nearest, "\(name.prefix(20))")
    }
    #expect(NearestName.hint(for: "medqaa", in: names) == "; did you mean 'medqa'?")
    #expect(NearestName.hint(for: "qqqqqqq", in: names) == "")
    #expect(NearestName.editDistance("kitten", "sitting") == 3)
    #expect(NearestName.editDistance("ab", "ba") == 1 && NearestName.editDistance("", "abc") == 3)
  }

  @Test func placesPrintWhatIsKnown() {
    let cases: [(Place, String)] = [
      (Place(), ""), (Place(file: "f", line: 3, column: 4), "f:3:4"), (Place(line: 3), "line 3"),
      (Place(file: "f", byteOffset: 12, record: "d1"), "f, byte 12, record 'd1'"),
      (Place(file: "f\u{1B}", line: 1), "fU+001B:1"),
    ]
    for (place, text) in cases { #expect(place.description == text) }
    #expect(InputError("wrong").description == "wrong")
  }
}
