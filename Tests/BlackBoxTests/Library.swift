// SPDX-License-Identifier: MIT
//
// The library under test and the programs built beside it.

import Foundation
import Testing

/// What `swift build` put beside the test bundle.
enum Product {
    /// The build folder: that of the test bundle.
    static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().path

    /// The malloc to preload. HAKMEM_TEST_LIBRARY names another one, which shows whether a failure
    /// is the library's or the test's.
    static let library =
        ProcessInfo.processInfo.environment["HAKMEM_TEST_LIBRARY"] ?? folder + "/libhakmem.so"

    static let probes = folder + "/probes"
}

/// Whether to run a program with the library preloaded.
enum Malloc: CaseIterable {
    case libc
    case hakmem
}

extension Command {
    /// Runs the program on one malloc or the other. A library that the loader could not preload
    /// is a failure, which otherwise would look like success.
    func run(on malloc: Malloc) -> Outcome {
        var command = self
        if malloc == .hakmem { command.environment["LD_PRELOAD"] = Product.library }
        let outcome = command.run()
        #expect(!outcome.errors.contains("cannot be preloaded"), "\(outcome.errors)")
        return outcome
    }
}

/// Expects that a program ended well, and shows what it wrote where it did not.
func expectSuccess(
    _ outcome: Outcome, _ words: [String], location: SourceLocation = #_sourceLocation
) {
    #expect(
        outcome.isSuccess,
        """
        \(words.joined(separator: " ")): \(outcome.ending)
        output: …\(outcome.output.suffix(1500))
        errors: …\(outcome.errors.suffix(1500))
        """, sourceLocation: location)
}

/// Runs a probe or another program on the library and expects that it ends well.
@discardableResult
func expectSuccess(
    _ words: [String], environment: [String: String] = [:], secondsMax: Int = Command.secondsMax,
    location: SourceLocation = #_sourceLocation
) -> Outcome {
    var command = Command(words)
    command.environment = environment
    command.secondsMax = secondsMax
    let outcome = command.run(on: .hakmem)
    expectSuccess(outcome, words, location: location)
    return outcome
}

/// Runs a program with and without the library, each in a folder of its own that `prepare` fills,
/// and expects the same output and a normal end of both.
func expectSameOutput(
    _ words: [String], input: String = "", environment: [String: String] = [:],
    secondsMax: Int = Command.secondsMax, location: SourceLocation = #_sourceLocation,
    prepare: (TemporaryFolder) throws -> Void = { _ in }
) throws {
    let outcomes = try Malloc.allCases.map { malloc in
        let folder = try TemporaryFolder()
        try prepare(folder)
        var command = Command(words)
        command.input = input
        command.environment = environment
        command.directory = folder.path
        command.secondsMax = secondsMax
        return command.run(on: malloc)
    }
    for outcome in outcomes { expectSuccess(outcome, words, location: location) }
    #expect(
        outcomes[0].output == outcomes[1].output, "\(words.joined(separator: " "))",
        sourceLocation: location)
    #expect(!outcomes[0].output.isEmpty, "no output to compare", sourceLocation: location)
}

/// A folder that goes with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/hakmem-test-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file into it.
    func write(_ name: String, _ contents: String) throws {
        try contents.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
    }
}

/// Programs that a test needs and a machine may lack.
enum Installed {
    private static let isCI = ProcessInfo.processInfo.environment["CI"] == "true"

    /// The trait of a test that needs these programs: without them it is skipped, except in CI,
    /// where the test runs and so fails.
    static func needs(_ programs: String...) -> ConditionTrait {
        let missing = programs.filter { Command.find($0) == nil }
        return .enabled(
            if: missing.isEmpty || isCI,
            "not installed: \(missing.joined(separator: ", ")); see install-test-programs.sh")
    }

    /// The same for something that only a run can tell.
    static func needs(_ what: Comment, _ isThere: Bool) -> ConditionTrait {
        .enabled(if: isCI || isThere, what)
    }
}
