// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchCellTests {
    @Test func anEstimateOfFewHasTheirEnds() throws {
        let estimate = try #require(Estimate([3, 1, 2]))
        #expect(estimate.count == 3)
        #expect(estimate.min == 1)
        #expect(estimate.median == 2)
        #expect(estimate.max == 3)
        #expect(estimate.spread == 2)
        #expect(Estimate([]) == nil)
        #expect(Estimate([5])?.spread == 0)
    }

    @Test func oneDisturbedProcessDoesNotWidenTheSpread() throws {
        let estimate = try #require(Estimate([10, 11, 12, 13, 900]))
        #expect(estimate.median == 12)
        #expect(estimate.spread == 2)
    }

    @Test func aSmallDifferenceIsWithinTheSpread() throws {
        let narrow = try #require(Estimate([100, 101, 102]))
        let near = try #require(Estimate([100, 102, 104]))
        let far = try #require(Estimate([110, 111, 112]))
        #expect(narrow.isWithinSpread(of: near))
        #expect(!narrow.isWithinSpread(of: far))
        #expect(!far.isWithinSpread(of: narrow))
    }

    @Test func timesCountAnOperation() {
        let sample = BenchSample.of(cpuNs: 600, operations: 3, peakKib: 7)
        #expect(Metric.cpu.value(sample) == 200)
        #expect(Metric.wall.value(sample) == 400)
        #expect(Metric.peak.value(sample) == 7)
        #expect(Metric.idle.value(sample) == nil)
    }

    @Test func anEstimateSkipsProcessesWithoutTheFigure() {
        var cell = BenchCell(allocator: "a")
        cell.samples = [.of(cpuNs: 1), .of(cpuNs: 3, idleKib: 40)]
        #expect(cell.estimate(.idle)?.median == 40)
        #expect(cell.estimate(.cpu)?.median == 2)
    }
}
