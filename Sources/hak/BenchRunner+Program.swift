// SPDX-License-Identifier: MIT
//
// A real program under every allocator.
//
// Before the timed runs, each allocator is proven in two steps: a workload shows that preloading
// the library binds malloc to it, and a run of the program must have the library in the last state
// of its memory map before its end. That run warms the caches too, and is not timed, since reading
// the map disturbs it. A program that holds an allocator under names of its own is not noticed.

import FoundationEssentials
import Glibc

/// What `workloads program` reports about one run.
struct ProgramReport: Decodable {
    /// The error number where the command could not be started; all else is absent then.
    let spawnErrno: Int32?
    let status: Int32?
    let wallNs: Int?
    let userUs: Int?
    let systemUs: Int?
    let peakKib: Int?

    var cpuSeconds: Double { Double((userUs ?? 0) + (systemUs ?? 0)) / 1e6 }
    var wallSeconds: Double { Double(wallNs ?? 0) / 1e9 }

    /// The report and the memory map behind it.
    static func parse(_ bytes: [UInt8]) throws -> (ProgramReport, MappedObjects) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
            let report = try? decoder.decode(ProgramReport.self, from: Data(bytes[..<end]))
        else {
            throw Failure("no readable report of the program; build tool and workloads together")
        }
        let map = String(decoding: bytes[(end + 1)...], as: UTF8.self)
        return (report, MappedObjects(parsing: map))
    }
}

/// The figures of one allocator under the program.
struct ProgramCell: Codable, Equatable {
    let allocator: String
    /// User and system time of each run, children included, in the order of time.
    let processCpuSeconds: [Double]
    let cpuSecondsMin: Double
    let cpuSecondsMedian: Double
    let wallSecondsMedian: Double
    /// The median over the runs of the largest process's peak resident set.
    let peakKib: Int
    var cpuRatio: Double?
    var wallRatio: Double?
    var peakRatio: Double?

    /// The figures of at least one run.
    init(allocator: String, reports: [ProgramReport]) {
        self.allocator = allocator
        processCpuSeconds = reports.map(\.cpuSeconds)
        cpuSecondsMin = processCpuSeconds.min() ?? 0
        cpuSecondsMedian = Distribution.median(processCpuSeconds)
        wallSecondsMedian = Distribution.median(reports.map(\.wallSeconds))
        peakKib = Int(Distribution.median(reports.map { Double($0.peakKib ?? 0) }))
    }
}

/// The program's cells, and what kept others from being measured.
struct ProgramComparison: Codable {
    let command: [String]
    /// The allocator that ratios refer to.
    let base: String?
    var cells: [ProgramCell] = []
    var failures: [String] = []
}

extension BenchRunner {
    /// Runs for the proof until one shows the library: a program can end before it is looked at.
    private static let proofRunsMax = 5
    /// Iterations of the workload that shows who serves malloc.
    private static let proofIterations = 10

    /// The command under every allocator.
    func compareProgram(_ command: [String]) throws -> ProgramComparison {
        var comparison = ProgramComparison(command: command, base: base?.name)
        var reports: [String: [ProgramReport]] = [:]
        var failed: [String: String] = [:]
        for allocator in allocators {
            Progress.show("proof \(allocator.name)")
            failed[allocator.name] = try proofFails(for: allocator, command)
        }
        let proven = allocators.filter { failed[$0.name] == nil }
        try inTurns(proven, named: \.name, of: "program") { allocator in
            guard failed[allocator.name] == nil else { return }
            let (report, _) = try start(command, under: allocator, proving: false)
            if let reason = report.failure {
                failed[allocator.name] = reason
            } else {
                reports[allocator.name, default: []].append(report)
            }
        }
        for allocator in allocators {
            if let reason = failed[allocator.name] {
                comparison.failures.append("\(command[0]) under \(allocator.name): \(reason)")
            } else if let runs = reports[allocator.name] {
                comparison.cells.append(ProgramCell(allocator: allocator.name, reports: runs))
            }
        }
        comparison.relate()
        return comparison
    }

