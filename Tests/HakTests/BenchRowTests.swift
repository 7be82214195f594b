// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchRowTests {
    private let listed = Workload.list(
        parsing: """
            json\tseed\t10\t-,touch,quick,micro\tone block
            scale\tscale\t20\t-,live,micro\tmany blocks
            hand-over\tthreads\t30\t-,threads,quick\tgenerations
            odd line
            """)

    @Test func workloadsAreListed() {
        #expect(listed.map(\.name) == ["json", "scale", "hand-over"])
        #expect(listed[0].traits.isSuperset(of: ["touch", "quick", "micro"]))
        #expect(listed.map(\.iterations) == [10, 20, 30])
        #expect(listed[2].summary == "generations")
    }

    @Test func everythingIsSpreadOverThreadsAndLiveSets() {
        let rows = RowSelection().rows(of: listed)
        #expect(rows.count == 1 + RowSelection.liveCounts.count + RowSelection.threadCounts.count)
        #expect(rows[0].hasTouchBaseline && rows[0].isMicro)
        #expect(rows[1].row.title == "scale 1k")
        #expect(rows[1...5].map(\.isMicro) == [true, true, true, false, false])
        #expect(rows[1].task == .workload(["scale", "--iterations", "20", "--live", "1000"]))
        #expect(rows.last?.row.title == "hand-over ×64")
        #expect(rows.last?.row.threads == 64)
    }

    @Test func quickLeavesRowsOut() {
        let quick = RowSelection(isQuick: true).rows(of: listed)
        #expect(quick.map(\.row.name) == ["json", "hand-over"])
        #expect(quick.map(\.operations) == [5, 15])
        let named = RowSelection(names: ["scale"], isQuick: true).rows(of: listed)
        #expect(named.count == RowSelection.liveCounts.count)
        let family = RowSelection(families: ["scale"], isQuick: true).rows(of: listed)
        #expect(family.count == RowSelection.liveCounts.count)
    }

    @Test func threadsAndIterationsAreTakenOver() {
        let rows = RowSelection(families: ["threads"], threads: [3, 5], iterations: 7)
            .rows(of: listed)
        #expect(rows.map(\.row.threads) == [3, 5])
        #expect(
            rows[1].task == .workload(["hand-over", "--iterations", "7", "--threads", "5"]))
        #expect(rows[1].operations == 7)
    }

    @Test func wrongNamesSayWhatThereIs() {
        let names = #expect(throws: Failure.self) {
            try RowSelection(names: ["jsn"]).check(names: ["json"], families: ["seed"])
        }
        #expect(names?.description.contains("'jsn'; use json") == true)
        let families = #expect(throws: Failure.self) {
            try RowSelection(families: ["sed"]).check(names: ["json"], families: ["seed"])
        }
        #expect(families?.description.contains("'sed'; use seed") == true)
    }
}
