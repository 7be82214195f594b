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
    let minorFaults: Int?
    let majorFaults: Int?
    let voluntarySwitches: Int?
    let involuntarySwitches: Int?
    /// Of the largest process.
    let peakKib: Int?

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

    /// Why the run says nothing about speed; nil when the program ended well.
    var failure: String? {
        guard let status, status != 0 else { return nil }
        return "the program ended by \(Child.ending(of: status)); see it with `hak run`"
    }
}

extension BenchSample {
    /// The figures of one run of a program, its children included.
    init(_ report: ProgramReport) {
        self.init(
            operations: 1, cpuNs: ((report.userUs ?? 0) + (report.systemUs ?? 0)) * 1_000,
            wallNs: report.wallNs ?? 0, minorFaults: report.minorFaults ?? 0,
            majorFaults: report.majorFaults ?? 0,
            voluntarySwitches: report.voluntarySwitches ?? 0,
            involuntarySwitches: report.involuntarySwitches ?? 0, peakKib: report.peakKib ?? 0)
    }
}

extension BenchRunner {
    /// Runs for the proof until one shows the library: a program can end before it is looked at.
    private static let proofRunsMax = 5
    /// The workload that shows who serves malloc.
    private static let proof = ["json", "--iterations", "10"]

    /// One run of a program.
    func sample(of command: [String], under allocator: Allocator) throws -> BenchSample {
        let (report, _) = try start(command, under: allocator, proves: false)
        if let reason = report.failure { throw CellFailure(reason: reason) }
        return BenchSample(report)
    }

    /// Runs the program until it has shown that it runs on the allocator.
    func prove(_ command: [String], under allocator: Allocator) throws {
        _ = try report(Self.proof, under: allocator)
        var reason: String?
        for _ in 0..<Self.proofRunsMax {
            let (report, map) = try start(command, under: allocator, proves: true)
            if let failure = report.failure { throw CellFailure(reason: failure) }
            reason = map.proofFails(for: allocator)
            guard reason != nil else { return }
        }
        throw CellFailure(
            reason: "NOT SERVED: \(reason ?? "") in any of \(Self.proofRunsMax) runs")
    }

    private func start(
        _ command: [String], under allocator: Allocator, proves: Bool
    ) throws -> (ProgramReport, MappedObjects) {
        var arguments = ["program"]
        if let library = allocator.library { arguments += ["--preload", library] }
        if proves { arguments.append("--prove") }
        let child = try run(arguments + ["--"] + command, under: allocator, preloads: false)
        let (report, map) = try ProgramReport.parse(child.output)
        if let error = report.spawnErrno {
            throw Failure("cannot start '\(command[0])': \(errorText(error))")
        }
        return (report, map)
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
