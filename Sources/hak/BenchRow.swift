// SPDX-License-Identifier: MIT
//
// The rows of a comparison: workloads as `workloads --list` names them, spread over thread counts
// and live sets, and which of them a command line asks for.

/// A workload as `workloads --list` names it.
struct Workload: Equatable {
    let name: String
    let family: String
    /// Operations where none are asked for.
    let iterations: Int
    /// `touch`, `threads`, `live`, `quick`, `micro`, `experiment`.
    let traits: Set<String>
    let summary: String

    /// The lines `name family iterations traits summary`, separated by tabs.
    static func list(parsing text: String) -> [Workload] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", maxSplits: 4).map(String.init)
            guard fields.count == 5, let iterations = Int(fields[2]) else { return nil }
            return Workload(
                name: fields[0], family: fields[1], iterations: iterations,
                traits: Set(fields[3].split(separator: ",").map(String.init)), summary: fields[4])
        }
    }
}

/// What one line of the matrix stands for.
struct BenchRow: Codable, Equatable, Hashable {
    let name: String
    let family: String
    let summary: String
    var threads: Int?
    /// Live blocks, where the row varies them.
    var live: Int?

    /// The name with what is varied: `hand-over ×16`, `scale 100k`.
    var title: String {
        if let threads { return "\(name) ×\(threads)" }
        if let live { return "\(name) \(Numbers.short(live))" }
        return name
    }
}

/// A row, and what a process has to be told to run it.
struct PlannedRow: Equatable {
    enum Task: Equatable {
        /// The arguments of `workloads`: the name, `--iterations`, their count, and what else.
        case workload([String])
        /// The command line of a real program.
        case program([String])
        /// The file of a trace.
        case trace(String)
    }

    let row: BenchRow
    let task: Task
    /// Whether what the harness does by itself is one more contestant: the writes alone, or the
    /// reading of the trace.
    var hasTouchBaseline = false
    /// Whether an operation's instructions can be counted.
    var isMicro = false
    /// Operations of one process; 1 for a program.
    var operations = 1

    /// What the figures of the harness by itself are called.
    var baselineName: String? {
        guard hasTouchBaseline else { return nil }
        if case .trace = task { return replayAloneName }
        return BenchRunner.touch
    }
}

/// Which rows are asked for.
struct RowSelection: Equatable {
    /// Names of rows; nil for all.
    var names: [String]?
    /// Names of families; nil for all.
    var families: [String]?
    /// Thread counts of the rows that take them.
    var threads: [Int]?
    /// Operations instead of the workloads' own.
    var iterations: Int?
    var isQuick = false

    static let threadCounts = [1, 2, 4, 8, 16, 64]
    static let quickThreadCounts = [4]
    static let liveCounts = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
    /// Live blocks up to which instructions are counted: the live set is filled under callgrind.
    private static let countedLiveMax = 100_000

    /// Whether a row is asked for; naming a row overrides what is quick.
    func includes(name: String, family: String, isQuick rowIsQuick: Bool) -> Bool {
        if let families, !families.contains(family) { return false }
        if let names { return names.contains(name) }
        return rowIsQuick || !isQuick || families != nil
    }

    /// Refuses names that no row or family has.
    func check(names known: [String], families knownFamilies: [String]) throws {
        for name in names ?? [] where !known.contains(name) {
            throw Failure(
                "there is no scenario '\(name)'; use \(known.joined(separator: ", "))")
        }
        for family in families ?? [] where !knownFamilies.contains(family) {
            var distinct: [String] = []
            for known in knownFamilies where !distinct.contains(known) { distinct.append(known) }
            throw Failure(
                "there is no family '\(family)'; use \(distinct.joined(separator: ", "))")
        }
    }

    /// The rows of workloads, each once for every thread count or live set.
    func rows(of workloads: [Workload]) -> [PlannedRow] {
        // Experiments are no comparison of allocators: they run when they are named.
        let isNamed = names != nil || families != nil
        return workloads.filter {
            (isNamed || !$0.traits.contains("experiment"))
                && includes(
                    name: $0.name, family: $0.family, isQuick: $0.traits.contains("quick"))
        }.flatMap { workload in
            if workload.traits.contains("threads") {
                let counts = threads ?? (isQuick ? Self.quickThreadCounts : Self.threadCounts)
                return counts.map { planned(workload, threads: $0, live: nil) }
            }
            if workload.traits.contains("live") {
                return Self.liveCounts.map { planned(workload, threads: nil, live: $0) }
            }
            return [planned(workload, threads: nil, live: nil)]
        }
    }

    private func planned(_ workload: Workload, threads: Int?, live: Int?) -> PlannedRow {
        let operations = iterations ?? max(1, workload.iterations / (isQuick ? 2 : 1))
        var arguments = [workload.name, "--iterations", "\(operations)"]
        if let threads { arguments += ["--threads", "\(threads)"] }
        if let live { arguments += ["--live", "\(live)"] }
        return PlannedRow(
            row: BenchRow(
                name: workload.name, family: workload.family, summary: workload.summary,
                threads: threads, live: live),
            task: .workload(arguments), hasTouchBaseline: workload.traits.contains("touch"),
            isMicro: workload.traits.contains("micro") && (live ?? 0) <= Self.countedLiveMax,
            operations: operations)
    }
}
