/// Records that are public and private at once: for them "private" means nothing.
public enum PublicDuplicates {
  /// Leaves out private records that are public too. The other way round the public phase would
  /// depend on private data.
  ///
  /// - Parameters:
  ///   - publicRecords: what everybody has.
  ///   - records: the private records.
  ///   - key: what makes two records the same.
  /// - Returns: the private records that are not public, and how many were; their number is a fact
  ///   about private data.
  public static func removed<Record, Key: Hashable>(
    _ publicRecords: [Record], from records: [Record], by key: (Record) -> Key
  ) -> (kept: [Record], duplicates: Int) {
    let known = Set(publicRecords.map(key))
    let kept = records.filter { !known.contains(key($0)) }
    return (kept, records.count - kept.count)
  }
}
