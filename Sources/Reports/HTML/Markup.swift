import Basics

/// A piece of HTML or SVG in which text from outside cannot become markup.
///
/// In a literal the plain parts are markup and what is interpolated is text: it is escaped scalar by
/// scalar, with controls and bidirectional marks shown as `U+XXXX`, and cut with a mark where it is
/// longer than ``maximumText``. Only another ``Markup`` is put in as it is.
///
///     let row: Markup = "<td>\(document.title)</td>"
public struct Markup: Sendable, ExpressibleByStringInterpolation {
  /// Scalars of one interpolated text that are shown.
  public static let maximumText = 600

  /// The markup.
  public private(set) var text: String

  /// Markup as it is written in the source.
  public init(stringLiteral value: String) { text = value }

  /// Markup with escaped text in it.
  public init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  private init(text: String) { self.text = text }

  /// Text of several lines, escaped; it is cut with a mark after `limit` scalars.
  public static func lines(_ text: String, limit: Int) -> Markup {
    Markup(
      text: TextCut.marked(text, to: limit).unicodeScalars
        .split(separator: "\n", omittingEmptySubsequences: false)
        .map { HTMLText.escapedVisibly(String($0)) + "\n" }.joined())
  }

  /// Nothing.
  public static let empty: Markup = ""

  /// Appends markup.
  public static func += (left: inout Markup, right: Markup) { left.text += right.text }

  /// Both, one after the other.
  public static func + (left: Markup, right: Markup) -> Markup {
    Markup(text: left.text + right.text)
  }

  /// Collects the parts of a literal.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    /// Room for the whole.
    public init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    /// Markup from the source.
    public mutating func appendLiteral(_ literal: String) { text += literal }

    /// Text, escaped.
    public mutating func appendInterpolation(_ value: String) {
      text += HTMLText.escapedVisibly(TextCut.marked(value, to: Markup.maximumText))
    }

    /// A number.
    public mutating func appendInterpolation(_ value: Int) { text += String(value) }

    /// A coordinate, with at most two decimals.
    public mutating func appendInterpolation(_ value: Double) {
      text += Format.decimals(value, value == value.rounded() ? 0 : 2)
    }

    /// Markup, as it is.
    public mutating func appendInterpolation(_ value: Markup) { text += value.text }
  }
}

extension Sequence<Markup> {
  /// All parts, one after another.
  public func joined() -> Markup { reduce(into: Markup.empty) { $0 += $1 } }
}
