import Basics
import Foundation
import FoundationNetworking
import SystemPackage

/// One request and its answer, written to the partial file.
///
/// `@unchecked Sendable`: everything mutable is touched on the session's serial delegate queue, and
/// by the caller only after the semaphore says that the last callback has returned.
final class HTTPTransfer: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  /// How an attempt ended when it did not fail for good.
  enum Outcome {
    /// All bytes are in the partial file.
    case complete
    /// The connection broke or the host is busy; try again, after a time the host may have named.
    case again(String, after: Duration?)
    /// What is there does not fit to what the host has now.
    case restart
  }

  private let url: URL
  private let part: PartialDownload
  private let resume: PartialDownload.Origin?
  private let limits: HTTPDownloader.Limits
  private let progress: HTTPDownloader.Progress

  private let done = DispatchSemaphore(value: 0)
  private var result: Swift.Result<Outcome, any Error>?
  private var descriptor: FileDescriptor?
  private var count = 0
  private var total: Int?
  private var redirections = 0

  init(
    url: URL, part: PartialDownload, resumeFrom: PartialDownload.Origin?,
    limits: HTTPDownloader.Limits, progress: @escaping HTTPDownloader.Progress
  ) {
    self.url = url
    self.part = part
    resume = resumeFrom
    self.limits = limits
    self.progress = progress
  }

  /// Sends the request and waits for the end of the answer.
  func run() throws -> Outcome {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = limits.idleSeconds
    configuration.httpCookieStorage = nil
    configuration.urlCache = nil
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    var request = URLRequest(url: url)
    request.timeoutInterval = limits.idleSeconds
    request.setValue("ragbench", forHTTPHeaderField: "User-Agent")
    // Lengths and ranges must count the bytes of the file itself.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if let resume {
      count = part.count
      request.setValue("bytes=\(count)-", forHTTPHeaderField: "Range")
      if let validator = resume.validator {
        request.setValue(validator, forHTTPHeaderField: "If-Range")
      }
    }
    session.dataTask(with: request).resume()
    done.wait()
    session.finishTasksAndInvalidate()
    try? descriptor?.close()
    guard let result else { return .again("no answer", after: nil) }
    return try result.get()
  }

  private func fail(_ reason: DownloadError.Reason) -> URLSession.ResponseDisposition {
    settle(.failure(DownloadError(address: url.absoluteString, reason: reason)))
    return .cancel
  }

  /// Keeps the first verdict; what comes after it is an echo of the cancellation.
  private func settle(_ result: Swift.Result<Outcome, any Error>) {
    if self.result == nil { self.result = result }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping (URLRequest?) -> Void
  ) {
    redirections += 1
    let isDowngrade =
      response.url?.scheme?.lowercased() == "https" && request.url?.scheme?.lowercased() != "https"
    guard redirections <= 10, !isDowngrade else {
      let reason = isDowngrade ? "the host redirects from https to http" : "too many redirections"
      // No `cancel()` here: the task waits for this completion and would trap (Swift 6.3.1). The
      // redirection itself comes as the answer next and ends the task.
      _ = fail(.content(reason))
      return completionHandler(nil)
    }
    var next = request
    for field in ["Range", "If-Range", "Accept-Encoding", "User-Agent"] {
      let value = task.originalRequest?.value(forHTTPHeaderField: field)
      next.setValue(value, forHTTPHeaderField: field)
    }
    completionHandler(next)
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    completionHandler(disposition(of: response))
  }

  private func disposition(of response: URLResponse) -> URLSession.ResponseDisposition {
    guard let response = response as? HTTPURLResponse else {
      return fail(.content("the answer is not HTTP"))
    }
    if result != nil { return .cancel }
    switch response.statusCode {
    case 200: return begin(response)
    case 206: return resume == nil ? fail(.status(206)) : proceed(response)
    case 416:
      settle(.success(.restart))
      return .cancel
    case 404, 410: return fail(.notFound)
    case 408, 425, 429, 500...599:
      let wanted = response.value(forHTTPHeaderField: "Retry-After").flatMap { Int($0) }
      let delay = wanted.map { Duration.seconds(max(0, min($0, 86_400))) }
      settle(.success(.again("the host answers \(response.statusCode)", after: delay)))
      return .cancel
    default: return fail(.status(response.statusCode))
    }
  }

  /// The whole file follows, also if only the rest of it was asked for.
  private func begin(_ response: HTTPURLResponse) -> URLSession.ResponseDisposition {
    if isPage(response) { return fail(.content("the host answered with an HTML page")) }
    let encoding = response.value(forHTTPHeaderField: "Content-Encoding")?.lowercased()
    let isPlain = encoding == nil || encoding == "identity"
    total =
      isPlain ? response.value(forHTTPHeaderField: "Content-Length").flatMap { Int($0) } : nil
    if let total, total > limits.maximumBytes {
      return fail(
        .content("the file has \(total) bytes, at most \(limits.maximumBytes) are accepted"))
    }
    count = 0
    let origin = PartialDownload.Origin(
      address: url.absoluteString, validator: isPlain ? validator(response) : nil, total: total)
    do {
      try part.begin(origin)
      descriptor = try part.descriptor()
    } catch {
      settle(.failure(error))
      return .cancel
    }
    progress(count, total)
    return .allow
  }

  /// The rest of the file follows, if it is the rest of this file.
  private func proceed(_ response: HTTPURLResponse) -> URLSession.ResponseDisposition {
    guard let range = ContentRange(response.value(forHTTPHeaderField: "Content-Range")),
      range.start == count, resume?.total == nil || resume?.total == range.total,
      range.total <= limits.maximumBytes
    else {
      settle(.success(.restart))
      return .cancel
    }
    total = range.total
    do {
      descriptor = try part.descriptor()
    } catch {
      settle(.failure(error))
      return .cancel
    }
    progress(count, total)
    return .allow
  }

  private func isPage(_ response: HTTPURLResponse) -> Bool {
    let type = response.value(forHTTPHeaderField: "Content-Type")?.lowercased() ?? ""
    return type.hasPrefix("text/html") && !url.pathExtension.lowercased().hasPrefix("htm")
  }

  /// Weak entity tags do not vouch for bytes (RFC 9110, section 13.1.5).
  private func validator(_ response: HTTPURLResponse) -> String? {
    if let tag = response.value(forHTTPHeaderField: "ETag"), tag.hasPrefix("\"") { return tag }
    return response.value(forHTTPHeaderField: "Last-Modified")
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard result == nil, let descriptor else { return }
    count += data.count
    if count > min(total ?? .max, limits.maximumBytes) {
      _ = fail(
        .content("more bytes came than \(total.map { "the \($0) announced" } ?? "are accepted")"))
      return dataTask.cancel()
    }
    do {
      try data.withUnsafeBytes { _ = try descriptor.writeAll($0) }
      progress(count, total)
    } catch {
      let errno = error as? Errno ?? .ioError
      settle(
        .failure(
          FileError(
            cannot: "write", part.path, errno: errno, exitStatus: .inputOutput,
            bytesNeeded: total.map { $0 - count + data.count })))
      dataTask.cancel()
    }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    if let error {
      settle(verdict(on: error))
    } else if let total, count < total {
      settle(.success(.again("the connection ended after \(count) of \(total) bytes", after: nil)))
    } else {
      settle(.success(.complete))
    }
    done.signal()
  }

  private func verdict(on error: any Error) -> Swift.Result<Outcome, any Error> {
    let text = error.localizedDescription
    switch (error as? URLError)?.code {
    case .cannotFindHost, .cannotConnectToHost, .notConnectedToInternet, .dnsLookupFailed:
      // Waiting rarely brings a network back.
      let reason = "the host cannot be reached (\(text)); check the network"
      return .failure(
        DownloadError(address: url.absoluteString, reason: .connection(reason)))
    case .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate,
      .serverCertificateHasUnknownRoot, .badURL, .unsupportedURL:
      return .failure(DownloadError(address: url.absoluteString, reason: .connection(text)))
    case .timedOut:
      return .success(.again("no bytes came for \(limits.idleSeconds) seconds", after: nil))
    default:
      return .success(.again("the connection broke (\(text))", after: nil))
    }
  }
}

/// `bytes 10-99/100` of a partial answer.
struct ContentRange: Equatable {
  let start: Int
  let total: Int

  init?(_ text: String?) {
    guard let text, text.lowercased().hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let total = Int(parts[1]) else { return nil }
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let start = Int(ends[0]), let end = Int(ends[1]), start >= 0,
      start <= end, end == total - 1
    else { return nil }
    self.start = start
    self.total = total
  }
}
