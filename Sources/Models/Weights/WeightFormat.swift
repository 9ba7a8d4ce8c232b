/// File formats that are met where weights are expected, recognised by their first bytes.
enum WeightFormat: String {
  case pickle = "a PyTorch pickle (it could run code when read, so it never is)"
  case zip = "a zip archive, such as a PyTorch checkpoint (never executed)"
  case gguf = "a GGUF file"
  case html = "an HTML page (perhaps an error page of a download)"
  case pointer = "a Git LFS pointer, not the file itself"
  case gzip = "a gzip file"

  /// The format of a file, or nil if its first bytes tell nothing or it may be safetensors.
  static func recognise(_ bytes: UnsafeRawBufferPointer) -> WeightFormat? {
    func starts(with prefix: String) -> Bool {
      bytes.count >= prefix.utf8.count && bytes.prefix(prefix.utf8.count).elementsEqual(prefix.utf8)
    }
    // The length of a safetensors header can have the bytes of any magic number.
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return nil }
    if starts(with: "PK\u{3}\u{4}") { return .zip }
    if starts(with: "GGUF") { return .gguf }
    if starts(with: "version https://git-lfs") { return .pointer }
    if bytes.count >= 2, bytes[0] == 0x1F, bytes[1] == 0x8B { return .gzip }
    if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) { return .pickle }
    let start = bytes.prefix(64).filter { $0 > 0x20 }.map { $0 | 0x20 }
    if start.starts(with: "<!doctype".utf8.map { $0 | 0x20 })
      || start.starts(with: "<html".utf8.map { $0 | 0x20 })
    {
      return .html
    }
    return nil
  }
}
