// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT

import PackageDescription

// What the shipped library is built with, and why (docs/adr/0002-embedded-swift-flags.md).
// A trait that is off leaves its part out of the library (`swift build --disable-default-traits`).
let partSettings: [SwiftSetting] = [
    .define("HAKMEM_LEARNING", .when(traits: ["Learning"])),
    .define("HAKMEM_TIMING", .when(traits: ["Timing"])),
]

let embeddedSettings: [SwiftSetting] = [
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags([
        "-O",  // in debug builds too: globals must be static before any constructor runs
        "-Xfrontend", "-no-allocations",  // any use of Swift's own heap is a compile error
        "-Xfrontend", "-function-sections",  // lets the linker drop unused runtime stubs
        "-Xfrontend", "-disable-stack-protector",
        "-enforce-exclusivity=unchecked",  // its checks are calls, and slow paths are full of them
        "-Xllvm", "-swiftmergefunc-threshold=0",  // keep each export its own code
        "-Xcc", "-momit-leaf-frame-pointer",
    ]),
]

/// How a preloaded library is linked: `module`'s scripts name what it shows.
func preloadedLinkerSettings(
    _ soname: String, module: String, _ flags: [String] = []
) -> [LinkerSetting] {
    let folder = "\(Context.packageDirectory)/Sources/\(module)"
    return [
        .unsafeFlags(
            [
                "-use-ld=lld",
                "-Xlinker", "-z", "-Xlinker", "now",
                "-Xlinker", "-z", "-Xlinker", "relro",
                "-Xlinker", "-z", "-Xlinker", "defs",
                "-Xlinker", "--gc-sections", "-Xlinker", "--strip-debug",
                "-Xlinker", "-soname", "-Xlinker", soname,
                "-Xlinker", "--version-script=\(folder)/exports.ld",
                "-Xlinker", "\(folder)/aliases.ld",
            ] + flags)
    ]
}

let libraryLinkerSettings = preloadedLinkerSettings(
    "libhakmem.so", module: "HakmemCore",
    [
        // A program may close it; its blocks and what ends its threads must still be there.
        "-Xlinker", "-z", "-Xlinker", "nodelete",
        "-Xlinker", "\(Context.packageDirectory)/Sources/HakmemCore/hitpaths.ld",
    ])

// initfirst: what other libraries' constructors allocate is recorded too.
let recorderLinkerSettings = preloadedLinkerSettings(
    "libhakmem-trace.so", module: "HakmemTrace", ["-Xlinker", "-z", "-Xlinker", "initfirst"])

// The sanitizers cannot link the library, which has no runtime: HAKMEM_HOSTED_ONLY=1 leaves it out.
let hostedOnly = Context.environment["HAKMEM_HOSTED_ONLY"] == "1"

let shipped: [Target] = [
    .target(
        name: "HakmemCore",
        dependencies: ["CHakmem", "CHakmemShim"],
        exclude: ["exports.ld", "aliases.ld", "hitpaths.ld"],
        swiftSettings: embeddedSettings + partSettings,
        linkerSettings: libraryLinkerSettings
    ),
    // The recorder of `hak trace`, preloaded in front of glibc's allocator.
    .target(
        name: "HakmemTrace",
        dependencies: ["CRecorder", "CTraceFormat"],
        exclude: ["exports.ld", "aliases.ld"],
        swiftSettings: embeddedSettings,
        linkerSettings: recorderLinkerSettings
    ),
    // Benchmark workloads: Embedded too, so that a process holds the workload and no runtime.
    .executableTarget(
        name: "workloads",
        dependencies: ["CHakmem", "CTraceFormat", "CWorkload"],
        swiftSettings: [
            .enableExperimentalFeature("Embedded"),
            .unsafeFlags(["-O", "-Xfrontend", "-disable-stack-protector"]),
        ],
        linkerSettings: [.unsafeFlags(["-use-ld=lld", "-Xlinker", "--gc-sections"])]
    ),
    .testTarget(
        name: "BlackBoxTests",
        dependencies: ["hak", "probes"],
        exclude: ["programs"]
    ),
]

let shippedProducts: [Product] = [
    .library(name: "hakmem", type: .dynamic, targets: ["HakmemCore"]),
    .library(name: "hakmem-trace", type: .dynamic, targets: ["HakmemTrace"]),
    .executable(name: "workloads", targets: ["workloads"]),
]

let package = Package(
    name: "hakmem",
    products: [.executable(name: "hak", targets: ["hak"])] + (hostedOnly ? [] : shippedProducts),
    traits: [
        .default(enabledTraits: ["Learning", "Timing"]),
        .trait(name: "Learning", description: "strategies that are learnt while a program runs"),
        .trait(name: "Timing", description: "sections of slow paths that are timed on demand"),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Public C header, no code.
        .systemLibrary(name: "CHakmem"),
        // What Swift cannot say: thread-local storage, the return address, raw system calls.
        .systemLibrary(name: "CHakmemShim"),
        // The numbers of the trace formats, no code.
        .systemLibrary(name: "CTraceFormat"),
        // What the recorder cannot say in Swift.
        .systemLibrary(name: "CRecorder"),
        // The libc calls of the workloads, no code.
        .systemLibrary(name: "CWorkload"),
        // The core compiled as ordinary Swift: unit tests, coverage and sanitizers.
        .target(
            name: "HakmemCoreHosted",
            dependencies: ["CHakmem", "CHakmemShim"],
            exclude: ["exports.ld", "aliases.ld", "hitpaths.ld"],
            swiftSettings: [.define("HAKMEM_HOSTED")] + partSettings
        ),
        .executableTarget(
            name: "hak",
            dependencies: [
                "CHakmem", "CTraceFormat", "HakmemCoreHosted",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),
        // Small programs, one case each, that black-box tests run under the library.
        .executableTarget(name: "probes", dependencies: ["CHakmem"]),
        .testTarget(name: "HakmemCoreTests", dependencies: ["HakmemCoreHosted"]),
        .testTarget(name: "HakTests", dependencies: ["CTraceFormat", "hak"]),
        // House rules, and what the built library shows, needs and weighs.
        .testTarget(name: "TidyTests", exclude: ["hit_path.golden"]),
    ] + (hostedOnly ? [] : shipped)
)
