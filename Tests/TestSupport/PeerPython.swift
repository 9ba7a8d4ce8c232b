import Glibc

/// The Python with the libraries that ours is compared with (`PEER_PYTHON`).
public enum PeerPython {
  /// Its path; nil where none is named.
  public static let path: String? = getenv("PEER_PYTHON").map { String(cString: $0) }
}
