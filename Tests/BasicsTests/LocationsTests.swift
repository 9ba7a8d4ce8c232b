import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct LocationsTests {
  @Test(arguments: [
    (["RAGBENCH_HOME": "/r", "XDG_DATA_HOME": "/x", "HOME": "/h"], "/r"),
    (["RAGBENCH_HOME": "", "XDG_DATA_HOME": "/x", "HOME": "/h"], "/x/ragbench"),
    (["XDG_DATA_HOME": "relative", "HOME": "/h"], "/h/.local/share/ragbench"),
    (["HOME": "/h"], "/h/.local/share/ragbench"),
  ])
  func homeFollowsTheEnvironment(environment: [String: String], home: String) throws {
    let locations = try Locations(environment: environment, executable: "/nowhere/ragbench")
    #expect(locations.home == FilePath(home) && locations.share == nil)
    #expect(locations.models == FilePath(home).appending("models"))
    #expect(locations.runs == FilePath(home).appending("runs"))
  }

  @Test func withoutAnyHomeTheVariableIsNamed() {
    let error = #expect(throws: UsageError.self) {
      try Locations(environment: [:], executable: "/bin/ragbench")
    }
    #expect(error?.message.contains("RAGBENCH_HOME") == true)
  }

  @Test func shareIsBesideTheBinaryOrInTheCheckout() throws {
    let directory = try TemporaryDirectory()
    try directory.write("prefix/share/ragbench/Corpora/x", text: "")
    try directory.write("checkout/Package.swift", text: "")
    try directory.write("checkout/Corpora/x", text: "")
    func share(_ executable: String, _ variable: String? = nil) throws -> FilePath? {
      var environment = ["HOME": "/h"]
      environment["RAGBENCH_SHARE"] = variable
      return try Locations(environment: environment, executable: directory.file(executable)).share
    }
    #expect(try share("prefix/bin/ragbench") == directory.file("prefix/share/ragbench"))
    #expect(try share("checkout/.build/x/release/ragbench") == directory.file("checkout"))
    #expect(try share("checkout/.build-2/release/ragbench") == directory.file("checkout"))
    #expect(try share("checkout/bin/ragbench") == nil)
    #expect(try share("prefix/bin/ragbench", "/s") == "/s")
    let found = Locations(home: "/h", share: directory.file("checkout"))
    #expect(try found.shipped("Corpora") == directory.file("checkout/Corpora"))
    for locations in [found, Locations(home: "/h", share: nil)] {
      let error = #expect(throws: FileError.self) { try locations.shipped("Absent") }
      #expect(error?.exitStatus == .noInput)
    }
  }

  @Test func thisProcessIsBuiltInTheCheckout() throws {
    let executable = Locations.currentExecutable()
    let locations = try Locations(environment: ["HOME": "/h"], executable: executable)
    #expect(locations.share == Checkout.root)
  }
}
