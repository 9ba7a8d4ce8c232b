import Basics
import Foundation
public import SystemPackage

/// Chromium without a window, driven over its debugging pipe, which sees what a page's own policy
/// hides from scripts.
public final class Browser {
  /// What a page did and how it stands.
  public struct Visit: Sendable {
    /// The title after everything ran.
    public var title: String
    /// Errors, warnings and messages of the console.
    public var console: [String]
    /// Addresses that were asked for, the page's own included.
    public var requests: [String]
    /// Dialogs that opened.
    public var dialogs: [String]
    /// Elements whose right edge lies beyond the window, outside of parts that scroll by themselves.
    public var overflowing: [String]
    /// Width of the content less that of the window; 0 where nothing sticks out.
    public var overflow: Int
    /// Elements that can run or load something, and attributes that can.
    public var active: [String]
  }

  /// A browser that did not do what it was told.
  public struct Failure: Error, CustomStringConvertible {
    /// What it said.
    public var description: String
  }

  private let process: PipedProcess
  private let profile: TemporaryDirectory
  private var lastCall = 0
  private var events: [(method: String, parameters: JSONObject)] = []

  /// Starts the browser; `nil` with a line on standard error where it is not installed.
  ///
  /// - Parameter test: The test that asks.
  /// - Throws: `ChildProcess.StartError`.
  public init?(test: String = #function) throws {
    guard let path = TestData.existing("/usr/bin/chromium-headless-shell", test: test) else {
      return nil
    }
    profile = try TemporaryDirectory()
    // The pipe is descriptors 3 and 4 of the browser. It opens files of the tests alone, and as root
    // it refuses to run in its sandbox.
    process = try PipedProcess(
      "/bin/sh",
      [
        "-c",
        #"exec "$0" --remote-debugging-pipe --no-sandbox --disable-gpu --disable-dev-shm-usage"#
          + #" --user-data-dir="$1" 3<&0 4>&1 0</dev/null 1>&2"#,
        path.string, profile.path.string,
      ])
  }

  deinit {
    process.closeInput()
    process.send(signal: 15)
    _ = process.wait(timeout: .seconds(5))
  }

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - file: A page.
  ///   - width: Width of the window in pixels.
  ///   - isDark: Whether the reader prefers dark pages.
  ///   - opens: Whether all `details` are opened before anything is measured.
  ///   - picture: A file for a picture of the whole page.
  /// - Returns: What the page did.
  /// - Throws: `Failure`.
  public func visit(
    _ file: FilePath, width: Int, isDark: Bool = false, opens: Bool = true, picture: FilePath? = nil
  ) throws -> Visit {
    events = []
    let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] ?? .null
    let session = try call("Target.attachToTarget", ["targetId": target, "flatten": true])
    guard let id = session["sessionId"]?.stringValue else {
      throw Failure(description: "no session")
    }
    for domain in ["Page", "Runtime", "Log", "Network"] { try call("\(domain).enable", in: id) }
    try call(
      "Emulation.setDeviceMetricsOverride",
      [
        "width": JSONValue(width), "height": 800, "deviceScaleFactor": 1, "mobile": false,
      ], in: id)
    let scheme: JSONValue = [
      "name": "prefers-color-scheme", "value": .string(isDark ? "dark" : "light"),
    ]
    try call("Emulation.setEmulatedMedia", ["features": .array([scheme])], in: id)
    let address = "file://" + file.string
    try call("Page.navigate", ["url": .string(address)], in: id)
    try waitForEvent("Page.loadEventFired")
    let measured = try evaluate(Self.script(opens: opens), in: id)
    if let picture {
      let size = try call("Page.getLayoutMetrics", in: id)["cssContentSize"]?.objectValue
      let clip: JSONValue = [
        "x": 0, "y": 0, "width": JSONValue(width), "height": size?["height"] ?? 800, "scale": 1,
      ]
      let shot = try call(
        "Page.captureScreenshot", ["clip": clip, "captureBeyondViewport": true], in: id)
      let bytes = Data(base64Encoded: shot["data"]?.stringValue ?? "") ?? Data()
      try bytes.write(to: URL(fileURLWithPath: picture.string))
    }
    try call("Target.closeTarget", ["targetId": target])
    func texts(_ key: String) -> [String] {
      measured[key]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
    return Visit(
      title: measured["title"]?.stringValue ?? "", console: console,
      requests: events.filter { $0.method == "Network.requestWillBeSent" }.map {
        $0.parameters["request"]?.objectValue?["url"]?.stringValue ?? ""
      },
      dialogs: events.filter { $0.method == "Page.javascriptDialogOpening" }.map {
        $0.parameters["message"]?.stringValue ?? ""
      }, overflowing: texts("overflowing"), overflow: measured["overflow"]?.intValue ?? .max,
      active: texts("active"))
  }

