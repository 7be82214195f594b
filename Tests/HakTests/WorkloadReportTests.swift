// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct WorkloadReportTests {
    private func bytes(
        malloc: String = "/lib/libc.so.6", free: String = "/lib/libc.so.6", calls: String = "",
        samples: [UInt8] = [3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
    ) -> [UInt8] {
        let header = """
            {"scenario":"json","operations":3,"allocations_min":5,"wall_ns":60,"cpu_ns":30,\
            "minor_faults":6,"major_faults":0,"voluntary_switches":1,"involuntary_switches":2,\
            "peak_kib":1400,"samples":3,"malloc_object":"\(malloc)","free_object":"\(free)"\
            \(calls)}

            """
        return Array(header.utf8) + samples
    }

    private let system = Allocator(name: "glibc", library: nil)
    private let hakmem = Allocator.hakmem(library: "/h.so")

    @Test func samplesAreSorted() throws {
        let report = try WorkloadReport(parsing: bytes())
        #expect(report.samples == [1, 3, 256])
        #expect(report.header.minorFaults == 6)
        #expect(report.header.hakCalls == nil)
    }

    @Test func brokenReportsAreRefused() {
        #expect(throws: Failure.self) { try WorkloadReport(parsing: []) }
        #expect(throws: Failure.self) { try WorkloadReport(parsing: Array("{}\n".utf8)) }
        #expect(throws: Failure.self) { try WorkloadReport(parsing: bytes(samples: [1, 2])) }
    }

    @Test func theSystemIsProvenByItsLibrary() throws {
        let own = try WorkloadReport(parsing: bytes())
        #expect(own.proofFails(for: system) == nil)
        let other = try WorkloadReport(parsing: bytes(malloc: "/j.so", free: "/j.so"))
        #expect(other.proofFails(for: system)?.contains("'/j.so'") == true)
        #expect(other.proofFails(for: Allocator(name: "jemalloc", library: "/j.so")) == nil)
        let half = try WorkloadReport(parsing: bytes(malloc: "/j.so"))
        #expect(half.proofFails(for: Allocator(name: "jemalloc", library: "/j.so")) != nil)
    }

    @Test func hakmemHasToCountTheCalls() throws {
        func proof(_ calls: String) throws -> String? {
            try WorkloadReport(parsing: bytes(malloc: "/h.so", free: "/h.so", calls: calls))
                .proofFails(for: hakmem)
        }
        #expect(try proof(",\"hak_calls\":5") == nil)
        #expect(try proof(",\"hak_calls\":0")?.contains("no allocations") == true)
        #expect(try proof("")?.contains("hak_stats") == true)
    }

    @Test func aSampleHasTheFiguresOfTheReport() throws {
        let sample = BenchSample(try WorkloadReport(parsing: bytes()))
        #expect(sample.operations == 3)
        #expect(sample.cpuNs == 30)
        #expect(sample.voluntarySwitches == 1)
        #expect(sample.medianNs == 3)
        #expect(sample.p99Ns == 256)
        #expect(sample.idleKib == nil)
    }
}
