import Glibc
import SystemPackage

/// A moment in UTC to the second.
public struct UTCTime: Sendable, Equatable {
  /// Seconds since 1970.
  public let seconds: Int

  /// A moment.
  public init(seconds: Int) { self.seconds = seconds }

  /// The present.
  public static func now() -> UTCTime { UTCTime(seconds: time(nil)) }

  /// When this process was started, from `/proc`; the present if that cannot be read.
  static func processStart() -> UTCTime {
    // Field 22 of stat counts clock ticks since boot; field 2 may hold spaces and parentheses.
    guard let own = try? FileBytes.readUnsized("/proc/self/stat"),
      let boot = try? FileBytes.readUnsized("/proc/stat")
    else { return now() }
    let fields = own[own.index(after: own.lastIndex(of: UInt8(ascii: ")")) ?? 0)...]
      .split(separator: 0x20)
    let bootLine = boot.split(separator: 0x0A).first { $0.starts(with: "btime ".utf8) }
    guard fields.count > 19, let ticks = Int(String(decoding: fields[19], as: UTF8.self)),
      let bootSeconds = bootLine.flatMap({ Int(String(decoding: $0.dropFirst(6), as: UTF8.self)) })
    else { return now() }
    return UTCTime(seconds: bootSeconds + ticks / max(1, sysconf(Int32(_SC_CLK_TCK))))
  }

  /// `2026-11-23T22:46:01Z`.
  public var iso8601: String {
    let t = parts
    return "\(pad(t.year, 4))-\(pad(t.month))-\(pad(t.day))T"
      + "\(pad(t.hour)):\(pad(t.minute)):\(pad(t.second))Z"
  }

  /// `20261123T224601Z`, for file names.
  public var compact: String {
    let t = parts
    return "\(pad(t.year, 4))\(pad(t.month))\(pad(t.day))T"
      + "\(pad(t.hour))\(pad(t.minute))\(pad(t.second))Z"
  }

  private var parts: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
    var clock = time_t(seconds)
    var broken = tm()
    gmtime_r(&clock, &broken)
    return (
      Int(broken.tm_year) + 1900, Int(broken.tm_mon) + 1, Int(broken.tm_mday),
      Int(broken.tm_hour), Int(broken.tm_min), Int(broken.tm_sec)
    )
  }

  private func pad(_ value: Int, _ digits: Int = 2) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
