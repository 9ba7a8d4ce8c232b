// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because everything in it is built with sanitizers (make fuzz). libFuzzer
// brings the `main` function, so there is none here.
let package = Package(
  name: "ragbench-fuzz",
  dependencies: [
    .package(name: "ragbench", path: "..")
  ],
  targets: [
    .executableTarget(
      name: "fuzz",
      dependencies: [
        .product(name: "RagbenchRetrieval", package: "ragbench"),
        .product(name: "RagbenchDefenses", package: "ragbench"),
      ],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])])
  ]
)
