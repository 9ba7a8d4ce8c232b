import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// What is written here as `transformers` and `peft` read it.
@Suite struct WrittenForPythonTests {
  @Test(
    .enabled(if: PeerPython.path != nil, "set PEER_PYTHON to a Python with transformers and peft"),
    arguments: TinyDecoder.names)
  func transformersAndPEFTLoadIt(name: String) throws {
    let tiny = try TinyDecoder(name)
    let temporary = try TemporaryDirectory()
    let decoder = try tiny.trainable()
    try decoder.save(to: temporary.file("model"))
    let ids = try #require(tiny.inputs.last)
    try temporary.write("ids.json", text: "\(ids)")
    let plain = decoder.logits(of: [ids])
    let targets: LoRAConfiguration.Targets =
      name == "tiny-llama" ? .allLinear : .suffixes(["o_proj"])
    let adapter = try LoRAAdapter(
      LoRAConfiguration(rank: 4, alpha: 6, targets: targets, isRankStabilized: true), on: decoder,
      seed: 3)
    var random = Philox(seed: 4)
    for parameter in adapter.parameters {
      parameter.update { values, _ in
        for i in values.indices { values[i] = Float.random(in: -0.3...0.3, using: &random) }
      }
    }
    try adapter.save(to: temporary.file("adapter"))
    let adapted = decoder.logits(of: [ids])
    let script = Checkout.fixture("decoders/check_written.py").string
    let python = try #require(PeerPython.path)
    let result = try ChildProcess(FilePath(python), [script, temporary.path.string])
      .wait(timeout: .seconds(300))
    try #require(result.status == 0, "\(result.errorText)")
    let rows = try result.outputText.split(separator: "\n").map { line in
      try #require(JSONParser.parse(Array(line.utf8), file: "output").arrayValue)
        .compactMap(\.doubleValue)
    }
    try #require(rows.count == 2)
    expectClose(plain, rows[0], absolute: 5e-5)
    expectClose(adapted, rows[1], absolute: 5e-5)
  }
}
