import Glibc

// `fuzz TARGET [libFuzzer's arguments]` feeds one reader of files with the bytes that libFuzzer makes.
//
// Every reader must give an error or a result; a trap, a report of the address sanitizer, more than
// 10 seconds or 2 GiB is a finding. `fuzz --seeds FOLDER` writes the seeds of detectors.

// Set once, before libFuzzer reads its arguments; it calls back on the same thread.
nonisolated(unsafe) private var current = Target.json

/// Takes the target's name out of the command line before libFuzzer sees it.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
  guard let list = arguments.pointee else { exit(64) }
  let first = count.pointee > 1 ? list[1].map { String(cString: $0) } ?? "" : ""
  if first == "--seeds", count.pointee == 3, let folder = list[2] {
    do {
      try DetectorSeeds.write(to: String(cString: folder))
      exit(0)
    } catch {
      print("\(error)")
      exit(2)
    }
  }
  guard let target = Target(rawValue: first) else {
    let names = Target.allCases.map(\.rawValue).joined(separator: "|")
    print("usage: fuzz \(names) [libFuzzer's arguments]")
    exit(64)
  }
  current = target
  for position in 1..<Int(count.pointee) { list[position] = list[position + 1] }
  count.pointee -= 1
  return 0
}

/// One input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  current.run(UnsafeRawBufferPointer(start: bytes, count: count))
  return 0
}
