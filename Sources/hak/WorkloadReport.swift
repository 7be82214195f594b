// SPDX-License-Identifier: MIT
//
// What a `workloads` process hands back: a line of JSON, then the samples as 32-bit numbers.

import FoundationEssentials

/// The report of one run of one workload.
struct WorkloadReport {
    /// The line of JSON; the workload writes its keys in snake case.
    struct Header: Decodable, Equatable {
        let scenario: String
        let operations: Int
        /// Allocations that the process made at least, outside the section too.
        let allocationsMin: Int
        let wallNs: Int
        let cpuNs: Int
        let minorFaults: Int
        let majorFaults: Int
        let voluntarySwitches: Int
        let involuntarySwitches: Int
        let peakKib: Int
        /// Absent where nobody waited for it.
        let idleKib: Int?
        /// Iterations that were timed by themselves.
        let samples: Int
        /// The file that holds malloc as the process resolved it.
        let mallocObject: String
        let freeObject: String
        /// The allocations that hakmem counts as served; absent under other allocators.
        let hakCalls: Int?
    }

    let header: Header
    /// Nanoseconds of the iterations that were timed by themselves, ascending.
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
        guard tail.count == header.samples * MemoryLayout<UInt32>.stride else {
            throw Failure(
                """
                the workload's report has \(tail.count) bytes of samples for \
                \(header.samples) iterations; build tool and workloads together
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
        guard allocator.countsCalls else { return nil }
        guard let calls = header.hakCalls else {
            return "the library has no hak_stats, so that nothing shows that it served the calls"
        }
        // What is recycled on the hit path is not counted, but nothing at all means another heap.
        return calls > 0 || header.allocationsMin == 0 ? nil : "hak_stats counts no allocations"
    }

    /// Whether a path is that of glibc's own library.
    static func isCLibrary(_ path: String) -> Bool {
        let name = FileContents.name(of: path)
        return name.hasPrefix("libc.so") || name.hasPrefix("libc-2")
    }
}

extension BenchSample {
    /// The figures of one process of a workload.
    init(_ report: WorkloadReport) {
        let header = report.header
        self.init(
            operations: header.operations, cpuNs: header.cpuNs, wallNs: header.wallNs,
            minorFaults: header.minorFaults, majorFaults: header.majorFaults,
            voluntarySwitches: header.voluntarySwitches,
            involuntarySwitches: header.involuntarySwitches, peakKib: header.peakKib,
            idleKib: header.idleKib)
        guard !report.samples.isEmpty else { return }
        func percentile(_ percent: Double) -> Double {
            Double(Distribution.percentile(percent, ofSorted: report.samples))
        }
        medianNs = percentile(50)
        p95Ns = percentile(95)
        p99Ns = percentile(99)
    }
}
