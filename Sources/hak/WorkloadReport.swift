// SPDX-License-Identifier: MIT
//
// What a `workloads` process hands back: a line of JSON, then the samples as 32-bit numbers.

import FoundationEssentials

/// The report of one run of one scenario.
struct WorkloadReport {
    /// The line of JSON; the workload writes its keys in snake case.
    struct Header: Decodable, Equatable {
        let scenario: String
        let iterations: Int
        let warmup: Int
        let minorFaults: Int
        let majorFaults: Int
        let peakKib: Int
        /// The harness's part of the peak.
        let sampleKib: Int
        /// The file that holds malloc as the process resolved it.
        let mallocObject: String
        let freeObject: String
        /// The allocations that hakmem counts as served; absent under other allocators.
        let hakCalls: Int?
    }

    let header: Header
    /// Nanoseconds of every iteration, ascending.
    let samples: [UInt32]

    init(parsing bytes: [UInt8]) throws {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            throw Failure("the workload printed no report; build tool and workloads together")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            header = try decoder.decode(Header.self, from: Data(bytes[..<end]))
        } catch {
            throw Failure(
                "the workload's report is unreadable (\(error)); build tool and workloads together")
        }
        let tail = bytes[(end + 1)...]
        guard tail.count == header.iterations * MemoryLayout<UInt32>.stride else {
            throw Failure(
                """
                the workload's report has \(tail.count) bytes of samples for \
                \(header.iterations) iterations; build tool and workloads together
                """)
        }
        samples = tail.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
        }.sorted()
    }

    /// Why this run was not served by `allocator`; nil when it was.
    func proofFails(for allocator: Allocator) -> String? {
        for (function, object) in [("malloc", header.mallocObject), ("free", header.freeObject)] {
            if let library = allocator.library {
                if object != library {
                    return "\(function) was served by '\(object)', not by '\(library)'"
                }
            } else if !Self.isCLibrary(object) {
                return "\(function) was served by '\(object)', not by the C library"
            }
        }
        guard allocator.name == "hakmem" else { return nil }
        guard let calls = header.hakCalls else {
            return "the library has no hak_stats, so that nothing shows that it served the calls"
        }
        let least = header.iterations + header.warmup
        guard calls >= least else {
            return "hak_stats counts \(calls) allocations where the scenario made \(least)"
        }
        return nil
    }

    /// Whether a path is that of glibc's own library.
    static func isCLibrary(_ path: String) -> Bool {
        let name = FileContents.name(of: path)
        return name.hasPrefix("libc.so") || name.hasPrefix("libc-2")
    }
}

/// A scenario as `workloads --list` names it.
struct Scenario: Equatable {
    let name: String
    /// Iterations where none are asked for.
    let iterations: Int
    /// Whether the same writes without an allocator can be measured.
    let hasTouchBaseline: Bool
    let summary: String

    /// The lines `name iterations touch-or-dash summary`, separated by tabs.
    static func list(parsing text: String) -> [Scenario] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", maxSplits: 3)
            guard fields.count == 4, let iterations = Int(fields[1]) else { return nil }
            return Scenario(
                name: String(fields[0]), iterations: iterations,
                hasTouchBaseline: fields[2] == "touch", summary: String(fields[3]))
        }
    }

    /// Those that `--scenario` names, in its order; all when it is absent.
    static func choose(_ text: String?, from all: [Scenario]) throws -> [Scenario] {
        guard let text else { return all }
        return try text.split(separator: ",").map { word in
            guard let scenario = all.first(where: { $0.name == word }) else {
                let names = all.map(\.name).joined(separator: ", ")
                throw Failure("there is no scenario '\(word)'; use \(names)")
            }
            return scenario
        }
    }
}
