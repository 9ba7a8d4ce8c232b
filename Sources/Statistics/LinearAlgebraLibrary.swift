import CBLAS

/// OpenBLAS as it is linked.
public enum LinearAlgebraLibrary {
  /// Name, version and build, such as `OpenBLAS 0.3.21 … SkylakeX MAX_THREADS=64`.
  public static var configuration: String { String(cString: openblas_get_config()) }

  /// Keeps OpenBLAS on the calling thread from now on: work is split by its callers, and sums then
  /// have the same bits at any number of threads.
  public static func useOneThread() { openblas_set_num_threads(1) }
}
