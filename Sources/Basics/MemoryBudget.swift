import Glibc
import SystemPackage

/// How much more memory this process can have: asked before it is taken, because Swift ends a
/// process whose allocation fails.
public enum MemoryBudget {
  /// Bytes that can still be had.
  ///
  /// - Returns: The least of what `RLIMIT_AS` leaves beside the heaps of threads, what the machine has available with its swap,
  ///   and what the control group leaves; `Int.max` if nothing is known.
  public static func available() -> Int {
    var least = Int.max
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur < rlim_t(Int.max), let used = pages(field: 0)
    {
      least = min(least, Int(limit.rlim_cur) - used - Self.reserve)
    }
    if let free = machineBytes() { least = min(least, free) }
    if let group = groupBytes(), let used = pages(field: 1) { least = min(least, group - used) }
    return max(0, least)
  }

  /// Addresses without which not even small work can be done: libraries, threads and their heaps.
  public static let leastAddressSpace = 512 << 20

  /// Refuses to start under a limit on addresses (`ulimit -v`) that is too low for any work.
  ///
  /// - Throws: ``MemoryShortage``.
  public static func checkAddressSpace() throws {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur < rlim_t(leastAddressSpace)
    else { return }
    throw MemoryShortage(
      purpose: "ragbench", needed: leastAddressSpace, available: Int(limit.rlim_cur))
  }

  /// Refuses work that needs more memory than can be had.
  ///
  /// - Parameters:
  ///   - bytes: What the work needs at the same time, 0 or more.
  ///   - purpose: What needs it, as the subject of the sentence.
  /// - Throws: ``MemoryShortage``.
  public static func require(_ bytes: Int, for purpose: String) throws {
    // Small work is not worth reading three files for.
    guard bytes > 4 << 20 else { return }
    let available = available()
    guard bytes <= available else {
      throw MemoryShortage(purpose: purpose, needed: bytes, available: available)
    }
  }

  /// Addresses that threads take for themselves: glibc reserves 128 MiB for a thread's heap.
  private static let reserve = 192 << 20

  /// Total or resident size of this process in bytes, by the field of `/proc/self/statm`.
  private static func pages(field: Int) -> Int? {
    guard let bytes = try? FileBytes.readUnsized("/proc/self/statm") else { return nil }
    let fields = bytes.split(separator: UInt8(ascii: " "))
    guard fields.count > field, let count = Int(String(decoding: fields[field], as: UTF8.self))
    else { return nil }
    return count * sysconf(Int32(_SC_PAGESIZE))
  }

  private static func machineBytes() -> Int? {
    guard let bytes = try? FileBytes.readUnsized("/proc/meminfo") else { return nil }
    var found: [Int] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      guard words.count >= 2, words[0] == "MemAvailable:" || words[0] == "SwapFree:",
        let kilobytes = Int(words[1])
      else { continue }
      found.append(kilobytes * 1024)
    }
    return found.count == 2 ? found[0] + found[1] : nil
  }

  private static func groupBytes() -> Int? {
    guard let bytes = try? FileBytes.readUnsized("/sys/fs/cgroup/memory.max") else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }
}

/// Work that needs more memory than there is: exit status 74.
public struct MemoryShortage: ReportableError, Equatable {
  /// What needs the memory.
  public let purpose: String
  /// Bytes needed.
  public let needed: Int
  /// Bytes that can be had.
  public let available: Int

  /// Always ``ExitStatus/inputOutput``.
  public var exitStatus: ExitStatus { .inputOutput }
  /// One sentence with both values.
  public var description: String {
    "\(TerminalText.escaped(purpose)) needs about \(Format.bytes(needed)) of memory,"
      + " \(Format.bytes(available)) can be had (see: free, ulimit -v)"
  }
}
