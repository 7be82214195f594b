// SPDX-License-Identifier: MIT
//
// The processes of a comparison. A round runs every row once under every allocator, so that the
// figures of a cell come from the whole of the run, and a slow minute of the machine meets all.

import Glibc

/// How often, and how long at most.
struct BenchEffort: Equatable {
    /// Processes of each allocator in a row of the workloads.
    var rounds: Int
    /// Runs of each real program.
    var programRounds: Int
    /// Rounds end when the next would take longer than this; nil for no bound.
    var secondsMax: Double?
    /// Whether the first process of every row is looked at after an idle second; else only those
    /// of the family that is about it.
    var idlesEverywhere = false
    /// Rounds in which that family waits for its second.
    var idleRounds = Int.max

    static let full = BenchEffort(
        rounds: 7, programRounds: 3, secondsMax: 55 * 60, idlesEverywhere: true)
    static let quick = BenchEffort(rounds: 3, programRounds: 1, secondsMax: 110, idleRounds: 1)

    /// Rounds in which a row takes part.
    func rounds(of row: PlannedRow) -> Int {
        if case .program = row.task { return programRounds }
        return rounds
    }

    /// Whether a process of a row waits for an idle second.
    func idles(_ row: PlannedRow, round: Int) -> Bool {
        round == 0 && idlesEverywhere || row.row.family == "idle" && round < idleRounds
    }
}

/// Runs rows under each allocator.
struct BenchRunner {
    let workloads: String
    let environment: [String: String]
    let allocators: [Allocator]
    let effort: BenchEffort
    let progress: Progress

    /// The contestant that is no allocator: the writes alone, or the reading of a trace.
    static let touch = "touch"
    /// A process of a workload that takes longer hangs.
    private static let secondsMax = 120.0

    /// What has been measured so far.
    struct State {
        var results: [BenchRowResult]
        /// Why a cell is not measured any more: row, allocator.
        var failed: [[String: String]]
    }

    /// Every row under every allocator.
    func compare(_ rows: [PlannedRow]) throws -> [BenchRowResult] {
        var state = State(
            results: rows.map { BenchRowResult(row: $0.row) },
            failed: Array(repeating: [:], count: rows.count))
        for (index, row) in rows.enumerated() {
            state.results[index].cells = allocators.map { BenchCell(allocator: $0.name) }
            state.results[index].touch = row.baselineName.map { BenchCell(allocator: $0) }
        }
        let start = Self.seconds()
        let rounds = rows.map(effort.rounds(of:)).max() ?? 0
        for round in 0..<rounds {
            let roundStart = Self.seconds()
            for (index, row) in rows.enumerated() where round < effort.rounds(of: row) {
                progress.show(
                    "round \(round + 1)/\(rounds), row \(index + 1)/\(rows.count) \(row.row.title)")
                try measure(row, index, round: round, &state)
            }
            let now = Self.seconds()
            if let secondsMax = effort.secondsMax, round + 1 < rounds,
                now - start + (now - roundStart) > secondsMax
            {
                progress.show("round \(round + 1)/\(rounds) is the last: the time is over")
                break
            }
        }
        progress.clear()
        for index in rows.indices {
            state.results[index].cells.removeAll { $0.samples.isEmpty }
            if state.results[index].touch?.samples.isEmpty == true {
                state.results[index].touch = nil
            }
            let names = allocators.map(\.name) + [Self.touch]
            state.results[index].failures = names.compactMap { name in
                state.failed[index][name].map { "\(rows[index].row.title) under \(name): \($0)" }
            }
        }
        return state.results
    }

