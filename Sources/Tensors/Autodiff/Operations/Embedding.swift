import CKernels

extension Tape {
  /// Sum of rows of one to three tables: word, position and token type.
  ///
  /// `y[r] = Σ_t table_t[ids_t[r]]`; gradient: row `ids_t[r]` of table t gets `dy[r]`.
  ///
  /// - Parameters:
  ///   - tables: each `[entries, columns]`, with one id for each row. An id outside its table is a
  ///     mistake of the caller.
  ///   - packing: how the rows divide.
  /// - Returns: `[rows, columns]`, with the bits of ``ComputeContext/embed(_:rows:)``.
  public func embedding(
    _ tables: [(table: Parameter, ids: [Int32])], packing: Packing
  ) -> Variable {
    let rows = packing.rowCount
    let columns = tables.first?.table.shape.last ?? 0
    for (table, ids) in tables {
      precondition(
        ids.count == rows && table.shape.count == 2 && table.shape[1] == columns
          && ids.allSatisfy { $0 >= 0 && $0 < table.shape[0] },
        "embedding '\(table.name)' \(table.shape): \(ids.count) ids up to \(ids.max() ?? -1)"
          + " for \(rows) rows of \(columns)")
    }
    let y = context.embed(tables.map { ($0.table.value, $0.ids) }, rows: rows)
    return result(y, packing: packing, from: [], tables.map(\.table)) { tape, dy in
      for (table, ids) in tables {
        tape.emit(table, packing: packing, .lookup(ids: ids, outputs: dy))
      }
    }
  }
}
