// SPDX-License-Identifier: MIT
//
// Results of comparisons that nobody measured, for the tests.

@testable import hak

extension BenchSample {
    static func of(
        cpuNs: Int, operations: Int = 1, peakKib: Int = 1_000, idleKib: Int? = nil
    ) -> BenchSample {
        BenchSample(
            operations: operations, cpuNs: cpuNs, wallNs: cpuNs * 2, minorFaults: 0,
            majorFaults: 0, voluntarySwitches: 0, involuntarySwitches: 0, peakKib: peakKib,
            idleKib: idleKib)
    }
}

extension BenchRowResult {
    /// A row with the CPU times of each allocator's processes.
    static func of(
        _ name: String, family: String = "seed", threads: Int? = nil, live: Int? = nil,
        _ cpuNs: [(String, [Int])], peakKib: [String: Int] = [:]
    ) -> BenchRowResult {
        var result = BenchRowResult(
            row: BenchRow(
                name: name, family: family, summary: "a <row>", threads: threads, live: live))
        result.cells = cpuNs.map { allocator, times in
            BenchCell(
                allocator: allocator,
                samples: times.map {
                    BenchSample.of(cpuNs: $0, peakKib: peakKib[allocator] ?? 1_000)
                })
        }
        return result
    }
}

extension BenchDocument {
    /// hakmem, mimalloc, glibc and a variant of mimalloc in some rows.
    static func sample() -> BenchDocument {
        var document = BenchDocument(
            allocators: [
                .hakmem(library: "/h.so"), Allocator(name: "glibc", library: nil),
                Allocator(name: "mimalloc", library: "/libmimalloc.so.3"),
                Allocator(
                    name: "nothp", library: "/libmimalloc.so.3", role: .variant,
                    variables: ["MIMALLOC_ALLOW_THP": "0"]),
            ], rounds: 3)
        document.rows = [
            .of(
                "json",
                [
                    ("hakmem", [50, 50, 50]), ("glibc", [80, 80, 80]),
                    ("mimalloc", [100, 100, 100]), ("nothp", [20, 20, 20]),
                ], peakKib: ["hakmem": 500, "mimalloc": 2_000]),
            .of(
                "hand-over", family: "hand-over", threads: 2,
                [
                    ("hakmem", [90, 100, 110]), ("glibc", [195, 200, 205]),
                    ("mimalloc", [100, 105, 110]),
                ], peakKib: ["hakmem": 1_500]),
            .of(
                "hand-over", family: "hand-over", threads: 16,
                [("hakmem", [300]), ("glibc", [400]), ("mimalloc", [150])]),
        ]
        return document
    }
}
