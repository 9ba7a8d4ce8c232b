import CKernels

extension GGUFFile {
  /// How the numbers of a tensor are stored; the raw value is ggml's number of the type.
  public enum ElementType: UInt32, Sendable, CaseIterable {
    /// Float32.
    case float32 = 0
    /// Float16.
    case float16 = 1
    /// Blocks of 32 numbers: a Float16 scale, 4 bits a number; number = scale · (bits − 8).
    case q4 = 2
    /// Blocks of 32 numbers: Float16 scale and minimum, 4 bits a number.
    case q4WithMinimum = 3
    /// Blocks of 32 numbers: a Float16 scale, 8 signed bits a number.
    case q8 = 8

    /// The name in ggml, such as `Q4_1`.
    public var name: String { Self.name(rawValue) }

    /// Numbers in one block; a row holds whole blocks.
    public var blockCount: Int {
      switch self {
      case .float32, .float16: 1
      case .q4, .q4WithMinimum, .q8: 32
      }
    }

    /// Bytes of one block.
    public var blockBytes: Int {
      switch self {
      case .float32: 4
      case .float16: 2
      case .q4: 2 + 16
      case .q4WithMinimum: 4 + 16
      case .q8: 2 + 32
      }
    }

    /// ggml's name of a type's number, also of those that are not read here.
    static func name(_ number: UInt32) -> String {
      switch number {
      case 0: "F32"
      case 1: "F16"
      case 2: "Q4_0"
      case 3: "Q4_1"
      case 6: "Q5_0"
      case 7: "Q5_1"
      case 8: "Q8_0"
      case 9: "Q8_1"
      case 10: "Q2_K"
      case 11: "Q3_K"
      case 12: "Q4_K"
      case 13: "Q5_K"
      case 14: "Q6_K"
      case 15: "Q8_K"
      case 16: "IQ2_XXS"
      case 17: "IQ2_XS"
      case 18: "IQ3_XXS"
      case 19: "IQ1_S"
      case 20: "IQ4_NL"
      case 21: "IQ3_S"
      case 22: "IQ2_S"
      case 23: "IQ4_XS"
      case 24: "I8"
      case 25: "I16"
      case 26: "I32"
      case 27: "I64"
      case 28: "F64"
      case 29: "IQ1_M"
      case 30: "BF16"
      case 34: "TQ1_0"
      case 35: "TQ2_0"
      case 39: "MXFP4"
      default: "number \(number)"
      }
    }

    /// Writes the numbers of whole blocks as Float32.
    func expand(_ source: UnsafeRawPointer, blocks: Int, into result: UnsafeMutablePointer<Float>) {
      switch self {
      case .float32: UnsafeMutableRawPointer(result).copyMemory(from: source, byteCount: blocks * 4)
      // The place of a tensor is a multiple of at least 8 bytes.
      case .float16: rbk_widen_f16(source.assumingMemoryBound(to: UInt16.self), blocks, result)
      case .q4: rbk_expand_q4_0(source, blocks, result)
      case .q4WithMinimum: rbk_expand_q4_1(source, blocks, result)
      case .q8: rbk_expand_q8_0(source, blocks, result)
      }
    }
  }
}
