import Models

/// The header, and the numbers of every tensor that passes it.
func fuzzSafetensors(_ bytes: UnsafeRawBufferPointer) {
  expectReportable {
    let file = try SafetensorsFile(Scratch.file("model.safetensors", bytes))
    for entry in file.entries {
      precondition(
        file.entry(entry.name) == entry, "entry '\(entry.name)' is not found by its name")
      precondition(entry.bytes.upperBound <= bytes.count, "entry '\(entry.name)' leaves the file")
      expectReportable {
        let tensor = try file.tensor(entry)
        precondition(tensor.values.allSatisfy(\.isFinite), "a number that is not finite")
      }
    }
  }
}

/// The header, the numbers of every tensor that passes it, and the tokenizer in the metadata.
func fuzzGGUF(_ bytes: UnsafeRawBufferPointer) {
  expectReportable {
    let file = try GGUFFile(Scratch.file("model.gguf", bytes))
    for entry in file.entries {
      precondition(
        file.entry(entry.name) == entry, "entry '\(entry.name)' is not found by its name")
      precondition(
        entry.bytes.isEmpty || entry.bytes.upperBound <= bytes.count,
        "entry '\(entry.name)' leaves the file")
      expectReportable {
        let tensor = try file.tensor(entry)
        precondition(tensor.count == entry.count && tensor.values.allSatisfy(\.isFinite))
      }
    }
    for key in file.metadata.keys {
      expectReportable { _ = try file.metadata.strings(key) }
      expectReportable { _ = try file.metadata.ints(key) }
      expectReportable { _ = try file.metadata.doubles(key) }
    }
    let tokenizer = try TokenizerFile.load(gguf: file)
    let encoding = tokenizer.encode("The 2 caf\u{E9}s' <|im_start|>\n\n \u{0}")
    for id in encoding.ids { precondition(id >= 0 && id < tokenizer.vocabularySize) }
    _ = tokenizer.decoder?.text(encoding.ids)
  }
}
