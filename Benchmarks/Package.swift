// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing a user builds depends on it.
let package = Package(
  name: "ragbench-benchmarks",
  dependencies: [
    .package(name: "ragbench", path: "..")
  ],
  targets: [
    .executableTarget(
      name: "embedding-benchmark",
      dependencies: [
        .product(name: "CBLAS", package: "ragbench"),
        .product(name: "RagbenchRetrieval", package: "ragbench"),
      ]),
    .executableTarget(
      name: "training-benchmark",
      dependencies: [.product(name: "RagbenchTraining", package: "ragbench")]),
    .executableTarget(
      name: "generator-benchmark",
      dependencies: [.product(name: "RagbenchTraining", package: "ragbench")]),
    .executableTarget(
      name: "privacy-benchmark",
      dependencies: [.product(name: "RagbenchPrivacy", package: "ragbench")]),
    .executableTarget(
      name: "detector-benchmark",
      dependencies: [.product(name: "RagbenchDefenses", package: "ragbench")]),
  ]
)
