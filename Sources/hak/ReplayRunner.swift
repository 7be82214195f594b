// SPDX-License-Identifier: MIT
//
// A trace under every allocator, in processes of their own that take turns, and once more without
// any: what the replayer itself costs.

import CTraceFormat
import FoundationEssentials

/// What `workloads replay` reports about one run.
struct ReplayReport: Decodable {
    let events: Int
    /// Calls that gave a block.
    let births: Int
    let wallNs: Int
    /// CPU time of all threads, without that of their waits for each other.
    let cpuNs: Int
    let waitNs: Int
    let minorFaults: Int
    let majorFaults: Int
    let voluntarySwitches: Int
    let involuntarySwitches: Int
    let peakKib: Int
    /// The replayer's table, which is part of the peak.
    let slotKib: Int
    let mallocObject: String
    let freeObject: String
    /// The allocations that hakmem counts as served; absent under other allocators.
    let hakCalls: Int?

    var cpuMs: Double { Double(cpuNs) / 1e6 }
    var wallMs: Double { Double(wallNs) / 1e6 }
    var contextSwitches: Int { voluntarySwitches + involuntarySwitches }

    init(parsing bytes: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            self = try decoder.decode(ReplayReport.self, from: Data(bytes))
        } catch {
            throw Failure(
                "the replay's report is unreadable (\(error)); build tool and workloads together")
        }
    }

    /// Why this run was not served by `allocator`; nil when it was.
    func proofFails(for allocator: Allocator) -> String? {
        for (function, object) in [("malloc", mallocObject), ("free", freeObject)] {
            let isServed =
                allocator.library.map { $0 == object } ?? WorkloadReport.isCLibrary(object)
            if !isServed {
                let expected = allocator.library.map { "'\($0)'" } ?? "the C library"
                return "\(function) was served by '\(object)', not by \(expected)"
            }
        }
        guard allocator.countsCalls else { return nil }
        // What is recycled on the hit path is not counted, but nothing at all means another heap.
        guard let hakCalls, hakCalls > 0 || births == 0 else {
            let counted = hakCalls == nil ? "is missing" : "counts no allocations"
            return "hak_stats \(counted) where the trace has \(births)"
        }
        return nil
    }
}

extension BenchSample {
    /// The figures of one replay; an operation is an event of the trace.
    init(_ report: ReplayReport) {
        self.init(
            operations: report.events, cpuNs: report.cpuNs, wallNs: report.wallNs,
            minorFaults: report.minorFaults, majorFaults: report.majorFaults,
            voluntarySwitches: report.voluntarySwitches,
            involuntarySwitches: report.involuntarySwitches, peakKib: report.peakKib)
    }
}

/// The figures of one allocator under a trace: medians over its processes.
struct ReplayCell: Codable, Equatable {
    let allocator: String
    /// User and system time of each process without waits, in the order of time.
    let processCpuMs: [Double]
    let cpuMsMin: Double
    let cpuMsMedian: Double
    let wallMsMedian: Double
    let peakKib: Int
    let minorFaults: Int
    let contextSwitches: Int
    /// The file that held malloc, as the processes reported it.
    let mallocObject: String
    let hakCalls: Int?

    /// The figures of at least one process.
    init(allocator: String, reports: [ReplayReport]) {
        func median(_ value: (ReplayReport) -> Double) -> Double {
            Distribution.median(reports.map(value))
        }
        self.allocator = allocator
        processCpuMs = reports.map(\.cpuMs)
        cpuMsMin = processCpuMs.min() ?? 0
        cpuMsMedian = Distribution.median(processCpuMs)
        wallMsMedian = median(\.wallMs)
        peakKib = Int(median { Double($0.peakKib) })
        minorFaults = Int(median { Double($0.minorFaults) })
        contextSwitches = Int(median { Double($0.contextSwitches) })
        mallocObject = reports.first?.mallocObject ?? ""
        hakCalls = reports.compactMap(\.hakCalls).min()
    }
}

/// The name that stands for the replayer by itself.
let replayAloneName = "alone"

struct ReplayRunner {
    let workloads: String
    let environment: [String: String]
    let allocators: [Allocator]
    let repetitions: Int
    let touch: String

    /// What is written to blocks where nothing else is asked for.
    static let touchUsual = "ends"

    /// Replays the trace at `path` under every allocator.
    func compare(_ path: String, _ header: trace_header_t) throws -> ReplayComparison {
        var reports: [String: [ReplayReport]] = [:]
        var failed: [String: String] = [:]
        let contestants = allocators.map(Optional.some) + [nil]
        let progress = Progress(isWanted: false)
        for turn in 0..<repetitions {
            for step in contestants.indices {
                // Each turn begins with the next one, so that none is always first.
                let contestant = contestants[(turn + step) % contestants.count]
                let name = contestant?.name ?? replayAloneName
                guard failed[name] == nil else { continue }
                progress.show("replay \(turn + 1)/\(repetitions) \(name)")
                do {
                    reports[name, default: []].append(try report(of: path, under: contestant))
                } catch let failure as CellFailure {
                    failed[name] = failure.reason
                }
            }
        }
        progress.clear()
        var comparison = ReplayComparison(
            trace: path, header: header, repetitions: repetitions, touch: touch)
        for name in contestants.map({ $0?.name ?? replayAloneName }) {
            if let reason = failed[name] {
                comparison.failures.append("\(path) under \(name): \(reason)")
            } else if let runs = reports[name] {
                comparison.cells.append(ReplayCell(allocator: name, reports: runs))
            }
        }
        return comparison
    }

    /// The report of one process that was served by the allocator; nil stands for the replayer
    /// alone.
    func report(of path: String, under allocator: Allocator?) throws -> ReplayReport {
        let alone = Allocator(name: replayAloneName, library: nil)
        let child = try Child.run(
            workloads, ["replay", path] + (allocator == nil ? ["--alone"] : ["--touch", touch]),
            environment: (allocator ?? alone).environment(over: environment))
        guard child.succeeded else {
            throw CellFailure(reason: "\(child.ending). \(child.errors)")
        }
        let report = try ReplayReport(parsing: child.output)
        guard let reason = allocator.flatMap(report.proofFails) else { return report }
        let loader = child.errors.isEmpty ? "" : ". \(child.errors)"
        throw CellFailure(reason: "NOT SERVED: \(reason)\(loader)")
    }
}
