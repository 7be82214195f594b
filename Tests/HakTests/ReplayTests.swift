// SPDX-License-Identifier: MIT

import CTraceFormat
import Testing

@testable import hak

@Suite struct ReplayTests {
    private func report(
        cpuUs: Int, peakKib: Int = 100, object: String = "/m.so", calls: String = ""
    ) throws -> ReplayReport {
        let text = """
            {"events":1000,"births":600,"streams":1,"live_blocks":0,"wall_ns":2000000,\
            "cpu_ns":\(cpuUs * 1000),"wait_ns":7,"minor_faults":9,"major_faults":0,\
            "voluntary_switches":1,"involuntary_switches":0,\
            "peak_kib":\(peakKib),"slot_kib":1,"malloc_object":"\(object)",\
            "free_object":"\(object)"\(calls)}
            """
        return try ReplayReport(parsing: Array(text.utf8))
    }

    @Test func theReplayersOwnTimeIsTakenOff() throws {
        var header = trace_header_t()
        header.events = 1000
        var comparison = ReplayComparison(
            trace: "t", header: header, repetitions: 3, touch: "ends")
        comparison.cells = [
            ReplayCell(allocator: "hakmem", reports: [try report(cpuUs: 3000, peakKib: 50)]),
            ReplayCell(
                allocator: "mimalloc",
                reports: try [9000, 6000, 5000].map { try report(cpuUs: $0) }),
            ReplayCell(allocator: replayAloneName, reports: [try report(cpuUs: 1000)]),
        ]
        #expect(comparison.base?.allocator == "mimalloc")
        #expect(comparison.ownCpuMs(comparison.cells[0]) == 2)
        #expect(comparison.ownCpuMs(comparison.cells[1]) == 4)
        #expect(comparison.ownCpuMs(comparison.cells[2]) == nil)
        let rows = comparison.table().rows
        #expect(
            rows[0] == [
                "hakmem", "3.00", "3.00", "3.00", "2000.0", "2.00", "50", "9", "1", "0.50×",
                "0.50×",
            ])
        #expect(rows[2].suffix(2) == ["–", "–"])
        // What the replayer itself varies by hides the difference.
        comparison.cells[2] = ReplayCell(
            allocator: replayAloneName,
            reports: try [1000, 3500].map { try report(cpuUs: $0) })
        #expect(comparison.ownCpuMs(comparison.cells[0]) == nil)
        #expect(comparison.ownCpuMs(comparison.cells[1]) == 4)
    }

    @Test func tracesAreSummedUpByGeometricMeans() throws {
        func comparison(_ cpuUs: Int, _ peakKib: Int) throws -> ReplayComparison {
            var comparison = ReplayComparison(
                trace: "t", header: trace_header_t(), repetitions: 1, touch: "ends")
            comparison.cells = [
                ReplayCell(
                    allocator: "hakmem", reports: [try report(cpuUs: cpuUs, peakKib: peakKib)]),
                ReplayCell(allocator: "glibc", reports: [try report(cpuUs: 2000)]),
                ReplayCell(allocator: replayAloneName, reports: [try report(cpuUs: 1000)]),
            ]
            return comparison
        }
        var document = ReplayDocument()
        document.comparisons = [try comparison(3000, 50), try comparison(9000, 200)]
        document.comparisons.append(try comparison(1000, 100))  // no own time to be seen
        let means = document.means
        #expect(means.map(\.allocator) == ["hakmem", "glibc"])
        #expect(means[0].ownCpu == 4 && means[0].ownCpuTraces == 2)
        #expect(means[0].peak.map { abs($0 - 1) < 1e-9 } == true && means[0].peakTraces == 3)
        #expect(means[1].ownCpu == 1)
        #expect(ReplayDocument.geometricMean([]) == nil)
    }

    @Test func whoServedIsProven() throws {
        let mine = Allocator.hakmem(library: "/h.so")
        let glibc = Allocator(name: "glibc", library: nil)
        let served = try report(cpuUs: 200, object: "/h.so", calls: ",\"hak_calls\":600")
        #expect(served.proofFails(for: mine) == nil)
        #expect(served.proofFails(for: glibc)?.contains("'/h.so'") == true)
        let none = try report(cpuUs: 200, object: "/h.so", calls: ",\"hak_calls\":0")
        #expect(none.proofFails(for: mine)?.contains("counts no allocations") == true)
        #expect(try report(cpuUs: 200, object: "/h.so").proofFails(for: mine) != nil)
        #expect(try report(cpuUs: 200, object: "/lib/libc.so.6").proofFails(for: glibc) == nil)
    }

    @Test func anUnreadableReportIsAFailure() {
        #expect(throws: Failure.self) { try ReplayReport(parsing: Array("{}".utf8)) }
    }
}
