// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchComparisonTests {
    private func comparison() -> BenchComparison {
        var new = BenchDocument.sample()
        new.rows[0] = .of("json", [("hakmem", [40, 40, 40]), ("glibc", [80])])
        new.rows[1] = .of(
            "hand-over", family: "hand-over", threads: 2, [("hakmem", [96, 105, 106])])
        new.rows[2] = .of("new", [("hakmem", [1])])
        return BenchComparison(old: .sample(), new: new, allocator: "hakmem")
    }

    @Test func cellsOfBothRunsAreCompared() {
        let changes = comparison().changes(.cpu)
        #expect(changes.map(\.row.title) == ["json", "hand-over ×2"])
        #expect(changes.map(\.ratio) == [0.8, 1.05])
        #expect(changes.map(\.isNoise) == [false, true])
        #expect(
            changes.map(BenchComparison.verdict) == ["better", "within the spread"])
    }

    @Test func whatCannotBeComparedSaysSo() throws {
        func change(_ old: [Double], _ new: [Double], isSameWork: Bool = true) throws -> String {
            BenchComparison.verdict(
                BenchChange(
                    row: BenchRow(name: "a", family: "f", summary: ""), metric: .cpu,
                    old: try #require(Estimate(old)), new: try #require(Estimate(new)),
                    isSameWork: isSameWork))
        }
        #expect(try change([1, 1], [2, 2]) == "worse")
        #expect(try change([1], [2, 2]).hasPrefix("one process"))
        #expect(try change([1, 1], [2, 2], isSameWork: false).hasPrefix("not comparable"))
    }

    @Test func memoryIsComparedToo() {
        let changes = comparison().changes(.peak)
        #expect(changes.map(BenchComparison.verdict) == ["worse", "better"])
        #expect(comparison().changes(.idle).isEmpty)
    }

    @Test func theTextHasTheMean() {
        let text = comparison().text()
        #expect(text.contains("geometric mean"))
        #expect(text.contains("0.92×"))
        #expect(!text.contains("machines differ"))
    }

    @Test func threadCountsAreRowsOfTheirOwn() {
        let two = BenchRow(name: "a", family: "f", summary: "x", threads: 2)
        var other = BenchRow(name: "a", family: "f", summary: "y", threads: 2)
        #expect(BenchComparison.isSame(two, other))
        other.threads = 4
        #expect(!BenchComparison.isSame(two, other))
    }
}
