import Basics
import Models
import Tensors
import TestSupport
import Testing
import Training

/// Ten steps of AdamW on tiny Llamas against `transformers` (Tests/Fixtures/decoders).
@Suite struct DecoderTrainingTests {
  @Test(arguments: ["tiny-llama", "tiny-llama-tied"], [false, true])
  func tenStepsOfAdamWEqualTransformers(name: String, checkpoints: Bool) throws {
    let golden = try GoldenArrays("decoders", name)
    let starts = try golden.description.ints("starts")
    let examples = try golden.idLists("inputs").enumerated().map { index, ids in
      MaskedTokens(
        prompt: Array(ids[..<starts[index]]), completion: Array(ids[starts[index]...]))
    }
    let decoder = try TrainableDecoder(
      DecoderWeights(directory: Checkout.fixture("decoders/\(name)")))
    decoder.checkpointsLayers = checkpoints
    let context = ComputeContext(threads: 2)
    let group = ParameterGroup(
      decoder.parameters, learningRate: try golden.description.double("learning_rate"),
      weightDecay: try golden.description.double("weight_decay"))
    let optimizer = Optimizer(.adamW(), groups: [group], in: context)
    let expected = try golden.description.array("losses").compactMap(\.doubleValue)
    #expect(expected.count == 10 && expected[9] < 0.9 * expected[0])
    for (step, loss) in expected.enumerated() {
      for parameter in decoder.parameters { parameter.clearGradient() }
      let tape = Tape(in: context)
      let found = tape.mean(decoder.exampleLosses(of: examples, on: tape))
      expectClose(Double(found.value.values[0]), loss, absolute: 1e-5, "\(name), step \(step)")
      tape.backward(from: found)
      optimizer.step()
    }
  }
}
