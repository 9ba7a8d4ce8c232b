public import Basics
public import SystemPackage

/// Payload kinds that belong to no corpus: every corpus has them unless it brings a kind of the
/// same name itself.
///
/// They lie in a directory `payloads` beside the corpora, with a manifest `payloads.json`.
public struct SharedPayloads: Sendable {
  /// The name of the directory; no corpus may be called so.
  public static let directoryName = "payloads"
  /// The name of the manifest's file.
  public static let fileName = "payloads.json"

  /// Where the files lie.
  public let directory: FilePath
  /// The kinds in their order.
  public let files: [(kind: String, file: BundleFile)]
  /// How they were made.
  public let provenance: JSONObject

  /// Reads the manifest.
  ///
  /// - Parameter directory: The directory with `payloads.json`.
  /// - Throws: `FileError` if it is missing, `InputError` if it is damaged.
  public init(directory: FilePath) throws {
    let path = directory.appending(Self.fileName)
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    let format = try object.int("format", at: place)
    guard format == BundleManifest.format else {
      throw InputError(
        "the payloads have format \(format), this version reads \(BundleManifest.format)",
        at: place)
    }
    self.directory = directory
    files = try BundleManifest.files(object, "payloads", at: place).map { (kind: $0, file: $1) }
    provenance = try object.optionalObject("provenance", at: place) ?? JSONObject()
  }

  /// The content of `payloads.json`.
  ///
  /// - Parameters:
  ///   - files: The kinds in their order, with files that lie in the same directory.
  ///   - provenance: How they were made.
  /// - Returns: The manifest.
  public static func manifest(
    _ files: [(kind: String, file: BundleFile)], provenance: JSONObject
  ) -> JSONObject {
    [
      "format": JSONValue(BundleManifest.format),
      "payloads": BundleManifest.json(of: files.map { ($0.kind, $0.file) }),
      "provenance": .object(provenance),
    ]
  }
}
