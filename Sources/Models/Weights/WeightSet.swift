import Basics
public import SystemPackage
public import Tensors

/// The tensors of one model, from one safetensors file or from the shards that an index names.
///
/// Checkpoints prefix their names differently (`bert.`, `encoder.`, nothing), so a model asks for
/// names relative to a prefix that is found once, by the end of a name that is always there.
public struct WeightSet: Sendable {
  private let files: [SafetensorsFile]
  private let places: [UTF8Key: (file: Int, entry: SafetensorsFile.Entry)]
  /// Every tensor name, in file order.
  public let names: [String]
  private let directory: FilePath
  private let allowNonFinite: Bool

  /// Opens `model.safetensors`, or the shards of `model.safetensors.index.json`.
  ///
  /// - Parameters:
  ///   - directory: the model's folder.
  ///   - allowNonFinite: whether NaN and infinities are let through.
  /// - Throws: `FileError` if neither is there; `InputError` if a file is malformed, a shard lies
  ///   outside the folder, or two shards hold one name.
  public init(directory: FilePath, allowNonFinite: Bool = false) throws {
    self.directory = directory
    self.allowNonFinite = allowNonFinite
    files = try Self.shards(of: directory).map { try SafetensorsFile($0) }
    var places: [UTF8Key: (file: Int, entry: SafetensorsFile.Entry)] = [:]
    var names: [String] = []
    for (number, file) in files.enumerated() {
      for entry in file.entries {
        guard places.updateValue((number, entry), forKey: UTF8Key(entry.name)) == nil else {
          throw InputError("two shards hold '\(entry.name)'", at: Place(file: directory.shown))
        }
        names.append(entry.name)
      }
    }
    self.places = places
    self.names = names
  }

  /// The files that hold a model's weights.
  ///
  /// - Parameter directory: the model's folder.
  /// - Returns: one path, or the shards in byte order of their names.
  /// - Throws: `InputError` if the index names a file that is not a plain name in the folder or is
  ///   a symbolic link.
  public static func shards(of directory: FilePath) throws -> [FilePath] {
    let single = directory.appending("model.safetensors")
    let index = directory.appending("model.safetensors.index.json")
    guard !single.exists, index.exists else { return [single] }
    let place = Place(file: index.shown)
    let object = try JSONParser.parse(contentsOf: index).requiredObject(at: place)
    let map = try object.object("weight_map", at: place)
    var shards = Set<UTF8Key>()
    for (tensor, value) in map.members {
      guard let name = value.stringValue, name.hasSuffix(".safetensors"),
        !name.utf8.contains(UInt8(ascii: "/")), RelativeName.fault(name) == nil,
        !directory.appending(name).isSymbolicLink
      else {
        throw InputError(
          "weight_map.\(TerminalText.excerpt(tensor)): \(value.summary) is not a plain file name"
            + " in this folder", at: place)
      }
      shards.insert(UTF8Key(name))
    }
    return shards.sorted().map { directory.appending($0.string) }
  }

  /// Whether a tensor has this full name.
  public func contains(_ name: String) -> Bool { places[UTF8Key(name)] != nil }

  /// The shape of a tensor of this full name, or nil.
  func shape(of name: String) -> [Int]? { places[UTF8Key(name)]?.entry.shape }

  /// All floating-point tensors by full name, in file order.
  ///
  /// - Returns: names and values; integer buffers are left out.
  /// - Throws: `InputError` at a number that is not finite.
  func floatingPointTensors() throws -> [(String, Tensor)] {
    try names.compactMap { name in
      guard let (file, entry) = places[UTF8Key(name)],
        [.float32, .float16, .bfloat16].contains(entry.type)
      else { return nil }
      return (name, try files[file].tensor(entry, allowNonFinite: allowNonFinite))
    }
  }

  /// What stands before `suffix` in the one name that ends with it.
  ///
  /// - Parameter suffix: the end of a name that every such model has.
  /// - Returns: the prefix, with its dot.
  /// - Throws: `InputError` if no name, or more than one, ends so.
  public func prefix(before suffix: String) throws -> String {
    let found = names.filter { $0.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
    guard found.count == 1, let name = found.first else {
      throw InputError(
        "expected one tensor named …\(suffix), found \(found.count)",
        at: Place(file: directory.shown))
    }
    return String(decoding: name.utf8.dropLast(suffix.utf8.count), as: UTF8.self)
  }

  /// Reads tensors by name and shape, listing every difference at once.
  ///
  /// - Parameters:
  ///   - prefix: put before each name.
  ///   - expected: names and shapes.
  ///   - ignored: beginnings of names, after the prefix, that may be there and are not read.
  /// - Returns: the tensors by name, without the prefix.
  /// - Throws: `InputError` with all missing, misshapen and unexpected tensors.
  public func tensors(
    prefix: String, expected: [(name: String, shape: [Int])], ignored: [String] = []
  ) throws -> [String: Tensor] {
    let copied = try requireTensors(prefix: prefix, expected: expected, ignored: ignored)
    try MemoryBudget.require(copied, for: "the model in '\(directory.shown)'")
    var result: [String: Tensor] = [:]
    for (name, _) in expected { result[name] = try tensor(prefix + name) }
    return result
  }

  /// One tensor by its full name.
  ///
  /// - Throws: `InputError` if it is not there or holds a number that is not finite.
  func tensor(_ name: String) throws -> Tensor {
    guard let (file, entry) = places[UTF8Key(name)] else {
      throw InputError("missing: \(name)", at: Place(file: directory.shown))
    }
    return try files[file].tensor(entry, allowNonFinite: allowNonFinite)
  }

  /// Checks names and shapes, listing every difference at once.
  ///
  /// - Parameters:
  ///   - prefix: put before each name.
  ///   - expected: names and shapes.
  ///   - ignored: beginnings of names, after the prefix, that may be there and are not read.
  /// - Returns: bytes of memory that reading all of them takes.
  /// - Throws: `InputError` with all missing, misshapen and unexpected tensors.
  func requireTensors(
    prefix: String, expected: [(name: String, shape: [Int])], ignored: [String]
  ) throws -> Int {
    var problems: [String] = []
    var copied = 0
    for (name, shape) in expected {
      guard let (_, entry) = places[UTF8Key(prefix + name)] else {
        problems.append("missing: \(name) \(shape)")
        continue
      }
      guard entry.shape == shape else {
        let note = entry.shape == shape.reversed() ? " (transposed)" : ""
        problems.append("\(name): expected \(shape), found \(entry.shape)\(note)")
        continue
      }
      copied += entry.copiedBytes
    }
    let wanted = Set(expected.map { UTF8Key(prefix + $0.name) })
    for name in names where !wanted.contains(UTF8Key(name)) {
      // Heads of other tasks stand beside the encoder, outside its prefix.
      guard name.utf8.starts(with: prefix.utf8) else { continue }
      let rest = name.utf8.dropFirst(prefix.utf8.count)
      if !ignored.contains(where: { rest.starts(with: $0.utf8) }) {
        let shown = TerminalText.excerpt(String(decoding: rest, as: UTF8.self))
        problems.append("unexpected: \(shown)")
      }
    }
    guard problems.isEmpty else {
      throw InputError(
        "the weights do not fit config.json: \(problems.joined(separator: "; "))",
        at: Place(file: directory.shown))
    }
    return copied
  }
}
