// Strings and numbers: where nearly all bytes of a JSON file are.

extension JSONReader {
  /// Reads a string from its opening quote to behind the closing one.
  mutating func string() throws(JSONFault) -> String {
    position += 1
    let start = position
    var isASCII = true
    skipPlainASCII()
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        position += 1
        // The repairing initialiser repairs nothing here and is the fastest for ASCII.
        if isASCII { return String(decoding: text, as: UTF8.self) }
        return try validated(text, at: start)
      } else if byte == UInt8(ascii: "\\") {
        return try escapedString(from: start)
      } else if byte < 0x20 {
        throw controlInString(byte)
      } else if byte >= 0x80 {
        isASCII = false
        position += 1
      } else {
        skipPlainASCII()
      }
    }
    throw JSONFault("the string that begins here is not closed", at: start - 1)
  }

  /// Moves over bytes that need no care, eight at a time.
  private mutating func skipPlainASCII() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    while position &+ 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      // A high bit is set where a byte is a quote, a backslash, below 0x20 or above 0x7F. A borrow
      // can set it in a later byte too early; the byte loop below then decides.
      let stop =
        ((quote &- ones) | (backslash &- ones) | (word &- (ones &* 0x20)) | word) & highs
      if stop != 0 {
        position &+= stop.trailingZeroBitCount / 8
        break
      }
      position &+= 8
    }
    while position < bytes.count {
      let byte = bytes[position]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { return }
      position &+= 1
    }
  }

  private func controlInString(_ byte: UInt8) -> JSONFault {
    JSONFault(
      "the control character U+\(hexadecimal(UInt32(byte), digits: 4)) must be escaped in a string",
      at: position)
  }

  private func validated(
    _ text: UnsafeRawBufferPointer, at start: Int
  ) throws(JSONFault) -> String {
    if let string = String(validating: text, as: UTF8.self) { return string }
    let offset = UTF8Check.firstFault(in: text) ?? 0
    throw JSONFault("invalid UTF-8 in a string", at: start + offset)
  }

  /// Reads on from the first backslash into the scratch buffer.
  private mutating func escapedString(from start: Int) throws(JSONFault) -> String {
    scratch.removeAll(keepingCapacity: true)
    var runStart = start
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        try appendRun(from: runStart)
        position += 1
        return String(decoding: scratch, as: UTF8.self)
      case UInt8(ascii: "\\"):
        try appendRun(from: runStart)
        try escape()
        runStart = position
      case 0..<0x20:
        throw controlInString(byte)
      default:
        position += 1
      }
    }
    throw JSONFault("the string that begins here is not closed", at: start - 1)
  }

  /// Each run between escapes must be valid by itself, so that the scratch is.
  private mutating func appendRun(from start: Int) throws(JSONFault) {
    let run = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    if let offset = UTF8Check.firstFault(in: run) {
      throw JSONFault("invalid UTF-8 in a string", at: start + offset)
    }
    scratch.append(contentsOf: run)
  }

  private mutating func escape() throws(JSONFault) {
    let start = position
    guard position + 1 < bytes.count else {
      throw JSONFault("the escape sequence is cut off", at: start)
    }
    position += 2
    switch bytes[start + 1] {
    case UInt8(ascii: "\""): scratch.append(0x22)
    case UInt8(ascii: "\\"): scratch.append(0x5C)
    case UInt8(ascii: "/"): scratch.append(0x2F)
    case UInt8(ascii: "b"): scratch.append(0x08)
    case UInt8(ascii: "f"): scratch.append(0x0C)
    case UInt8(ascii: "n"): scratch.append(0x0A)
    case UInt8(ascii: "r"): scratch.append(0x0D)
    case UInt8(ascii: "t"): scratch.append(0x09)
    case UInt8(ascii: "u"): try unicodeEscape(from: start)
    default:
      throw JSONFault("expected an escape sequence, found \(found(at: start + 1))", at: start)
    }
  }

  private mutating func unicodeEscape(from start: Int) throws(JSONFault) {
    var code = try fourHexDigits(from: start)
    if (0xD800...0xDBFF).contains(code) {
      let high = code
      guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw loneSurrogate(high, at: start) }
      position += 2
      let low = try fourHexDigits(from: start)
      guard (0xDC00...0xDFFF).contains(low) else { throw loneSurrogate(high, at: start) }
      code = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw loneSurrogate(code, at: start) }
    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { scratch.append(byte) }
  }

  private func loneSurrogate(_ code: UInt32, at offset: Int) -> JSONFault {
    JSONFault("lone surrogate \\u\(hexadecimal(code, digits: 4)) in a string", at: offset)
  }

  private mutating func fourHexDigits(from start: Int) throws(JSONFault) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = hexadecimalDigit(bytes[position]) else {
        throw JSONFault("expected four hexadecimal digits after '\\u'", at: start)
      }
      code = code << 4 | digit
      position += 1
    }
    return code
  }

  /// Reads a number; see `JSONValue` for which case it becomes.
  mutating func number() throws(JSONFault) -> JSONValue {
    let start = position
    let isNegative = bytes[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let integerStart = position
    var mantissa: UInt64 = 0
    var isExact = true  // the mantissa holds all digits so far
    digits(into: &mantissa, isExact: &isExact)
    guard position > integerStart else {
      throw JSONFault("expected a digit, found \(found())", at: position)
    }
    if bytes[integerStart] == UInt8(ascii: "0"), position > integerStart + 1 {
      throw JSONFault("a number must not begin with a needless 0", at: integerStart)
    }
    var exponent = 0
    var isInteger = true
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      let fractionStart = position
      digits(into: &mantissa, isExact: &isExact)
      guard position > fractionStart else {
        throw JSONFault("expected a digit after '.', found \(found())", at: position)
      }
      exponent = fractionStart - position
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      exponent += try writtenExponent()
    }
    if isInteger, isExact, let value = signed(mantissa, isNegative) { return .integer(value) }
    if isExact, mantissa <= 1 << 53, abs(exponent) <= 22 {
      // Both factors are exact, so one rounding gives the nearest value (Clinger 1990).
      let power = JSONReader.powersOfTen[abs(exponent)]
      let magnitude = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
      return .number(isNegative ? -magnitude : magnitude)
    }
    let text = String(
      decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw JSONFault("the number is beyond the range of Float64", at: start)
    }
    return .number(value)
  }

  private func signed(_ mantissa: UInt64, _ isNegative: Bool) -> Int64? {
    if !isNegative { return Int64(exactly: mantissa) }
    if mantissa == 0 { return nil }  // -0 keeps its sign as a Float64
    return mantissa <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- mantissa) : nil
  }

  private mutating func digits(into mantissa: inout UInt64, isExact: inout Bool) {
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { return }
      let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      if overflow || carry { isExact = false }
      mantissa = sum
      position += 1
    }
  }

  private mutating func writtenExponent() throws(JSONFault) -> Int {
    position += 1
    var isNegative = false
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") {
      isNegative = true
      position += 1
    } else if position < bytes.count, bytes[position] == UInt8(ascii: "+") {
      position += 1
    }
    let start = position
    var value = 0
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      value = min(value * 10 + Int(digit), 1_000_000)  // far beyond any Float64
      position += 1
    }
    guard position > start else {
      throw JSONFault("expected a digit in the exponent, found \(found())", at: position)
    }
    return isNegative ? -value : value
  }

  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
