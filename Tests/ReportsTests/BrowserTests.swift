import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Reports

/// Reports in a real browser: they fit, they are quiet, and a hostile corpus runs nothing
/// (FAULTS.md, rows 77 to 79).
@Suite(.serialized) struct BrowserTests {
  /// Where pictures are kept for a person to look at, if `RAGBENCH_TEST_PICTURES` says so.
  private func picture(_ name: String) -> FilePath? {
    ProcessInfo.processInfo.environment["RAGBENCH_TEST_PICTURES"].map {
      FilePath($0).appending(name + ".png")
    }
  }

  private static let runs: [(name: String, run: RunFixture)] = [
    ("grid", RunFixture()),
    (
      "one-axis",
      RunFixture(corpora: ["medqa"], retrievers: ["all-MiniLM-L6-v2"], payloads: ["pii", "web"])
    ),
    (
      "lengths",
      RunFixture(
        corpora: ["medqa"], retrievers: ["all-MiniLM-L6-v2"], payloads: ["pii", "web"],
        lengths: [8, 16, 32, 64, 128])
    ),
    (
      "many-columns",
      RunFixture(
        corpora: ["medqa"], payloads: (0..<30).map { "a-payload-with-a-long-name-\($0)" })
    ),
  ]

  @Test func reportsFitAPhoneAndADeskAndAreQuiet() throws {
    guard let browser = try Browser() else { return }
    let directory = try TemporaryDirectory()
    for (name, run) in Self.runs {
      let page = try directory.write(
        "\(name).html", text: HTMLReport(run.data(directory, name)).html)
      for width in [360, 1100] {
        for isDark in [false, true] {
          let visit = try browser.visit(
            page, width: width, isDark: isDark,
            picture: picture("\(name)-\(width)-\(isDark ? "dark" : "light")"))
          #expect(visit.overflow == 0, "\(name), \(width): \(visit.overflowing)")
          #expect(visit.overflowing.isEmpty, "\(name), \(width): \(visit.overflowing)")
          #expect(visit.console.isEmpty, "\(visit.console)")
          #expect(visit.requests == ["file://" + page.string])
          #expect(visit.title == "ragbench: A grid")
          #expect(visit.active.isEmpty, "\(visit.active)")
        }
      }
    }
  }

  private static let canary = "http://127.0.0.1:9/canary"

  /// Each would run, load or take over something if it became markup.
  private static let hostile = [
    "<script>document.title='hijacked'</script>",
    "\"\u{301} onload=document.title='hijacked' x=\"", "</style><script src=\(canary)></script>",
    "</title><script>document.title='hijacked'</script>", "<img src=\(canary) onerror=alert(1)>",
    "</pre></details></table><svg onload=document.title='hijacked'>",
    "<svg><animate onbegin=document.title='hijacked' attributeName=x dur=1s>",
    "<a href=\"javascript:document.title='hijacked'\">x</a>",
    "<meta http-equiv=refresh content='0;url=\(canary)'>", "<base href=\(canary)>",
    "<link rel=stylesheet href=\(canary)>", "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<form action=\(canary)><button autofocus onfocus=alert(1)>", "{{constructor}}${alert(1)}",
    "<!--", "]]><![CDATA[", "\u{202E}lived eht", "a\u{0}b\u{1B}[31m", "\r\n\r\n<b>", "\u{2028}<i>",
    "=HYPERLINK(\"\(canary)\")", "@import url(\(canary))",
  ]

  private var hostileRun: RunFixture {
    let hostile = Self.hostile
    return RunFixture(
      title: hostile[3] + hostile[0], corpora: Array(hostile[0..<3]),
      retrievers: [hostile[4], hostile[7]], sets: [hostile[5], hostile[6], hostile[14]],
      payloads: Array(hostile[8...]),
      detectors: hostile.map { ($0, ["choice": .string($0)]) },
      question: hostile.joined(), text: hostile.joined(separator: "\n"))
  }

  @Test func aHostileCorpusRunsNothing() throws {
    let directory = try TemporaryDirectory()
    let data = try hostileRun.data(directory)
    let html = HTMLReport(data).html
    #expect(html.utf8.count <= HTMLReport.maximumBytes, "\(html.utf8.count)")
    guard let browser = try Browser() else { return }
    let page = try directory.write("hostile.html", text: html)
    let visit = try browser.visit(page, width: 360, picture: picture("hostile"))
    #expect(visit.title.hasPrefix("ragbench: </title><script>"), "\(visit.title.prefix(80))")
    #expect(visit.requests == ["file://" + page.string])
    #expect(visit.dialogs.isEmpty && visit.console.isEmpty, "\(visit.console)")
    #expect(visit.active.isEmpty, "\(visit.active)")
    #expect(visit.overflow == 0, "\(visit.overflowing)")
  }

