// SPDX-License-Identifier: MIT
//
// The processes of a comparison, run in turns so that a slow minute of the machine meets all.

import Glibc

/// Runs `workloads` under each allocator.
struct BenchRunner {
    let workloads: String
    let environment: [String: String]
    let allocators: [Allocator]
    let repetitions: Int

    /// The allocator to which the others are put in proportion: mimalloc where it takes part,
    /// else the first that is not hakmem, else none.
    var base: Allocator? {
        allocators.first { $0.name == "mimalloc" } ?? allocators.first { $0.name != "hakmem" }
    }

    /// Calls `body` with every allocator `repetitions` times in turns; each turn begins with the
    /// next allocator, so that none is always first.
    func inTurns<Contestant>(
        _ contestants: [Contestant], named name: (Contestant) -> String, of title: String,
        _ body: (Contestant) throws -> Void
    ) rethrows {
        for turn in 0..<repetitions {
            for step in contestants.indices {
                let contestant = contestants[(turn + step) % contestants.count]
                Progress.show("\(title) \(turn + 1)/\(repetitions) \(name(contestant))")
                try body(contestant)
            }
        }
        Progress.clear()
    }

    /// Runs `workloads` with a library preloaded.
    func run(_ arguments: [String], preloading library: String?) throws -> Child {
        var variables = environment
        variables["LD_PRELOAD"] = library
        return try Child.run(workloads, arguments, environment: variables)
    }

    /// The scenarios that the workloads know.
    func scenarios() throws -> [Scenario] {
        let child = try run(["--list"], preloading: nil)
        let scenarios = Scenario.list(parsing: String(decoding: child.output, as: UTF8.self))
        guard child.succeeded, !scenarios.isEmpty else {
            throw Failure(
                "'\(workloads) --list' gave no scenarios (\(child.ending)); build it again")
        }
        return scenarios
    }
}

/// One line on standard error that shows how far a command is; nothing where that is no terminal.
enum Progress {
    private static let isShown = isatty(STDERR_FILENO) == 1

    static func show(_ text: String) {
        if isShown { writeToStandardError("\r\u{1B}[K\(text)") }
    }

    static func clear() {
        if isShown { writeToStandardError("\r\u{1B}[K") }
    }
}
