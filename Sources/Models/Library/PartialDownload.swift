import Basics
import Foundation
import SystemPackage

/// The beginning of a file that survives a kill: `<file>.part` and what is needed to go on.
///
/// The bytes are only continued when the host can tell that the file is still the same: by a
/// validator it gave, or because the whole file's checksum is known.
struct PartialDownload {
  /// What the host said about the file whose beginning is there.
  struct Origin: Equatable {
    /// The address that was asked.
    var address: String
    /// A strong entity tag or a date, to be sent as `If-Range`.
    var validator: String?
    /// Bytes of the whole file.
    var total: Int?
  }

  let target: FilePath
  var path: FilePath { FilePath(target.string + ".part") }
  private var originPath: FilePath { FilePath(target.string + ".part.json") }

  /// Bytes that are there.
  var count: Int { path.fileSize ?? 0 }

  /// What is known of the bytes that are there, `nil` if they are of no use.
  func origin() -> Origin? {
    guard count > 0, let bytes = try? FileBytes.read(originPath, limit: 1 << 16),
      let json = try? JSONParser.parse(bytes).objectValue,
      let address = json["address"]?.stringValue
    else { return nil }
    return Origin(
      address: address, validator: json["validator"]?.stringValue, total: json["total"]?.intValue)
  }

  /// Starts from nothing.
  func begin(_ origin: Origin) throws {
    // First the empty file: a kill in between must not join old bytes to the new origin.
    try descriptor(truncating: true).close()
    var json: JSONObject = ["address": .string(origin.address)]
    json["validator"] = origin.validator.map { .string($0) }
    json["total"] = origin.total.map { .integer(Int64($0)) }
    try AtomicFile.write(JSONValue.object(json).serialized(), to: originPath)
  }

  /// A descriptor at the end of what is there.
  func descriptor(truncating: Bool = false) throws -> FileDescriptor {
    let options: FileDescriptor.OpenOptions =
      truncating ? [.create, .truncate, .append] : [.create, .append]
    do {
      return try FileDescriptor.open(
        path, .writeOnly, options: options.union([.noFollow, .closeOnExec]),
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch let error as Errno {
      throw FileError(cannot: "create", path, errno: error, exitStatus: .cannotCreate)
    }
  }

  /// Makes the file appear under its name.
  func complete() throws {
    let files = LiveFileSystem()
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
      defer { try? descriptor.close() }
      try files.sync(descriptor.rawValue)
      try files.rename(path, to: target)
    } catch let error as Errno {
      throw FileError(cannot: "write", target, errno: error, exitStatus: .inputOutput)
    }
    try? files.unlink(originPath)
  }

  /// Forgets what is there.
  func discard() {
    let files = LiveFileSystem()
    try? files.unlink(path)
    try? files.unlink(originPath)
  }
}
