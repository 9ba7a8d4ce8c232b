public import Basics
public import Foundation
import FoundationNetworking
public import SystemPackage

/// Downloads files over HTTP and goes on where an earlier attempt or process stopped.
public struct HTTPDownloader: Sendable {
  /// How patient and how generous a download is.
  public struct Limits: Sendable {
    /// Bytes of a file that are accepted.
    public var maximumBytes = 16 << 30
    /// Attempts in a row without a new byte before giving up.
    public var attempts = 5
    /// Wait before the second attempt; doubled for each further one.
    public var firstDelay: Duration = .seconds(1)
    /// The longest wait between attempts, also if the host asks for more.
    public var maximumDelay: Duration = .seconds(60)
    /// Seconds without a byte after which a connection is given up.
    public var idleSeconds = 60.0

    /// The limits that are used unless others are named.
    public init() {}
  }

  /// A file that has arrived.
  public struct Result: Sendable, Equatable {
    /// Size in bytes.
    public var bytes: Int
    /// SHA-256 of the file.
    public var sha256: String
    /// Bytes that were there from an earlier process.
    public var resumedBytes: Int
  }

  /// Called with the bytes there are and the bytes of the whole file, if known.
  public typealias Progress = @Sendable (_ done: Int, _ total: Int?) -> Void

  private let limits: Limits
  private let pause: @Sendable (Duration) -> Void

  /// A downloader.
  ///
  /// - Parameters:
  ///   - limits: Patience and sizes.
  ///   - pause: Waits between attempts; tests replace it.
  public init(
    limits: Limits = Limits(),
    pause: @escaping @Sendable (Duration) -> Void = { Thread.sleep(forTimeInterval: $0.inSeconds) }
  ) {
    self.limits = limits
    self.pause = pause
  }

  /// Downloads a file; blocks until it is there.
  ///
  /// - Parameters:
  ///   - url: An `http` or `https` address; redirections are followed, never from https to http.
  ///   - target: The file; it appears when it is whole. `<target>.part` holds it until then and is
  ///     left in place by a failure of the connection.
  ///   - sha256: The checksum, `nil` if it is not known.
  ///   - progress: Called while bytes come, on another thread.
  /// - Returns: Size and checksum of the file.
  /// - Throws: `DownloadError`; `FileError` if the file cannot be written.
  public func download(
    _ url: URL, to target: FilePath, sha256: String? = nil,
    progress: @escaping Progress = { _, _ in }
  ) throws -> Result {
    try run(url, PartialDownload(target: target), sha256: sha256, progress: progress)
  }

  private func run(
    _ url: URL, _ part: PartialDownload, sha256: String?, progress: @escaping Progress
  ) throws -> Result {
    let address = url.absoluteString
    guard let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      url.host(percentEncoded: true) ?? "" != ""
    else { throw DownloadError(address: address, reason: .content("not an http(s) address")) }
    let resumed = usableCount(part, address, sha256: sha256)
    var failures = 0
    while true {
      let before = usableCount(part, address, sha256: sha256)
      if before == 0 { part.discard() }
      let transfer = HTTPTransfer(
        url: url, part: part, resumeFrom: before == 0 ? nil : part.origin(), limits: limits,
        progress: progress)
      switch try transfer.run() {
      case .complete:
        return try finish(part, address, sha256: sha256, resumed: resumed)
      case .restart:
        part.discard()
        failures += 1
        if failures >= limits.attempts {
          throw DownloadError(
            address: address, reason: .connection("the host's answers about the file's size differ")
          )
        }
      case .again(let reason, let wanted):
        failures = part.count > before ? 1 : failures + 1
        if failures >= limits.attempts {
          throw DownloadError(address: address, reason: .connection(reason))
        }
        let backoff = limits.firstDelay * (1 << min(failures - 1, 20))
        pause(min(max(backoff, wanted ?? .zero), limits.maximumDelay))
      }
    }
  }

  /// Bytes that may be continued: of this address, and the host can tell whether they still fit.
  private func usableCount(_ part: PartialDownload, _ address: String, sha256: String?) -> Int {
    guard let origin = part.origin(), origin.address == address,
      origin.validator != nil || sha256 != nil, part.count <= origin.total ?? .max
    else { return 0 }
    return part.count
  }

  private func finish(
    _ part: PartialDownload, _ address: String, sha256: String?, resumed: Int
  ) throws -> Result {
    let bytes = part.count
    do {
      try refuseOtherContent(part.path, address)
      let found = try Checksum.sha256(of: part.path)
      if let sha256, found != sha256 {
        throw DownloadError(
          address: address, reason: .content("the file has SHA-256 \(found), expected \(sha256)"))
      }
      try part.complete()
      return Result(bytes: bytes, sha256: found, resumedBytes: resumed)
    } catch let error as DownloadError {
      // These bytes are wrong; to go on from them would never end well.
      part.discard()
      throw error
    }
  }

  private func refuseOtherContent(_ path: FilePath, _ address: String) throws {
    let file = try MappedFile(path)
    let format = file.withBytes(WeightFormat.recognise)
    let name = URL(string: address)?.lastPathComponent ?? address
    let isText = [".md", ".html", ".htm"].contains { name.lowercased().hasSuffix($0) }
    if format == .pointer || format == .html && !isText, let format {
      throw DownloadError(
        address: address, reason: .content("the host answered with \(format.rawValue)"))
    }
  }
}
