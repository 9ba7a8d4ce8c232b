// swift-tools-version: 6.2
import PackageDescription

// Every Swift target is compiled with the same strictness.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")

let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")

let targets: [Target] = [
  .systemLibrary(
    name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra"])]),
  .target(
    name: "CFaiss",
    cxxSettings: [.unsafeFlags(["-Wall", "-Wextra"])],
    linkerSettings: [
      .linkedLibrary("faiss"), .linkedLibrary("openblas"), .linkedLibrary("gomp"),
    ]),

  .target(name: "Basics", dependencies: ["CZlib", system, crypto, toml], swiftSettings: strict),
  .target(name: "Statistics", dependencies: ["CBLAS"], swiftSettings: strict),
  .target(
    name: "Tensors", dependencies: ["CKernels"], swiftSettings: strict),
  .target(
    name: "Models", dependencies: ["Basics", "Tensors", "CKernels", system], swiftSettings: strict),
  .target(name: "Corpus", dependencies: ["Basics", "Tensors", system], swiftSettings: strict),
  .target(
    name: "Retrieval",
    dependencies: [
      "Basics", "CFaiss", "CKernels", "Corpus", "Models", "Statistics", "Tensors", grdb, system,
    ],
    swiftSettings: strict),
  .target(
    name: "Training", dependencies: ["Basics", "Models", "Tensors", system],
    swiftSettings: strict),
  .target(
    name: "Privacy",
    dependencies: [
      "Basics", "CKernels", "Models", "Statistics", "Tensors", "Training", crypto, system,
    ],
    swiftSettings: strict),
  .target(
    name: "Attacks", dependencies: ["Basics", "Corpus", "Models", "Tensors", system],
    path: "Attacks", swiftSettings: strict),
  .target(
    name: "Defenses",
    dependencies: [
      "Basics", "CBLAS", "Corpus", "Models", "Retrieval", "Statistics", "Tensors", system,
    ],
    path: "Defenses", swiftSettings: strict),
  .target(
    name: "Evaluation",
    dependencies: [
      "Attacks", "Basics", "Corpus", "Defenses", "Models", "Privacy", "Retrieval", "Statistics",
      "Tensors", "Training", system,
    ],
    swiftSettings: strict),
  .target(
    name: "Reports", dependencies: ["Basics", "Statistics", system], swiftSettings: strict),
  .target(
    name: "QueryServer",
    dependencies: [
      "Basics", "Corpus", "Defenses", "Evaluation", "Models", "Retrieval", "Statistics", "Tensors",
      system,
    ],
    swiftSettings: strict),
  .executableTarget(
    name: "ragbench",
    dependencies: [
      "Attacks", "Basics", "Corpus", "Defenses", "Evaluation", "Models", "Privacy", "QueryServer",
      "Reports", "Retrieval", "Statistics", "Tensors", "Training", argumentParser, system,
    ],
    swiftSettings: strict),

  .target(
    name: "TestSupport", dependencies: ["Basics", system], path: "Tests/TestSupport",
    swiftSettings: strict),
  .testTarget(
    name: "BasicsTests", dependencies: ["Basics", "TestSupport", system], swiftSettings: strict),
  .testTarget(
    name: "StatisticsTests", dependencies: ["Statistics", "Basics", "TestSupport"],
    swiftSettings: strict),
  .testTarget(
    name: "TensorsTests", dependencies: ["CKernels", "Tensors", "Basics", "TestSupport"],
    swiftSettings: strict),
  .testTarget(
    name: "ModelsTests", dependencies: ["Models", "Basics", "Tensors", "TestSupport", system],
    swiftSettings: strict),
  .testTarget(
    name: "CorpusTests", dependencies: ["Corpus", "Basics", "TestSupport", system],
    swiftSettings: strict),
  .testTarget(
    name: "RetrievalTests",
    dependencies: [
      "Retrieval", "Basics", "CKernels", "Corpus", "Models", "Statistics", "Tensors", "TestSupport",
      system,
    ],
    swiftSettings: strict),
  .testTarget(
    name: "TrainingTests",
    dependencies: ["Training", "Basics", "Models", "Tensors", "TestSupport", system],
    swiftSettings: strict),
  .testTarget(
    name: "PrivacyTests",
    dependencies: [
      "Privacy", "Basics", "CKernels", "Evaluation", "Models", "Statistics", "Tensors", "Training",
      "TestSupport", system,
    ],
    swiftSettings: strict),
  .testTarget(
    name: "AttacksTests",
    dependencies: [
      "Attacks", "Basics", "Corpus", "Models", "Tensors", "TestSupport", system,
    ],
    swiftSettings: strict),
  .testTarget(
    name: "DefensesTests",
    dependencies: [
      "Defenses", "Basics", "Models", "Retrieval", "Statistics", "Tensors", "TestSupport",
      system,
    ],
    swiftSettings: strict),
  .testTarget(
    name: "EvaluationTests",
    dependencies: [
      "Evaluation", "Attacks", "Basics", "Corpus", "Defenses", "Models", "Privacy", "Retrieval",
      "Statistics", "Tensors", "TestSupport", "Training", system,
    ],
    swiftSettings: strict),
  .testTarget(
    name: "QueryServerTests",
    dependencies: [
      "QueryServer", "Basics", "Corpus", "Defenses", "Models", "Retrieval", "Statistics",
      "TestSupport", system,
    ],
    swiftSettings: strict),
  .testTarget(
    name: "ReportsTests", dependencies: ["Reports", "Basics", "TestSupport", system],
    swiftSettings: strict),
  .testTarget(
    name: "ragbenchTests", dependencies: ["Basics", "TestSupport", grdb, system],
    swiftSettings: strict),
]

let package = Package(
  name: "ragbench",
  products: [
    .executable(name: "ragbench", targets: ["ragbench"]),
    // For Benchmarks/.
    .library(
      name: "RagbenchRetrieval",
      targets: ["Basics", "CKernels", "Models", "Retrieval", "Tensors"]),
    .library(name: "RagbenchTraining", targets: ["Basics", "Models", "Tensors", "Training"]),
    .library(
      name: "RagbenchPrivacy", targets: ["Basics", "Models", "Privacy", "Tensors", "Training"]),
    .library(name: "CBLAS", targets: ["CBLAS"]),
    // For Fuzz/ and Benchmarks/.
    .library(
      name: "RagbenchDefenses",
      targets: ["Basics", "Defenses", "Retrieval", "Statistics", "Tensors"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
  ],
  targets: targets,
  cLanguageStandard: .c17,
  cxxLanguageStandard: .cxx17
)

// The documentation plug-in joins only when documentation is built (make docs).
if Context.environment["RAGBENCH_DOCS"] != nil {
  package.dependencies.append(
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", exact: "1.5.0"))
}
