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
