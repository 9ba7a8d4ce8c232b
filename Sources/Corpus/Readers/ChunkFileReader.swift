public import Basics
public import SystemPackage

/// The chunk files of MedRAG (`id`, `title`, `content`, `contents`) and FlashRAG (`id`,
/// `contents`).
///
/// `contents` is title and content joined; where `content` is missing it is the text, and for
/// FlashRAG its first line is the title.
///
/// - SeeAlso: MedRAG `src/data/*.py`; FlashRAG `docs/original_docs/building-index.md`.
public struct ChunkFileReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .chunks }

  /// Reads one passage an object.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    let read: Set<UTF8Key> = ["id", "_id", "title", "content", "contents"]
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      let id = try object.identifier(at: place)
      let inside = place.inRecord(id)
      var title = try object.optionalString("title", at: inside)
      var text = try object.optionalString("content", at: inside)
      if text == nil {
        let contents = try object.string("contents", at: inside)
        // FlashRAG puts the title, often in quotes, on the first line.
        if title == nil, let end = contents.utf8.firstIndex(of: 0x0A) {
          title = unquoted(String(contents[..<end]))
          text = String(contents[contents.utf8.index(after: end)...])
        } else {
          text = contents
        }
      }
      var metadata = JSONObject()
      for (key, value) in object.members where !read.contains(UTF8Key(key)) {
        metadata[key] = value
      }
      try body(
        Passage(id: id, title: title ?? "", text: text ?? "", metadata: metadata), place)
    }
  }

  private func unquoted(_ line: String) -> String {
    let bytes = Array(line.utf8.last == 0x0D ? line.utf8.dropLast() : line.utf8[...])
    guard bytes.count >= 2, bytes.first == 0x22, bytes.last == 0x22 else {
      return String(decoding: bytes, as: UTF8.self)
    }
    return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
  }
}
