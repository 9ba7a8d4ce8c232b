import Basics
import Retrieval

/// The manifest of an index; its own checksum is put right, or nothing behind it would be reached.
func fuzzManifest(_ bytes: UnsafeRawBufferPointer) {
  var content = Array(bytes)
  if case .object(var object)? = try? JSONParser.parse(bytes) {
    object["checksum"] = nil
    if let text = try? JSONValue.object(object).serialized() {
      object["checksum"] = .string(Checksum.sha256(text))
      content = Array(((try? JSONValue.object(object).serialized()) ?? text).utf8)
    }
  }
  _ = content.withUnsafeBytes { Scratch.file(IndexManifest.fileName, $0) }
  expectReportable {
    let manifest = try IndexManifest.read(
      from: Scratch.directory, rebuild: "ragbench index build")
    let again = Array(try manifest.serialized().utf8)
    _ = again.withUnsafeBytes { Scratch.file(IndexManifest.fileName, $0) }
    let second = try IndexManifest.read(from: Scratch.directory, rebuild: "ragbench index build")
    precondition(second == manifest, "another manifest after writing")
  }
}
