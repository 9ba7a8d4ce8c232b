import CKernels
import Glibc
import Tensors
import Testing

/// The instruction sets that this machine runs.
enum InstructionSets {
  static let available: [String] = ["avx512", "avx2", "portable"].filter { name in
    defer { rbk_use_instruction_set(nil) }
    return rbk_use_instruction_set(name)
  }

  /// Calls a closure with the kernels of one instruction set, on this thread only.
  static func using<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    let isThere = rbk_use_instruction_set(name)
    defer { rbk_use_instruction_set(nil) }
    #expect(isThere && String(cString: rbk_instruction_set()) == name)
    return try body()
  }
}

/// Floats that end where a page begins that may not be touched: reading or writing one element too
/// many ends the process.
final class GuardedFloats {
  let pointer: UnsafeMutablePointer<Float>
  let count: Int
  private let mapping: UnsafeMutableRawPointer
  private let bytes: Int

  init(_ values: some Collection<Float>) {
    let page = 4096
    count = values.count
    let data = (values.count * 4 + page - 1) / page * page
    bytes = data + page
    let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else { fatalError("mmap: errno \(errno)") }
    mapping = address
    guard mprotect(mapping + data, page, PROT_NONE) == 0 else { fatalError("mprotect") }
    pointer = (mapping + data - values.count * 4).bindMemory(to: Float.self, capacity: count)
    for (i, value) in values.enumerated() { pointer[i] = value }
  }

  convenience init(count: Int, filledWith value: Float = .nan) {
    self.init(repeatElement(value, count: count))
  }

  deinit { munmap(mapping, bytes) }

  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// The bit patterns, so that NaN and signed zeros compare.
  var bits: [UInt32] { values.map(\.bitPattern) }

  /// A weight in the order of the kernels.
  static func packed(_ weight: GuardedFloats, outputs: Int, inputs: Int) -> GuardedFloats {
    let packed = GuardedFloats(count: rbk_packed_count(outputs, inputs))
    rbk_pack(weight.pointer, outputs, inputs, packed.pointer)
    return packed
  }
}

extension Philox {
  /// Numbers in -magnitude ..< magnitude.
  mutating func floats(_ count: Int, magnitude: Float = 1) -> [Float] {
    (0..<count).map { _ in Float.random(in: -magnitude..<magnitude, using: &self) }
  }
}

/// Twice the unit roundoff of Float32: the bound of one rounded operation, with room for the
/// rounding of the reference's result.
let roundoff = 0x1p-23
