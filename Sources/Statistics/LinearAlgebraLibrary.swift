import CBLAS

/// OpenBLAS as it is linked.
public enum LinearAlgebraLibrary {
  /// Name, version and build, such as `OpenBLAS 0.3.21 … SkylakeX MAX_THREADS=64`.
  public static var configuration: String { String(cString: openblas_get_config()) }
}
