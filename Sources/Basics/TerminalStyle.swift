import Glibc

/// Colours and emphasis for a terminal, or none.
public struct TerminalStyle: Sendable, Equatable {
  /// The value of `--color`.
  public enum Choice: String, Sendable, CaseIterable {
    /// Colours if the output is a terminal and `NO_COLOR` is not set.
    case auto
    /// Colours.
    case always
    /// No colours.
    case never
  }

  /// Whether anything is added to the text.
  public let isEnabled: Bool

  /// A style that adds something or nothing.
  public init(isEnabled: Bool) { self.isEnabled = isEnabled }

  /// The style for an output.
  ///
  /// - Parameters:
  ///   - choice: The value of `--color`; `always` and `never` win over the environment.
  ///   - isTerminal: Whether the output is a terminal.
  ///   - environment: `NO_COLOR`, if not empty, and `TERM=dumb` turn colours off.
  public init(_ choice: Choice, isTerminal: Bool, environment: [String: String]) {
    let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    isEnabled = choice == .always || (choice == .auto && isTerminal && !isRefused)
  }

  /// The text in bold.
  public func bold(_ text: String) -> String { wrap(text, "1") }
  /// The text in a weaker colour.
  public func dim(_ text: String) -> String { wrap(text, "2") }
  /// The text in red.
  public func red(_ text: String) -> String { wrap(text, "31") }
  /// The text in green.
  public func green(_ text: String) -> String { wrap(text, "32") }
  /// The text in yellow.
  public func yellow(_ text: String) -> String { wrap(text, "33") }

  private func wrap(_ text: String, _ code: String) -> String {
    isEnabled ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// What a descriptor of this process is connected to.
public enum Terminal {
  /// Whether a descriptor, 1 for standard output, is a terminal.
  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// The columns of the terminal behind a descriptor, `nil` if it is none.
  public static func columns(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard isatty(descriptor) == 1, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0,
      size.ws_col > 0
    else { return nil }
    return Int(size.ws_col)
  }
}