  private var console: [String] {
    events.compactMap { method, parameters in
      switch method {
      case "Log.entryAdded": parameters["entry"]?.objectValue?["text"]?.stringValue
      case "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
        try? JSONValue.object(parameters).serialized()
      default: nil
      }
    }
  }

  /// Waits a moment, so that what would run has run, then measures.
  private static func script(opens: Bool) -> String {
    """
    (async () => {
      await new Promise(done => setTimeout(done, 200));
      if (\(opens)) document.querySelectorAll("details").forEach(part => part.open = true);
      const root = document.documentElement, wide = [], active = [];
      for (const part of document.body.querySelectorAll("*")) {
        const box = part.getBoundingClientRect();
        if (box.right > root.clientWidth + 0.5 && !part.closest(".scroll")) {
          wide.push(part.tagName + "." + part.getAttribute("class") + " " + box.right);
        }
      }
      const names = "script,iframe,frame,object,embed,form,base,link,img,video,audio,a,use,image,"
        + "animate,set,foreignObject,meta[http-equiv=refresh]";
      for (const part of document.querySelectorAll(names)) active.push(part.tagName);
      for (const part of document.querySelectorAll("*")) {
        for (const { name } of part.attributes) {
          if (/^on|^style$|^src|href$|^action$|^formaction$/i.test(name)) {
            active.push(part.tagName + " " + name);
          }
        }
      }
      return JSON.stringify({
        title: document.title, overflow: root.scrollWidth - root.clientWidth,
        overflowing: wide.slice(0, 5), active: active.slice(0, 20) });
    })()
    """
  }

  private func evaluate(_ script: String, in session: String) throws -> JSONObject {
    let answer = try call(
      "Runtime.evaluate",
      ["expression": .string(script), "awaitPromise": true, "returnByValue": true], in: session)
    guard let text = answer["result"]?.objectValue?["value"]?.stringValue else {
      throw Failure(description: "the script failed: \(try JSONValue.object(answer).serialized())")
    }
    return try JSONParser.parse(text).requiredObject()
  }

  @discardableResult
  private func call(
    _ method: String, _ parameters: JSONObject = [:], in session: String? = nil
  ) throws -> JSONObject {
    let number = try post(method, parameters, in: session)
    while true {
      let message = try nextMessage(for: method)
      if message["id"]?.intValue == number {
        if let error = message["error"] {
          throw Failure(description: "\(method): \(try error.serialized())")
        }
        return message["result"]?.objectValue ?? [:]
      }
    }
  }

  private func post(
    _ method: String, _ parameters: JSONObject, in session: String?
  ) throws -> Int {
    lastCall += 1
    var message: JSONObject = [
      "id": JSONValue(lastCall), "method": .string(method), "params": .object(parameters),
    ]
    if let session { message["sessionId"] = .string(session) }
    process.send(Array(try JSONValue.object(message).serialized().utf8) + [0])
    return lastCall
  }

  private func waitForEvent(_ name: String) throws {
    while !events.contains(where: { $0.method == name }) { _ = try nextMessage(for: name) }
  }

  private func nextMessage(for purpose: String) throws -> JSONObject {
    guard let line = process.readLine(until: 0) else {
      throw Failure(description: "no answer to \(purpose): \(process.errorText.suffix(2000))")
    }
    let message = try JSONParser.parse(line).requiredObject()
    if let method = message["method"]?.stringValue {
      events.append((method, message["params"]?.objectValue ?? [:]))
      // It would wait for an answer.
      if method == "Page.javascriptDialogOpening" {
        _ = try post(
          "Page.handleJavaScriptDialog", ["accept": true], in: message["sessionId"]?.stringValue)
      }
    }
    return message
  }
}
