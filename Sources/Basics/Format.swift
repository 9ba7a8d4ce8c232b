import Glibc

/// Numbers as people read them; always with a point for decimals and a comma for thousands.
public enum Format {
  /// A duration: `0.8 ms`, `950 ms`, `12.3 s`, `3 min 05 s`, `2 h 03 min`, `4 d 02 h`.
  public static func duration(seconds: Double) -> String {
    guard seconds.isFinite else { return "unknown" }
    if seconds < 0 { return "-" + duration(seconds: -seconds) }
    if seconds < 0.00995 { return decimals(seconds * 1000, 1) + " ms" }
    if seconds < 0.9995 { return decimals(seconds * 1000, 0) + " ms" }
    if seconds < 59.95 { return decimals(seconds, 1) + " s" }
    guard seconds < 1e12 else { return "more than 30,000 years" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
    let minutes = Int((seconds / 60).rounded())
    if minutes < 24 * 60 { return "\(minutes / 60) h \(twoDigits(minutes % 60)) min" }
    let hours = Int((seconds / 3600).rounded())
    return "\(hours / 24) d \(twoDigits(hours % 24)) h"
  }

  /// A duration; see ``duration(seconds:)``.
  public static func duration(_ duration: Duration) -> String {
    self.duration(seconds: duration.inSeconds)
  }

  /// A size: `512 B`, `1.5 KiB`, `80 MiB`; three digits at most before the unit changes.
  public static func bytes(_ count: Int) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    if count < 0 { return "-" + bytes(count == .min ? .max : -count) }
    if count < 1024 { return "\(count) B" }
    var value = Double(count) / 1024
    var unit = 0
    while value >= 1023.5, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return decimals(value, value < 99.95 ? 1 : 0) + " " + units[unit]
  }

  /// A count with commas: `1,234,567`.
  public static func count(_ value: Int) -> String {
    let digits = Array(String(value.magnitude).utf8)
    var text: [UInt8] = value < 0 ? [UInt8(ascii: "-")] : []
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(UInt8(ascii: ",")) }
      text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A share as a percentage: `Format.percent(0.1234)` is `12.3 %`.
  ///
  /// - Parameters:
  ///   - share: 1 is everything.
  ///   - decimals: Digits behind the point.
  /// - Returns: The percentage, `n/a` if the share is not finite.
  public static func percent(_ share: Double, decimals: Int = 1) -> String {
    share.isFinite ? self.decimals(share * 100, decimals) + " %" : "n/a"
  }

  /// A number with fixed decimals: `Format.decimals(1.005, 3)` is `1.005`.
  ///
  /// - Parameters:
  ///   - value: The number; one that is not finite gives `nan`, `inf` or `-inf`.
  ///   - digits: Digits behind the point, 0 to 17.
  /// - Returns: The number rounded to nearest, without `-` for zero.
  public static func decimals(_ value: Double, _ digits: Int) -> String {
    precondition((0...17).contains(digits), "Format.decimals: \(digits) digits")
    guard value.isFinite else { return value.isNaN ? "nan" : value > 0 ? "inf" : "-inf" }
    var buffer = [CChar](repeating: 0, count: 340)
    let count = withVaList([Int32(digits), value]) {
      vsnprintf(&buffer, buffer.count, "%.*f", $0)
    }
    let text = String(
      decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let isZero = text.utf8.allSatisfy { [0x2D, 0x30, 0x2E].contains($0) }
    return isZero && text.utf8.first == 0x2D ? String(text.dropFirst()) : text
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

extension Duration {
  /// The duration in seconds.
  public var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
