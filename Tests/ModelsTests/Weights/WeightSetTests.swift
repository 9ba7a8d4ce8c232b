import Basics
import Foundation
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// Names, prefixes and shards; FAULTS.md rows 10 and 12.
@Suite struct WeightSetTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func allDifferencesAreListedAtOnce() throws {
    try directory.write(
      "model.safetensors",
      SafetensorsBytes.file([
        ("enc.a", [2, 3], [1, 2, 3, 4, 5, 6]), ("enc.b", [2], [1, 2]), ("enc.extra", [1], [1]),
        ("enc.pooler.x", [1], [1]), ("head.y", [1], [.nan]),
      ]))
    let set = try WeightSet(directory: directory.path)
    let error = #expect(throws: InputError.self) {
      try set.tensors(
        prefix: "enc.", expected: [("a", [3, 2]), ("b", [3]), ("c", [4]), ("d", [])],
        ignored: ["pooler."])
    }
    #expect(
      error?.message
        == "the weights do not fit config.json: a: expected [3, 2], found [2, 3] (transposed);"
        + " b: expected [3], found [2]; missing: c [4]; missing: d []; unexpected: extra")
    // What is ignored or outside the prefix is not even read.
    let read = try set.tensors(
      prefix: "enc.", expected: [("a", [2, 3]), ("b", [2]), ("extra", [1])], ignored: ["pooler."])
    #expect(read["a"]?.values == [1, 2, 3, 4, 5, 6] && read.count == 3)
  }

  @Test func differencesComeBeforeWeightsThatAreNotFinite() throws {
    try directory.write(
      "model.safetensors", SafetensorsBytes.file([("a", [1], [.nan]), ("b", [1], [1])]))
    let set = try WeightSet(directory: directory.path)
    let expected = [(name: "a", shape: [1]), (name: "c", shape: [1])]
    let error = #expect(throws: InputError.self) {
      try set.tensors(prefix: "", expected: expected)
    }
    #expect(error?.message.contains("missing: c [1]; unexpected: b") == true)
    let bad = #expect(throws: InputError.self) {
      try set.tensors(prefix: "", expected: [("a", [1]), ("b", [1])])
    }
    #expect(bad?.message.contains("tensor 'a' holds nan at index 0") == true)
    let lenient = try WeightSet(directory: directory.path, allowNonFinite: true)
    #expect(
      try lenient.tensors(prefix: "", expected: [("a", [1]), ("b", [1])])["a"]?.values[0].isNaN
        == true)
  }

  @Test func thePrefixIsFoundByBytes() throws {
    try directory.write(
      "model.safetensors",
      SafetensorsBytes.file([("x\u{600}emb.w", [1], [1]), ("emb.v", [1], [1])]))
    let set = try WeightSet(directory: directory.path)
    // U+0600 and the letter behind it are one Character.
    #expect(Array(try set.prefix(before: "emb.w").utf8) == Array("x\u{600}".utf8))
    #expect(try set.prefix(before: "emb.v") == "")
    #expect(throws: InputError.self) { try set.prefix(before: "emb.u") }
    #expect(throws: InputError.self) { try set.prefix(before: "") }
  }

  private func index(_ shards: [String]) throws {
    let map = shards.enumerated().map { "\"t\($0)\":\"\($1)\"" }.joined(separator: ",")
    try directory.write("model.safetensors.index.json", text: "{\"weight_map\":{\(map)}}")
  }

  @Test func shardsAreOneSet() throws {
    try directory.write("m-2.safetensors", SafetensorsBytes.file([("t0", [1], [1])]))
    try directory.write("m-1.safetensors", SafetensorsBytes.file([("t1", [1], [2])]))
    try index(["m-2.safetensors", "m-1.safetensors", "m-2.safetensors"])
    let set = try WeightSet(directory: directory.path)
    #expect(set.names == ["t1", "t0"])
    let read = try set.tensors(prefix: "", expected: [("t0", [1]), ("t1", [1])])
    #expect(read["t0"]?.values == [1] && read["t1"]?.values == [2])

    try directory.write("m-1.safetensors", SafetensorsBytes.file([("t0", [1], [2])]))
    let error = #expect(throws: InputError.self) { try WeightSet(directory: directory.path) }
    #expect(error?.message == "two shards hold 't0'")
    try index(["m-3.safetensors"])
    #expect(throws: FileError.self) { try WeightSet(directory: directory.path) }
  }

  @Test(arguments: [
    "../../etc/passwd", "../m.safetensors", "/tmp/m.safetensors", "sub/m.safetensors", "..",
    ".", "", "m.bin", "a\\u0000.safetensors", "a\\n.safetensors", "a\\\\b.safetensors",
    "link.safetensors",
  ])
  func hostileShardNamesAreRefused(name: String) throws {
    let outside = try TemporaryDirectory()
    let target = try outside.write("m.safetensors", SafetensorsBytes.file([("t0", [1], [1])]))
    try directory.write("m.safetensors", SafetensorsBytes.file([("t0", [1], [1])]))
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("link.safetensors").string, withDestinationPath: target.string)
    try index([name])
    let error = #expect(throws: InputError.self) { try WeightSet(directory: directory.path) }
    #expect(error?.message.contains("weight_map.t0") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":5}}",
    "{\"weight_map\":{\"a\":null}}",
  ])
  func malformedIndexes(text: String) throws {
    try directory.write("model.safetensors.index.json", text: text)
    #expect(throws: InputError.self) { try WeightSet(directory: directory.path) }
  }

  @Test func anIndexOfNothingHoldsNothing() throws {
    try index([])
    #expect(try WeightSet(directory: directory.path).names.isEmpty)
    let empty = try TemporaryDirectory()
    #expect(throws: FileError.self) { try WeightSet(directory: empty.path) }
  }
}