    /// One round of one row; each round begins with the next allocator, so that none is always
    /// first.
    private func measure(
        _ row: PlannedRow, _ index: Int, round: Int, _ state: inout State
    ) throws {
        for step in allocators.indices {
            let place = (round + step) % allocators.count
            let allocator = allocators[place]
            guard state.failed[index][allocator.name] == nil else { continue }
            do {
                switch row.task {
                case .workload(let arguments):
                    let report = try self.report(
                        arguments + (effort.idles(row, round: round) ? ["--idle"] : []),
                        under: allocator)
                    state.results[index].cells[place].append(report)
                case .trace(let path):
                    state.results[index].cells[place].append(
                        try replays.report(of: path, under: allocator))
                case .program(let command):
                    if round == 0 { try prove(command, under: allocator) }
                    state.results[index].cells[place].samples.append(
                        try sample(of: command, under: allocator))
                }
            } catch let failure as CellFailure {
                state.failed[index][allocator.name] = failure.reason
                state.results[index].cells[place].samples = []
            }
        }
        guard row.hasTouchBaseline else { return }
        switch row.task {
        case .workload(let arguments):
            let report = try self.report(arguments + ["--touch"], under: nil)
            state.results[index].touch?.append(report)
        case .trace(let path):
            state.results[index].touch?.append(try replays.report(of: path, under: nil))
        case .program:
            break
        }
    }

    /// What replays traces, as `hak replay` does.
    private var replays: ReplayRunner {
        ReplayRunner(
            workloads: workloads, environment: environment, allocators: allocators,
            repetitions: 1, touch: ReplayRunner.touchUsual)
    }

    /// The report of one process that was served by the allocator; nil stands for the C library's.
    func report(_ arguments: [String], under allocator: Allocator?) throws -> WorkloadReport {
        let child = try run(arguments, under: allocator)
        guard child.succeeded else {
            throw CellFailure(
                reason: "\(child.ending). \(child.errors)\nrepeat it with: "
                    + Self.commandLine(workloads, arguments, under: allocator))
        }
        let report = try WorkloadReport(parsing: child.output)
        if let allocator, let reason = report.proofFails(for: allocator) {
            let loader = child.errors.isEmpty ? "" : ". \(child.errors)"
            throw CellFailure(reason: "NOT SERVED: \(reason)\(loader)")
        }
        return report
    }

    /// Runs `workloads` with the allocator preloaded.
    func run(
        _ arguments: [String], under allocator: Allocator?, preloads: Bool = true
    ) throws -> Child {
        try Child.run(
            workloads, arguments, environment: variables(of: allocator, preloads: preloads),
            secondsMax: preloads ? Self.secondsMax : nil)
    }

    /// The environment of an allocator's processes.
    func variables(of allocator: Allocator?, preloads: Bool = true) -> [String: String] {
        (allocator ?? Allocator(name: Self.touch, library: nil))
            .environment(over: environment, preloads: preloads)
    }

    /// What to type to run a process again.
    private static func commandLine(
        _ workloads: String, _ arguments: [String], under allocator: Allocator?
    ) -> String {
        var words = (allocator?.variables ?? [:]).sorted { $0.key < $1.key }
            .map { "\($0)=\($1)" }
        if let library = allocator?.library { words.append("LD_PRELOAD=\(library)") }
        return (words + [workloads] + arguments).joined(separator: " ")
    }

    /// The workloads that there are.
    func listedWorkloads() throws -> [Workload] {
        let child = try run(["--list"], under: nil)
        let listed = Workload.list(parsing: String(decoding: child.output, as: UTF8.self))
        guard child.succeeded, !listed.isEmpty else {
            throw Failure(
                "'\(workloads) --list' gave no scenarios (\(child.ending)); build it again")
        }
        return listed
    }

    private static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// What keeps one cell from being measured; the others go on.
struct CellFailure: Error {
    let reason: String
}

extension BenchCell {
    /// Adds the figures of one process of a workload.
    fileprivate mutating func append(_ report: WorkloadReport) {
        samples.append(BenchSample(report))
        mallocObject = report.header.mallocObject
        if let calls = report.header.hakCalls { hakCalls = min(hakCalls ?? calls, calls) }
    }

    /// Adds the figures of one replay of a trace.
    fileprivate mutating func append(_ report: ReplayReport) {
        samples.append(BenchSample(report))
        mallocObject = report.mallocObject
        if let calls = report.hakCalls { hakCalls = min(hakCalls ?? calls, calls) }
    }
}