    /// Why the program does not run on the allocator; nil when it does.
    private func proofFails(for allocator: Allocator, _ command: [String]) throws -> String? {
        var reason = try workloadProofFails(for: allocator)
        if let reason { return "NOT SERVED: \(reason)" }
        for _ in 0..<Self.proofRunsMax {
            let (report, map) = try start(command, under: allocator, proving: true)
            if let failure = report.failure { return failure }
            reason = map.proofFails(for: allocator)
            if reason == nil { return nil }
        }
        return reason.map { "NOT SERVED: \($0) in any of \(Self.proofRunsMax) runs" }
    }

    /// Why a workload under the allocator is not served by it; nil when it is.
    private func workloadProofFails(for allocator: Allocator) throws -> String? {
        let child = try run(
            ["json", "--iterations", "\(Self.proofIterations)"], preloading: allocator.library)
        guard child.succeeded else { return "a workload ended by \(child.ending). \(child.errors)" }
        return try WorkloadReport(parsing: child.output).proofFails(for: allocator)
    }

    private func start(
        _ command: [String], under allocator: Allocator, proving: Bool
    ) throws -> (ProgramReport, MappedObjects) {
        var arguments = ["program"]
        if let library = allocator.library { arguments += ["--preload", library] }
        if proving { arguments.append("--prove") }
        let child = try run(arguments + ["--"] + command, preloading: nil)
        let (report, map) = try ProgramReport.parse(child.output)
        if let error = report.spawnErrno {
            throw Failure("cannot start '\(command[0])': \(errorText(error))")
        }
        return (report, map)
    }
}

extension ProgramReport {
    /// Why the run says nothing about speed; nil when the program ended well.
    var failure: String? {
        guard let status, status != 0 else { return nil }
        return "the program ended by \(Child.ending(of: status)); see it with `hak run`"
    }
}

extension MappedObjects {
    /// Why a process with these files does not run on `allocator`; nil when it does.
    func proofFails(for allocator: Allocator) -> String? {
        if let library = allocator.library {
            return paths.contains(library) ? nil : "the program did not map '\(library)'"
        }
        let foreign = ["libhakmem.", "libmimalloc.", "libjemalloc.", "libtcmalloc", "libtbbmalloc"]
        if let path = path(ofAny: foreign) {
            return "the program itself brings '\(path)', so that glibc's malloc does not run"
        }
        return paths.contains(where: WorkloadReport.isCLibrary)
            ? nil : "the program did not map glibc"
    }
}

extension ProgramComparison {
    /// Puts the cells in proportion to the base.
    mutating func relate() {
        guard let reference = cells.first(where: { $0.allocator == base }) else { return }
        func ratio(_ value: Double, _ base: Double) -> Double? { base > 0 ? value / base : nil }
        for index in cells.indices {
            let cell = cells[index]
            cells[index].cpuRatio = ratio(cell.cpuSecondsMedian, reference.cpuSecondsMedian)
            cells[index].wallRatio = ratio(cell.wallSecondsMedian, reference.wallSecondsMedian)
            cells[index].peakRatio = ratio(Double(cell.peakKib), Double(reference.peakKib))
        }
    }

    /// The table for people.
    func table() -> TextTable {
        let base = base ?? "–"
        var table = TextTable(
            headings: [
                "program", "CPU s min", "median", "max", "wall s", "peak KiB", "CPU vs \(base)",
                "wall vs", "peak vs",
            ], numericColumns: Set(1...8))
        for cell in cells {
            func seconds(_ value: Double) -> String { Numbers.decimal(value, digits: 3) }
            table.append([
                cell.allocator, seconds(cell.cpuSecondsMin), seconds(cell.cpuSecondsMedian),
                seconds(cell.processCpuSeconds.max() ?? 0), seconds(cell.wallSecondsMedian),
                "\(cell.peakKib)", Numbers.ratio(cell.cpuRatio), Numbers.ratio(cell.wallRatio),
                Numbers.ratio(cell.peakRatio),
            ])
        }
        return table
    }
}
