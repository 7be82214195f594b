// SPDX-License-Identifier: MIT
//
// The table of workloads. A family is one file with its rows and the functions that they name.

import CWorkload

/// One workload: its name, how often it runs by default, and what runs.
struct Workload {
    let name: StaticString
    let family: StaticString
    /// Operations of a run where none are asked for.
    let iterations: Int
    let traits: Traits
    let summary: StaticString
    let run: (inout Measurement) -> Void

    init(
        _ name: StaticString, _ family: StaticString, iterations: Int, _ traits: Traits,
        _ summary: StaticString, run: @escaping (inout Measurement) -> Void
    ) {
        self.name = name
        self.family = family
        self.iterations = iterations
        self.traits = traits
        self.summary = summary
        self.run = run
    }
}

/// What `hak bench` may ask of a workload.
struct Traits: OptionSet {
    let rawValue: Int

    /// `--touch`: the same writes to memory that is mapped already.
    static let touch = Traits(rawValue: 1)
    /// `--threads`.
    static let threads = Traits(rawValue: 2)
    /// `--live`.
    static let live = Traits(rawValue: 4)
    /// Part of the quick comparison.
    static let quick = Traits(rawValue: 8)
    /// One thread, and an operation always takes the same path: instructions can be counted.
    static let micro = Traits(rawValue: 16)
    /// No row of the comparison: scripts/learn-experiment.py runs it under several strategies.
    static let experiment = Traits(rawValue: 32)
}

extension Workload {
    /// Calls `body` with every row, in the order of the reports.
    static func visitAll(_ body: (Workload) -> Void) {
        visitOneLiveBlock(body)
        visitLastInFirstOut(body)
        visitChurn(body)
        visitScale(body)
        visitBulk(body)
        visitWalks(body)
        visitGrowth(body)
        visitZeroed(body)
        visitImages(body)
        visitAligned(body)
        visitContainers(body)
        visitPhases(body)
        visitThreadedChurn(body)
        visitHandOver(body)
        visitQueues(body)
        visitMessages(body)
        visitSharing(body)
        visitShortThreads(body)
        visitIdle(body)
        visitLearning(body)
        visitLearningPhases(body)
        visitLearningSites(body)
    }

    /// The row of that name.
    static func named(_ name: UnsafePointer<CChar>) -> Workload? {
        var found: Workload?
        visitAll { if matches(name, $0.name) { found = $0 } }
        return found
    }
}

/// Prints the table: name, family, iterations, traits or `-`, summary, separated by tabs.
func listWorkloads() {
    var text = Text(bytesMax: 64 * 1024)
    Workload.visitAll { workload in
        text.append(workload.name)
        text.append("\t")
        text.append(workload.family)
        text.append("\t")
        text.append(workload.iterations)
        text.append("\t-")
        if workload.traits.contains(.touch) { text.append(",touch") }
        if workload.traits.contains(.threads) { text.append(",threads") }
        if workload.traits.contains(.live) { text.append(",live") }
        if workload.traits.contains(.quick) { text.append(",quick") }
        if workload.traits.contains(.micro) { text.append(",micro") }
        if workload.traits.contains(.experiment) { text.append(",experiment") }
        text.append("\t")
        text.append(workload.summary)
        text.append("\n")
    }
    text.write(to: STDOUT_FILENO)
}

/// Runs one workload as the command line asks, and reports.
func runWorkload(_ workload: Workload, _ arguments: Arguments) {
    var iterations = workload.iterations
    var warmup: Int?
    var threads = 1
    var live = 1_000
    var touchesOnly = false
    var idles = false
    var index = 2
    while let argument = arguments[index] {
        if matches(argument, "--iterations") {
            index += 1
            iterations = number(arguments[index], of: "--iterations", min: 1)
        } else if matches(argument, "--warmup") {
            index += 1
            warmup = number(arguments[index], of: "--warmup", min: 0)
        } else if matches(argument, "--threads") && workload.traits.contains(.threads) {
            index += 1
            threads = number(arguments[index], of: "--threads", min: 1)
        } else if matches(argument, "--live") && workload.traits.contains(.live) {
            index += 1
            live = number(arguments[index], of: "--live", min: 1)
        } else if matches(argument, "--touch") && workload.traits.contains(.touch) {
            touchesOnly = true
        } else if matches(argument, "--idle") {
            idles = true
        } else {
            fail("option unknown to this scenario: ", argument, status: ExitStatus.usage)
        }
        index += 1
    }
    var measurement = Measurement(
        iterations: iterations, warmup: warmup ?? iterations / 10 + 1, threads: threads,
        live: live, touchesOnly: touchesOnly)
    workload.run(&measurement)
    report(measurement, of: workload, idles: idles)
}
