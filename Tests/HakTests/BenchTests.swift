// SPDX-License-Identifier: MIT

import FoundationEssentials
import Testing

@testable import hak

@Suite struct BenchTests {
    private func report(_ samples: [UInt32], faults: Int = 0) throws -> WorkloadReport {
        let header = """
            {"scenario":"json","iterations":\(samples.count),"warmup":0,"minor_faults":\(faults),\
            "major_faults":0,"peak_kib":1400,"sample_kib":0,"malloc_object":"/m","free_object":"/m"}

            """
        let raw = samples.withUnsafeBytes { Array($0) }
        return try WorkloadReport(parsing: Array(header.utf8) + raw)
    }

    private func comparison() throws -> ScenarioComparison {
        var comparison = ScenarioComparison(
            scenario: "json", summary: "blocks", iterations: 4, base: "mimalloc")
        comparison.cells = [
            ScenarioCell(
                allocator: "hakmem",
                reports: try [[10, 10, 10, 40], [20, 20, 20, 20], [90, 90, 90, 90]].map {
                    try report($0, faults: 8)
                }),
            ScenarioCell(allocator: "mimalloc", reports: [try report([40, 40, 40, 40])]),
        ]
        comparison.touch = ScenarioCell(allocator: "touch", reports: [try report([5, 5, 5, 5])])
        comparison.relate()
        return comparison
    }

    @Test func aCellIsTheMedianOfItsProcesses() throws {
        let cell = try comparison().cells[0]
        #expect(cell.medianNs == 20)
        #expect(cell.p99Ns == 40)
        #expect((cell.medianNsMin, cell.medianNsMax) == (10, 90))
        #expect(cell.minorFaultsPerIteration == 2)
        #expect(cell.ratio == 0.5)
        #expect(cell.overTouchNs == 15)
    }

    @Test func theBaselineHasNoRatio() throws {
        let comparison = try comparison()
        #expect(comparison.touch?.ratio == nil)
        #expect(comparison.table().rows.map(\.[0]) == ["hakmem", "mimalloc", "touch"])
    }

    @Test func theJSONKeepsFailures() throws {
        var document = BenchDocument(
            allocators: [Allocator(name: "mine", library: "/my.so")], repetitions: 3)
        var comparison = try comparison()
        comparison.failures = ["json under mine: NOT SERVED"]
        document.scenarios = [comparison]
        let decoded = try JSONDecoder().decode(
            BenchDocument.self, from: JSONEncoder().encode(document))
        #expect(decoded.failures == ["json under mine: NOT SERVED"])
        #expect(decoded.scenarios[0].cells == comparison.cells)
        #expect(decoded.allocators == document.allocators)
        #expect(document.text().contains("mine: /my.so"))
    }

    @Test func programReportsAreRead() throws {
        let line = """
            {"wall_ns":2000000000,"status":0,"user_us":1500000,"system_us":250000,"peak_kib":77}
            1000-2000 r-xp 00000000 fe:00 1 /h.so

            """
        let (report, map) = try ProgramReport.parse(Array(line.utf8))
        #expect(report.cpuSeconds == 1.75)
        #expect(report.wallSeconds == 2)
        #expect(report.failure == nil)
        #expect(map.paths == ["/h.so"])
        let (failed, _) = try ProgramReport.parse(Array("{\"status\":256}\n".utf8))
        #expect(failed.failure?.contains("exit status 1") == true)
    }

    @Test func turnsBeginWithAnotherContestantEachTime() {
        let runner = BenchRunner(workloads: "", environment: [:], allocators: [], repetitions: 3)
        var order = ""
        runner.inTurns(["A", "B", "C"], named: \.self, of: "test") { order += $0 }
        #expect(order == "ABCBCACAB")
    }

    @Test func ratiosReferToMimallocWhereItTakesPart() {
        func base(_ names: String...) -> String? {
            BenchRunner(
                workloads: "", environment: [:],
                allocators: names.map { Allocator(name: $0, library: nil) }, repetitions: 1
            ).base?.name
        }
        #expect(base("hakmem", "glibc", "mimalloc") == "mimalloc")
        #expect(base("hakmem", "glibc", "tbb") == "glibc")
        #expect(base("hakmem") == nil)
    }
}
