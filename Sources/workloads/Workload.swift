// SPDX-License-Identifier: MIT
//
// The table of workloads. A family is one file with the functions that its rows name.

import CWorkload

/// One scenario: its name, how often it runs by default, and what runs.
struct Workload {
    let name: StaticString
    let iterations: Int
    /// Whether `--touch` means something: the same writes to memory that is mapped already.
    let hasTouchBaseline: Bool
    let summary: StaticString
    let run: (inout Measurement) -> Void
}

extension Workload {
    /// Calls `body` with every row, in the order of the reports.
    static func visitAll(_ body: (Workload) -> Void) {
        let rows: [5 of Workload] = [
            Workload(
                name: "json", iterations: 10_000, hasTouchBaseline: true,
                summary: "one live block of 64 KiB: allocate, touch every page, free",
                run: { measureOneLiveBlock(kib: 64, &$0) }),
            Workload(
                name: "mir", iterations: 4_000, hasTouchBaseline: true,
                summary: "one live block of 256 KiB: allocate, touch every page, free",
                run: { measureOneLiveBlock(kib: 256, &$0) }),
            Workload(
                name: "vm", iterations: 500, hasTouchBaseline: true,
                summary: "one live block of 2 MiB: allocate, touch every page, free",
                run: { measureOneLiveBlock(kib: 2 * 1024, &$0) }),
            Workload(
                name: "mixed", iterations: 500, hasTouchBaseline: true,
                summary: "a block of 64 KiB, one of 256 KiB and one of 2 MiB in turn",
                run: { measureMixedBlocks(&$0) }),
            Workload(
                name: "whale", iterations: 50, hasTouchBaseline: true,
                summary: "one live block of 32 MiB: allocate, touch every page, free",
                run: { measureOneLiveBlock(kib: 32 * 1024, &$0) }),
        ]
        for index in rows.indices { body(rows[index]) }
    }

    /// The row of that name.
    static func named(_ name: UnsafePointer<CChar>) -> Workload? {
        var found: Workload?
        visitAll { if matches(name, $0.name) { found = $0 } }
        return found
    }
}

/// Prints the table: name, iterations, `touch` or `-`, summary, separated by tabs.
func listWorkloads() {
    var text = Text(bytesMax: 64 * 1024)
    Workload.visitAll { workload in
        text.append(workload.name)
        text.append("\t")
        text.append(workload.iterations)
        text.append(workload.hasTouchBaseline ? "\ttouch\t" : "\t-\t")
        text.append(workload.summary)
        text.append("\n")
    }
    text.write(to: STDOUT_FILENO)
}

/// Runs one workload as the command line asks, and reports.
func runWorkload(_ workload: Workload, _ arguments: Arguments) {
    var iterations = workload.iterations
    var warmup: Int?
    var touchesOnly = false
    var index = 2
    while let argument = arguments[index] {
        if matches(argument, "--iterations") {
            index += 1
            iterations = number(arguments[index], of: "--iterations", min: 1)
        } else if matches(argument, "--warmup") {
            index += 1
            warmup = number(arguments[index], of: "--warmup", min: 0)
        } else if matches(argument, "--touch") && workload.hasTouchBaseline {
            touchesOnly = true
        } else {
            fail("option unknown to this scenario: ", argument, status: ExitStatus.usage)
        }
        index += 1
    }
    var measurement = Measurement(
        iterations: iterations, warmup: warmup ?? iterations / 10 + 1, touchesOnly: touchesOnly)
    workload.run(&measurement)
    report(measurement, of: workload)
}
