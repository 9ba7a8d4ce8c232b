import Basics
public import SystemPackage

extension TrainedModelFiles {
  /// Writes a generator's folder, which `transformers` loads and this program knows by its card.
  ///
  /// - Parameters:
  ///   - decoder: what was trained.
  ///   - directory: a new folder, or one that a write before this left unfinished.
  ///   - name: the card's name.
  ///   - origin: where it comes from, for the card.
  ///   - writeTokenizer: writes the tokenizer's files into the folder.
  /// - Throws: `FileError`; what `writeTokenizer` throws.
  public static func write(
    _ decoder: TrainableDecoder, to directory: FilePath, name: String, origin: String,
    writeTokenizer: (FilePath) throws -> Void
  ) throws {
    try DirectoryListing.create(directory)
    try writeTokenizer(directory)
    try decoder.save(to: directory)
    var card = ModelCard(name: name, source: origin, kind: .generator)
    card.files = try ModelFiles(in: directory, queryDirectory: nil).records()
    // Last: a folder with a card is complete.
    try card.write(to: directory)
  }
}
