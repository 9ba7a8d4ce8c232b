import Basics
import SystemPackage

// Training of a generator beside PyTorch and peft: first what both read is written, then each trains on it.
//
//     generator-benchmark pretrain PASSAGES.jsonl FOLDER steps
//     generator-benchmark sft EXAMPLES.jsonl FOLDER steps MODEL-FOLDER
//     generator-benchmark train FOLDER [threads]
//
// `pretrain` and `sft` fill FOLDER: settings.json, training.i32 and heldout.i32 (for each block its tokens,
// then 1 where a token is learnt), order.i32 (blocks of each step), start/ (the model) and for sft adapter/.
// `train` prints JSON: seconds, tokens a second, loss of the held-out blocks before and after, largest
// resident memory; for sft it leaves after/ (the adapter) and logits.f32 (of the first held-out block). The
// peer is peers/generator_train.py.

let arguments = CommandLine.arguments.dropFirst()
let usage =
  "pretrain PASSAGES FOLDER steps | sft EXAMPLES FOLDER steps MODEL | train FOLDER [threads]"
switch (arguments.first, arguments.count) {
case ("pretrain", 4):
  try Preparation(folder: FilePath(arguments[3]), steps: Int(arguments[4]) ?? 1)
    .pretraining(FilePath(arguments[2]))
case ("sft", 5):
  try Preparation(folder: FilePath(arguments[3]), steps: Int(arguments[4]) ?? 1)
    .fineTuning(FilePath(arguments[2]), model: FilePath(arguments[5]))
case ("train", 2...3):
  let threads = arguments.count > 2 ? Int(arguments[3]) ?? 2 : 2
  print(try Training(folder: FilePath(arguments[2])).run(threads: threads).serialized())
default:
  fatalError(usage)
}
