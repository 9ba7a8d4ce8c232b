import Basics
import Glibc

/// Results go to standard output, everything else to standard error.
enum Output {
  /// Writes a text to standard output.
  static func result(_ text: String) {
    write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO)
  }

  /// Writes a piece of text to standard output, without ending the line.
  static func piece(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Writes one JSON value, in one line or indented, to standard output.
  static func result(_ value: JSONValue, pretty: Bool) throws {
    result(try value.serialized(pretty: pretty))
  }

  /// Writes JSON values: an array for `json`, one value a line for `jsonl`; one value alone for
  /// `json` stands without an array.
  static func results(_ values: [JSONValue], _ format: OutputFormat) throws {
    if format == .jsonl {
      for value in values { try result(value, pretty: false) }
    } else if values.count == 1, let value = values.first {
      try result(value, pretty: true)
    } else {
      try result(.array(values), pretty: true)
    }
  }

  /// Writes a table as wide as the terminal.
  static func table(_ table: TextTable, _ options: SharedOptions) {
    result(table.rendered(width: Terminal.columns(STDOUT_FILENO), style: options.style))
  }

  /// Writes a line to standard error unless the user asked for quiet.
  static func note(_ text: String, _ options: SharedOptions) {
    if !options.quiet { error(text) }
  }

  /// Writes a line to standard error.
  static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Writes everything; a reader that went away ends the program quietly.
  private static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count > 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        } else if errno != EINTR {
          return
        }
      }
    }
  }
}
