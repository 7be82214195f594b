// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchRunnerTests {
    @Test func programReportsAreRead() throws {
        let line = """
            {"wall_ns":2000000000,"status":0,"user_us":1500000,"system_us":250000,"peak_kib":77}
            1000-2000 r-xp 00000000 fe:00 1 /h.so

            """
        let (report, map) = try ProgramReport.parse(Array(line.utf8))
        let sample = BenchSample(report)
        #expect(sample.cpuNs == 1_750_000_000)
        #expect(sample.wallNs == 2_000_000_000)
        #expect(sample.peakKib == 77)
        #expect(report.failure == nil)
        #expect(map.paths == ["/h.so"])
        let (failed, _) = try ProgramReport.parse(Array("{\"status\":256}\n".utf8))
        #expect(failed.failure?.contains("exit status 1") == true)
    }

    @Test func programsTakeFewerRounds() {
        let row = BenchRow(name: "r", family: "f", summary: "")
        let program = PlannedRow(row: row, task: .program(["r"]))
        let workload = PlannedRow(row: row, task: .workload(["r"]))
        #expect(BenchEffort.full.rounds(of: program) < BenchEffort.full.rounds(of: workload))
    }

    @Test func theFamilyAboutIdlenessWaits() {
        func row(_ family: String) -> PlannedRow {
            PlannedRow(
                row: BenchRow(name: "r", family: family, summary: ""), task: .workload(["r"]))
        }
        #expect(BenchEffort.quick.idles(row("idle"), round: 0))
        #expect(!BenchEffort.quick.idles(row("idle"), round: 1))
        #expect(BenchEffort.full.idles(row("idle"), round: 1))
        #expect(!BenchEffort.quick.idles(row("churn"), round: 0))
        #expect(BenchEffort.full.idles(row("churn"), round: 0))
        #expect(!BenchEffort.full.idles(row("churn"), round: 1))
    }

    @Test func aCellThatFailsDoesNotStopTheOthers() throws {
        let runner = BenchRunner(
            workloads: "/bin/false", environment: [:],
            allocators: [
                Allocator(name: "glibc", library: nil), Allocator(name: "mine", library: "/m.so"),
            ],
            effort: BenchEffort(rounds: 2, programRounds: 1), progress: Progress(isWanted: false))
        let row = PlannedRow(
            row: BenchRow(name: "json", family: "seed", summary: ""), task: .workload(["json"]))
        let results = try runner.compare([row])
        #expect(results[0].cells.isEmpty)
        #expect(results[0].failures.count == 2)
        #expect(results[0].failures[1].contains("json under mine: exit status 1"))
        #expect(results[0].failures[1].contains("LD_PRELOAD=/m.so /bin/false json"))
    }

    @Test func aProcessThatHangsIsKilled() throws {
        let child = try Child.run("/bin/sleep", ["60"], environment: [:], secondsMax: 0.05)
        #expect(child.ending.contains("signal 9"))
    }
}