  /// The other formats of the same run: no formula for a spreadsheet, no markup for a Markdown viewer,
  /// no command for LaTeX.
  @Test func theOtherFormatsHoldNoCommands() throws {
    let directory = try TemporaryDirectory()
    let data = try hostileRun.data(directory)
    for (name, text) in CSVReport(data).files {
      var reader = try CSVReader(directory.write(name, text: text))
      while let record = try reader.next() {
        for field in record.fields where Double(field) == nil {
          let first = field.unicodeScalars.first
          #expect(first.map { !"=+-@\t\r".unicodeScalars.contains($0) } ?? true, "\(field)")
        }
      }
    }
    let markdown = Array(MarkdownReport(data).text.unicodeScalars)
    for (previous, scalar) in zip(markdown, markdown.dropFirst())
    where scalar == "<" || scalar == "[" {
      #expect(previous == "\\")
    }
    let latex = LaTeXReport(data).text
    #expect(!latex.contains("\\input") && !latex.contains("\u{0}") && !latex.contains("${"))
  }

  /// Without escaping, the policy of the page alone still holds; without both, the test above would
  /// have seen it.
  @Test func theTestCanFail() throws {
    guard let browser = try Browser() else { return }
    let directory = try TemporaryDirectory()
    let raw = Self.hostile.prefix(8).joined(separator: "\n")
    let open = try directory.write(
      "open.html", text: "<!doctype html><meta charset=utf-8><title>t</title>" + raw)
    let taken = try browser.visit(open, width: 360)
    #expect(taken.title == "hijacked")
    #expect(taken.requests.contains(Self.canary))
    #expect(!taken.active.isEmpty && !taken.dialogs.isEmpty && !taken.console.isEmpty)

    let text = Page(title: "t", body: "MARK").html.replacing("MARK", with: raw)
    let guarded = try directory.write("guarded.html", text: text)
    let held = try browser.visit(guarded, width: 360)
    #expect(held.title == "t")
    #expect(!held.active.isEmpty && held.dialogs.isEmpty)
    #expect(!held.console.isEmpty, "the policy says what it refused")

    let wide = try directory.write(
      "wide.html", text: "<!doctype html><title>t</title><pre>\(String(repeating: "w", count: 200))"
    )
    #expect(try browser.visit(wide, width: 360).overflow > 0)
  }

  /// A megabyte as the name of everything, in markup of its own.
  private var megabytes: RunFixture {
    let name = String(repeating: "<script>alert(1)</script>", count: 40_000)
    let word = String(repeating: "m", count: 1 << 20)
    return RunFixture(
      title: name, corpora: [word, name], retrievers: [name], sets: ["q"], payloads: [name],
      detectors: [(name, [:]), (word, [:])], question: name, text: word)
  }

  @Test func namesOfAMegabyteAreCutWithAMark() throws {
    let directory = try TemporaryDirectory()
    let html = HTMLReport(try megabytes.data(directory)).html
    #expect(html.utf8.count <= 200_000, "\(html.utf8.count)")
    #expect(html.contains("… (cut: 1,000,000 characters, the whole is in the run directory)"))
    guard let browser = try Browser() else { return }
    let page = try directory.write("page.html", text: html)
    let visit = try browser.visit(page, width: 360)
    #expect(visit.overflow == 0 && visit.active.isEmpty, "\(visit.overflowing) \(visit.active)")
  }

  @Test func aSectionThatIsTooLongIsLeftOutAndSaysSo() throws {
    let directory = try TemporaryDirectory()
    var report = HTMLReport(try RunFixture().data(directory))
    let whole = report.html.utf8.count
    #expect(whole < HTMLReport.maximumBytes)
    report.limit = whole - 1000
    let cut = report.html
    #expect(cut.utf8.count <= report.limit, "\(cut.utf8.count)")
    let (left, end) = ("Left out: this section has", "Where the figures come from")
    #expect(cut.contains(left) && cut.contains(end))
  }
}
