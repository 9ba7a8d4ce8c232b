import Basics
import Glibc

/// Results go to standard output, everything else to standard error.
enum Output {
  /// Writes a text to standard output.
  static func result(_ text: String) {
    write(text.hasSuffix("\n") ? text : text + "\n", to: stdout)
  }

  /// Writes one JSON value, in one line or indented, to standard output.
  static func result(_ value: JSONValue, pretty: Bool) throws {
    result(try value.serialized(pretty: pretty))
  }

  /// Writes a line to standard error unless the user asked for quiet.
  static func note(_ text: String, _ options: SharedOptions) {
    if !options.quiet { error(text) }
  }

  /// Writes a line to standard error.
  static func error(_ text: String) { write(text + "\n", to: stderr) }

  private static func write(_ text: String, to stream: UnsafeMutablePointer<FILE>?) {
    var text = text
    text.withUTF8 { bytes in
      _ = fwrite(bytes.baseAddress, 1, bytes.count, stream)
    }
    fflush(stream)
  }
}
