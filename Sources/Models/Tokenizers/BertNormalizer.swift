/// The normalizer of BERT: cleaning, spaces around ideographs, accents, case.
///
/// The steps of the reference run one after another over the whole text; here they run in one pass,
/// scalar by scalar, which gives the same text and alignment because only the order of marks looks
/// further than one scalar.
///
/// - SeeAlso: `tokenizers/src/normalizers/bert.rs` of huggingface/tokenizers.
struct BertNormalizer: Sendable {
  private let cleansText: Bool
  private let spacesIdeographs: Bool
  private let stripsAccents: Bool
  private let lowercases: Bool
  /// What each ASCII byte becomes.
  private let ascii: [UInt8]

  /// A normalizer whose options are named as in `tokenizer.json`; `strip_accents` follows
  /// `lowercase` where it is null.
  init(cleansText: Bool, spacesIdeographs: Bool, stripsAccents: Bool?, lowercases: Bool) {
    self.cleansText = cleansText
    self.spacesIdeographs = spacesIdeographs
    self.stripsAccents = stripsAccents ?? lowercases
    self.lowercases = lowercases
    ascii = (0..<0x80).map { (byte: UInt8) -> UInt8 in
      let flags = ScalarTables.shared.flags(of: UInt32(byte))
      if cleansText, flags.contains(.removed) { return Self.removedByte }
      if cleansText, flags.contains(.space) { return 0x20 }
      return lowercases && flags.contains(.lowercases) ? byte | 0x20 : byte
    }
  }

  func callAsFunction(_ text: AlignedText) -> AlignedText {
    if text.isIdentity, let bytes = mapped(text.bytes) {
      return AlignedText(identity: bytes)
    }
    var run = Run(options: self, capacity: text.bytes.count + text.bytes.count / 8)
    text.bytes.withUnsafeBufferPointer { bytes in
      text.bounds.withUnsafeBufferPointer { bounds in
        run.take(bytes, bounds)
      }
    }
    return run.result
  }

  /// The pass over one text that is not plain ASCII. A struct of its own, because closures over
  /// these variables would check for exclusive access at each scalar.
  private struct Run {
    let options: BertNormalizer
    let tables = ScalarTables.shared
    var result: AlignedText
    var decomposer = CanonicalDecomposer()
    /// What the decomposer hands on for one scalar.
    var decomposed: [CanonicalDecomposer.Output] = []

    init(options: BertNormalizer, capacity: Int) {
      self.options = options
      result = AlignedText(capacity: capacity)
    }

    /// Takes the whole text; `bounds` is empty where byte `i` is scalar `i`.
    mutating func take(
      _ bytes: UnsafeBufferPointer<UInt8>, _ bounds: UnsafeBufferPointer<ScalarBounds>
    ) {
      var index = 0
      while index < bytes.count {
        let place =
          bounds.isEmpty
          ? ScalarBounds(start: UInt32(index), end: UInt32(index) + 1) : bounds[index]
        if bytes[index] < 0x80 {
          let byte = options.ascii[Int(bytes[index])]
          index += 1
          if byte == BertNormalizer.removedByte { continue }
          if !decomposer.isIdle { flush() }
          result.append(byte: byte, place)
          continue
        }
        let (scalar, length) = decodeScalar(bytes, at: index)
        index += length
        let flags = tables.flags(of: scalar)
        if options.cleansText {
          if flags.contains(.removed) { continue }
          if flags.contains(.space) {
            take(0x20, [], place)
            continue
          }
        }
        if options.spacesIdeographs, flags.contains(.ideograph) {
          take(0x20, [], place)
          take(scalar, flags, place)
          take(0x20, [], place)
        } else {
          take(scalar, flags, place)
        }
      }
      if !decomposer.isIdle { flush() }
    }

    /// Takes a cleaned scalar.
    private mutating func take(_ scalar: UInt32, _ flags: ScalarFlags, _ place: ScalarBounds) {
      guard options.stripsAccents else {
        finish(scalar, place)
        return
      }
      decomposed.removeAll(keepingCapacity: true)
      decomposer.push(scalar, flags: flags, at: place, to: &decomposed)
      for output in decomposed { finish(output.scalar, output.place) }
    }

    private mutating func flush() {
      decomposed.removeAll(keepingCapacity: true)
      decomposer.flush(to: &decomposed)
      for output in decomposed { finish(output.scalar, output.place) }
    }

    /// Strips and lowercases a scalar that has its final place.
    private mutating func finish(_ scalar: UInt32, _ place: ScalarBounds) {
      let flags = tables.flags(of: scalar)
      if options.stripsAccents, flags.contains(.mark) { return }
      if options.lowercases, flags.contains(.lowercases) {
        let (first, second) = tables.lowercase(of: scalar)
        result.append(scalar: first, place)
        if let second { result.append(scalar: second, place) }
      } else {
        result.append(scalar: scalar, place)
      }
    }
  }

  /// Marks a byte that `clean_text` removes; no ASCII byte becomes it.
  private static let removedByte: UInt8 = 0xFF

  /// ASCII text byte by byte, `nil` if a byte would be removed and alignment is needed.
  private func mapped(_ bytes: [UInt8]) -> [UInt8]? {
    var isComplete = true
    let result = [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
      ascii.withUnsafeBufferPointer { table in
        bytes.withUnsafeBufferPointer { bytes in
          for index in bytes.indices {
            let byte = table[Int(bytes[index])]
            if byte == Self.removedByte { isComplete = false }
            buffer[index] = byte
          }
        }
      }
      count = bytes.count
    }
    return isComplete ? result : nil
  }
}
