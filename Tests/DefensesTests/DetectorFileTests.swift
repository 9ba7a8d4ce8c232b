import Basics
import Foundation
import Retrieval
import SystemPackage
import TestSupport
import Testing

@testable import Defenses

@Suite struct DetectorFileTests {
  static let retriever = RetrieverIdentity(
    model: "tiny", modelHash: "abc", dimension: 4, similarity: "cosine", titleSeparator: " ",
    instructionSet: "avx2")

  static func calibrated(_ name: String) throws -> CalibratedDetector {
    try CalibratedDetector(
      fitting: name, to: SyntheticLists.gaussian(12, documents: 3, dimension: 4, seed: 1),
      calibrating: SyntheticLists.gaussian(19, documents: 3, dimension: 4, seed: 2),
      retriever: retriever, provenance: ["corpus": "made up"])
  }

  @Test(arguments: DetectorRegistry.standardNames)
  func roundTrip(name: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("detector.bin")
    let calibrated = try Self.calibrated(name)
    try DetectorFile.write(calibrated, to: path)
    let again = try DetectorFile.read(path, for: Self.retriever)
    #expect(again.calibration == calibrated.calibration)
    #expect(again.retriever == calibrated.retriever)
    #expect(again.provenance == calibrated.provenance)
    let lists = try SyntheticLists.gaussian(5, documents: 3, dimension: 4, seed: 3)
    #expect(
      try again.verdicts(on: lists, falsePositiveRate: 0.05, per: .query)
        == calibrated.verdicts(on: lists, falsePositiveRate: 0.05, per: .query))
    #expect(try DetectorFile.bytes(of: again) == DetectorFile.bytes(of: calibrated))
  }

  @Test func damageIsRefused() throws {
    let bytes = try DetectorFile.bytes(of: Self.calibrated("combined"))
    Damage.truncating(bytes) { part, length in
      #expect(throws: InputError.self, "cut at \(length)") { try DetectorFile.parse(part) }
    }
    for mask: UInt8 in [0xFF, 0x01, 0x20] {
      Damage.flipping(bytes, mask: mask) { damaged, position in
        #expect(throws: InputError.self, "byte \(position)") { try DetectorFile.parse(damaged) }
      }
    }
    #expect(throws: InputError.self) { try DetectorFile.parse(bytes + [0]) }
  }

  /// Files whose checksum is right and whose content is not.
  @Test(arguments: [
    ("\"count\":4", "\"count\":5"), ("\"count\":4", "\"count\":4611686018427387904"),
    ("\"count\":4", "\"count\":-1"), ("float64", "float16"), ("\"combined\"", "\"combination\""),
    ("document.mean", "document.main"), ("\"sum\"", "\"product\""),
    ("\"trim\":0", "\"trim\":\"0\""),
    ("\"windows\":\"all\"", "\"windows\":\"most\""), ("ledoit-wolf", "ledoit"),
    ("\"scales\":", "\"scalas\":"),
  ])
  func wrongContentIsRefused(old: String, new: String) throws {
    let bytes = try DetectorFile.bytes(of: Self.calibrated("combined"))
    let start = try #require(bytes.firstIndex(of: UInt8(ascii: "\n"))) + 1
    let end = try #require(bytes[start...].firstIndex(of: UInt8(ascii: "\n")))
    let header = String(decoding: bytes[start..<end], as: UTF8.self)
    let range = try #require(header.range(of: old) as Range<String.Index>?)
    let changed = header.replacingCharacters(in: range, with: new)
    let body = Array(changed.utf8) + bytes[end...]
    let file = Array("ragbench-detector 1 \(Checksum.sha256(body))\n".utf8) + body
    #expect(throws: InputError.self) { try DetectorFile.parse(file) }
  }

  /// Files from before there was a choice were of first windows.
  @Test func withoutAChoiceTheFirstWindowIsMeant() throws {
    let bytes = try DetectorFile.bytes(of: Self.calibrated("similarity"))
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(",\"windows\":\"all\""))
    // The state of this detector holds no bytes that are not text, the calibration does.
    let start = try #require(bytes.firstIndex(of: UInt8(ascii: "\n"))) + 1
    let end = try #require(bytes[start...].firstIndex(of: UInt8(ascii: "\n")))
    let header = String(decoding: bytes[start..<end], as: UTF8.self)
      .replacingOccurrences(of: ",\"windows\":\"all\"", with: "")
    let body = Array(header.utf8) + bytes[end...]
    let file = Array("ragbench-detector 1 \(Checksum.sha256(body))\n".utf8) + body
    #expect(try DetectorFile.parse(file).windows == .first)
  }

  @Test func laterFormatsAreRefused() throws {
    var bytes = try DetectorFile.bytes(of: Self.calibrated("similarity"))
    bytes[18] = UInt8(ascii: "2")
    do {
      _ = try DetectorFile.parse(bytes)
      Issue.record("format 2 was read")
    } catch {
      #expect("\(error)" == "the detector file has format 2, this version reads 1")
    }
  }

  @Test(arguments: ["model", "hash", "dimension", "similarity"])
  func anotherRetrieverIsRefused(member: String) throws {
    var other = Self.retriever
    switch member {
    case "model": other.model = "large"
    case "hash": other.modelHash = "abd"
    case "dimension": other.dimension = 5
    default: other.similarity = "l2"
    }
    let calibrated = try Self.calibrated("similarity")
    #expect(throws: DetectorError.self) { try calibrated.check(other) }
  }

  @Test func separatorAndInstructionSetMayDiffer() throws {
    var other = Self.retriever
    other.titleSeparator = ". "
    other.instructionSet = "avx512"
    try Self.calibrated("similarity").check(other)
  }

  @Test func missingAndForeignFiles() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: FileError.self) { try DetectorFile.read(directory.path.appending("none")) }
    let path = directory.path.appending("other")
    try AtomicFile.write("{}\n", to: path)
    do {
      _ = try DetectorFile.read(path)
      Issue.record("a foreign file was read")
    } catch {
      #expect("\(error)".contains("not a detector file"))
    }
  }
}
