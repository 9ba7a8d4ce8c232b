import Basics
import Testing

@testable import Reports

/// Text from outside never becomes markup (FAULTS.md, rows 77 and 78).
@Suite struct MarkupTests {
  static let hostile = [
    "<script>alert(1)</script>", "\"\u{301} onload=alert(1) x=\"", "</style><script>",
    "javascript:alert(1)", "<!--", "{{constructor}}", "&lt;", "'\u{200D} onclick='", "`", "]]>",
    "<img src=x onerror=alert(1)>", "\u{202E}evil", "\u{0}", "\r\n<b>", "\u{2028}",
  ]

  @Test(arguments: hostile) func interpolatedTextIsEscapedByScalar(text: String) {
    let markup: Markup = "<p title=\"\(text)\">\(text)</p>"
    let scalars = Array(markup.text.unicodeScalars)
    // The only markup is the literal's own: two tags and two quotes.
    #expect(scalars.count { $0 == "<" } == 2)
    #expect(scalars.count { $0 == ">" } == 2)
    #expect(scalars.count { $0 == "\"" } == 2)
    #expect(!scalars.contains { $0 == "'" || $0 == "`" || $0.value == 0x202E || $0.value < 0x20 })
  }

  @Test func markupIsPutInAsItIs() {
    let inner: Markup = "<b>\("<")</b>"
    let outer: Markup = "<p>\(inner)\(3)\(1.5)\(2.0)</p>"
    #expect(outer.text == "<p><b>&lt;</b>31.502</p>" || outer.text == "<p><b>&lt;</b>31.502.00</p>")
    #expect(Markup.lines("a<\nb", limit: 10).text == "a&lt;\nb\n")
  }

  @Test func thePageAllowsItsStyleByChecksumAndNothingElse() throws {
    let page = Page(title: "</title><script>", body: "<p>\("x")</p>").html
    #expect(page.contains("default-src 'none'; style-src 'sha256-"))
    #expect(!page.contains("<script"))
    #expect(!page.contains("unsafe-inline"))
    #expect(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"))
  }

  @Test func tablesAreCutWithANote() {
    var table = HTMLTable(columns: [.init("a"), .init("n", number: true)])
    table.rows = (0..<700).map { ["<\($0)>", "\($0)"] }
    let text = table.markup.text
    #expect(text.contains("200 more rows"))
    #expect(text.contains("&lt;499&gt;") && !text.contains("&lt;500&gt;"))
    #expect(text.contains("<td class=\"n\">7</td>"))
    table.isStacked = true
    let stacked = table.markup.text
    #expect(stacked.contains("<table class=\"stacked\">"))
    #expect(stacked.contains("<td class=\"n\" data-label=\"n\">7</td>"))
  }

  @Test func otherFormatsEscapeToo() {
    #expect(MarkdownReport.plain("a|b<c>*d*") == "a\\|b\\<c\\>\\*d\\*")
    #expect(
      CSVReport.text([["h"], ["=1+1"], ["-2+3"], ["-2"], ["a\"\u{301}b"], ["x,y"]])
        == "h\n'=1+1\n'-2+3\n-2\n\"a\"\"\u{301}b\"\n\"x,y\"\n")
    #expect(CSVReport.text([["only a header"]]) == "")
  }
}
