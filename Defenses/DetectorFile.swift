import Basics
public import Retrieval
public import SystemPackage

/// A calibrated detector in one file.
///
/// The first line is `ragbench-detector 1 <SHA-256 of all bytes after the line>`, the second one JSON
/// object that describes detector, retriever and arrays, and the rest holds the arrays as
/// little-endian IEEE 754 in the order described. Scores after loading have the same bits.
public enum DetectorFile {
  /// The format that this version writes and reads.
  public static let version = 1
  /// The largest file that is read, in bytes.
  public static let sizeLimit = 1 << 30

  private static let magic = "ragbench-detector"

  /// Writes a detector; the file appears whole or not at all.
  ///
  /// - Parameters:
  ///   - calibrated: The detector.
  ///   - path: The file.
  /// - Throws: `FileError` if it cannot be written.
  public static func write(_ calibrated: CalibratedDetector, to path: FilePath) throws {
    try AtomicFile.write(bytes(of: calibrated), to: path)
  }

  /// Reads a detector.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - retriever: Whose vectors are to be judged; nil skips the check.
  /// - Returns: The detector.
  /// - Throws: `FileError` if it cannot be read, `InputError` if it is damaged or of a later format,
  ///   `DetectorError.retriever` if it was learnt from another retriever's vectors.
  public static func read(
    _ path: FilePath, for retriever: RetrieverIdentity? = nil
  ) throws -> CalibratedDetector {
    let bytes = try FileBytes.read(path, limit: sizeLimit)
    do {
      let calibrated = try parse(bytes)
      if let retriever { try calibrated.check(retriever) }
      return calibrated
    } catch let error as InputError {
      var place = error.place
      place.file = path.string
      throw InputError(error.message, at: place)
    }
  }

  static func bytes(of calibrated: CalibratedDetector) throws -> [UInt8] {
    let state = calibrated.detector.state
    var arrays: [JSONValue] = []
    var blob: [UInt8] = []
    func describe(_ name: String, _ kind: String, _ count: Int) {
      arrays.append(["name": .string(name), "type": .string(kind), "count": JSONValue(count)])
    }
    func append(_ values: [Double], name: String, kind: String = "float64") {
      describe(name, kind, values.count)
      blob.reserveCapacity(blob.count + 8 * values.count)
      for value in values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { blob += $0 }
      }
    }
    for (name, values) in state.doubles.sorted(by: { UTF8Key($0.key) < UTF8Key($1.key) }) {
      append(values, name: name)
    }
    append(calibrated.calibration.queryScores, name: "query", kind: "calibration")
    append(calibrated.calibration.pairScores, name: "pair", kind: "calibration")
    for (name, values) in state.floats.sorted(by: { UTF8Key($0.key) < UTF8Key($1.key) }) {
      describe(name, "float32", values.count)
      blob.reserveCapacity(blob.count + 4 * values.count)
      for value in values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { blob += $0 }
      }
    }
    let header: JSONValue = [
      "detector": .string(type(of: calibrated.detector).metadata.name),
      "retriever": .string(try calibrated.retriever.canonicalText),
      "windows": .string(calibrated.windows.rawValue),
      "provenance": .object(calibrated.provenance),
      "state": .object(state.values),
      "arrays": .array(arrays),
    ]
    let body = Array(try header.serialized().utf8) + [UInt8(ascii: "\n")] + blob
    return Array("\(magic) \(version) \(Checksum.sha256(body))\n".utf8) + body
  }

  static func parse(_ bytes: [UInt8]) throws -> CalibratedDetector {
    let newline = UInt8(ascii: "\n")
    let firstLine = bytes.prefix(128).firstIndex(of: newline) ?? 0
    let words = bytes[..<firstLine].split(separator: UInt8(ascii: " "))
      .map { String(decoding: $0, as: UTF8.self) }
    guard words.count == 3, words[0] == magic, let format = Int(words[1]) else {
      throw InputError("not a detector file; fit one with: ragbench detect fit")
    }
    guard format == version else {
      throw InputError(
        "the detector file has format \(format), this version reads \(version)")
    }
    let body = Array(bytes[(firstLine + 1)...])
    guard Checksum.sha256(body) == words[2] else {
      throw InputError("the detector file is damaged: its checksum does not match; fit it again")
    }
    guard let headerEnd = body.firstIndex(of: newline) else {
      throw InputError("the detector file has no header")
    }
    let header = try JSONParser.parse(Array(body[..<headerEnd]), line: 2).requiredObject()
    var state = DetectorState(values: try header.object("state"))
    var calibration: [String: [Double]] = [:]
    var offset = headerEnd + 1
    for array in try header.objects("arrays") {
      let name = try array.string("name")
      let count = try array.int("count")
      let kind = try array.string("type")
      let size = kind == "float32" ? 4 : 8
      guard count >= 0, count <= (body.count - offset) / size else {
        throw InputError("the array '\(TerminalText.excerpt(name))' of \(count) values is cut off")
      }
      let end = offset + count * size
      let part = body[offset..<end]
      switch kind {
      case "float64": state.doubles[name] = float64(part)
      case "float32": state.floats[name] = float32(part)
      case "calibration": calibration[name] = float64(part)
      default: throw InputError("arrays of type '\(TerminalText.excerpt(kind))' are unknown")
      }
      offset = end
    }
    guard offset == body.count, let query = calibration["query"], let pair = calibration["pair"]
    else { throw InputError("the arrays of the detector file do not fit its header") }
    let name = try header.string("detector")
    guard let kind = DetectorRegistry.all.first(where: { $0.metadata.name == name }) else {
      throw InputError("the detector '\(TerminalText.excerpt(name))' is unknown to this version")
    }
    // Before there was a choice, the first window was what there was.
    let windowText = try header.optionalString("windows") ?? WindowChoice.first.rawValue
    guard let windows = WindowChoice(rawValue: windowText) else {
      throw InputError(
        "the choice of windows '\(TerminalText.excerpt(windowText))' is unknown to this version")
    }
    return CalibratedDetector(
      detector: try kind.init(state: state),
      calibration: try DetectionCalibration(queryScores: query, pairScores: pair),
      retriever: try RetrieverIdentity(canonicalText: try header.string("retriever")),
      windows: windows, provenance: try header.object("provenance"))
  }

  private static func float64(_ bytes: ArraySlice<UInt8>) -> [Double] {
    bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: 8).map {
        Double(
          bitPattern: UInt64(
            littleEndian: buffer.loadUnaligned(fromByteOffset: $0, as: UInt64.self)))
      }
    }
  }

  private static func float32(_ bytes: ArraySlice<UInt8>) -> [Float] {
    bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: 4).map {
        Float(
          bitPattern: UInt32(
            littleEndian: buffer.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
      }
    }
  }
}
