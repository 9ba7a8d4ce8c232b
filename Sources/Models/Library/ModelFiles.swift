import Basics
import SystemPackage

/// The files in a folder that belong to a model, chosen by the names that models publish them by.
///
/// Weights in other formats, training logs and whatever else lies in such a folder are left out.
struct ModelFiles {
  /// The folder.
  let directory: FilePath
  /// A sub-folder with a query encoder.
  let queryDirectory: String?
  /// Relative paths of the files, sorted by bytes.
  let paths: [String]

  private static let weightFile = "model.safetensors"
  private static let indexFile = "model.safetensors.index.json"
  private static let configurationFile = "config.json"
  private static let tokenizerFiles = ["tokenizer.json", "vocab.txt"]
  private static let otherFiles = [
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "modules.json",
    "config_sentence_transformers.json", "sentence_bert_config.json", "README.md",
    "generation_config.json", "chat_template.jinja",
  ]
  /// Weights that are never read, by what they are called.
  private static let foreignWeights = [
    "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.onnx", "model.ckpt",
  ]

  /// Looks into a folder; symbolic links to files are followed, as Hugging Face's cache has them.
  init(in directory: FilePath, queryDirectory: String?) throws {
    self.directory = directory
    self.queryDirectory = queryDirectory
    var paths = try Self.paths(in: directory)
    if let queryDirectory {
      let folder = directory.appending(queryDirectory)
      guard folder.isDirectory else {
        throw FileError(
          cannot: "read", folder, reason: "the folder of the query encoder is not there",
          exitStatus: .noInput)
      }
      paths += try Self.paths(in: folder).map { queryDirectory + "/" + $0 }
    }
    self.paths = paths.map { UTF8Key($0) }.sorted().map(\.string)
  }

  private static func paths(in directory: FilePath) throws -> [String] {
    let names = try DirectoryListing.names(in: directory)
    var paths: [String] = []
    let hasSingleFile = names.contains(weightFile)
    let hasSafetensors = hasSingleFile || names.contains(indexFile)
    for name in names {
      let path = directory.appending(name)
      if isModuleFolder(name), path.isDirectory {
        if path.appending(configurationFile).exists { paths.append("\(name)/\(configurationFile)") }
        continue
      }
      let isWanted =
        name == weightFile || name == configurationFile || tokenizerFiles.contains(name)
        || otherFiles.contains(name) || name.hasPrefix("LICENSE") || name.hasPrefix("NOTICE")
        || !hasSingleFile && (name == indexFile || name.hasSuffix(".safetensors"))
        || !hasSafetensors && isGGUF(name)
      if isWanted, !path.isDirectory { paths.append(name) }
    }
    return paths
  }

  /// Folders of sentence-transformers' modules: `1_Pooling`, `2_Normalize`.
  private static func isModuleFolder(_ name: String) -> Bool {
    let digits = name.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return !digits.isEmpty && name.utf8.dropFirst(digits.count).first == UInt8(ascii: "_")
  }

  /// Whether a file is called as a GGUF file is.
  static func isGGUF(_ path: String) -> Bool { path.hasSuffix(".gguf") }

  /// What the model is, as far as the files tell: a GGUF file or the configuration of a causal model
  /// is a generator, a folder without `config.json` static.
  var kind: ModelCard.Kind {
    if paths.contains(where: Self.isGGUF) { return .generator }
    guard paths.contains(Self.configurationFile) else { return .static }
    return isCausal ? .generator : .transformer
  }

  /// Whether `config.json` names the architecture of a causal language model.
  private var isCausal: Bool {
    let path = directory.appending(Self.configurationFile)
    // A malformed one is refused by whoever reads it.
    let json = try? JSONParser.parse(contentsOf: path).objectValue
    let names = json?["architectures"]?.arrayValue ?? []
    return names.contains { $0.stringValue?.hasSuffix("ForCausalLM") ?? false }
  }

  /// Refuses a folder that lacks configuration, tokenizer or weights, or whose weights are not.
  func checkComplete(kind: ModelCard.Kind) throws {
    try checkComplete(prefix: "", kind: kind)
    if let queryDirectory { try checkComplete(prefix: queryDirectory + "/", kind: kind) }
  }

  private func checkComplete(prefix: String, kind: ModelCard.Kind) throws {
    let folder = prefix.isEmpty ? directory : directory.appending(String(prefix.dropLast()))
    func has(_ name: String) -> Bool { paths.contains(prefix + name) }
    var missing: [String] = []
    if kind == .generator, paths.contains(where: Self.isGGUF) {
      return try checkContents(prefix: prefix)
    }
    if kind != .static, !has(Self.configurationFile) { missing.append("config.json") }
    if !Self.tokenizerFiles.contains(where: has) { missing.append("tokenizer.json or vocab.txt") }
    if !has(Self.weightFile), !has(Self.indexFile) {
      let foreign = Self.foreignWeights.first { folder.appending($0).exists }
      missing.append(
        Self.weightFile
          + (foreign.map { " (there is \($0), which is not read: save the model as safetensors)" }
            ?? ""))
    }
    guard missing.isEmpty else {
      throw InputError(
        "no complete model: \(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are")"
          + " missing", at: Place(file: folder.shown))
    }
    try checkContents(prefix: prefix)
  }

  private func checkContents(prefix: String) throws {
    for path in paths where path.hasPrefix(prefix) { try Self.checkContent(directory, path) }
  }

  /// Refuses pages and pointers that came in the place of a file, and weights of another format.
  private static func checkContent(_ directory: FilePath, _ relative: String) throws {
    let path = directory.appending(relative)
    let file = try MappedFile(path)
    guard let format = file.withBytes(WeightFormat.recognise) else { return }
    if isGGUF(relative), format == .gguf { return }
    let isText = !relative.hasSuffix(".safetensors") && !isGGUF(relative)
    // A model's README may begin with HTML.
    if isText, format != .html && format != .pointer || relative.hasSuffix(".md") { return }
    throw InputError("this is \(format.rawValue)", at: Place(file: path.shown))
  }

  /// Size and checksum of each file.
  func records() throws -> [ModelCard.FileRecord] {
    try paths.map { path in
      let file = directory.appending(path)
      let sha256 = try Checksum.sha256(of: file)
      return ModelCard.FileRecord(path: path, bytes: file.fileSize ?? 0, sha256: sha256)
    }
  }
}
