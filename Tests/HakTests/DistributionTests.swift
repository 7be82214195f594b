// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct DistributionTests {
    @Test func percentileIsTheNearestRank() {
        let sorted = Array(1...100)
        #expect(Distribution.percentile(50, ofSorted: sorted) == 50)
        #expect(Distribution.percentile(95, ofSorted: sorted) == 95)
        #expect(Distribution.percentile(99, ofSorted: sorted) == 99)
        #expect(Distribution.percentile(100, ofSorted: sorted) == 100)
        #expect(Distribution.percentile(0, ofSorted: sorted) == 1)
        #expect(Distribution.percentile(99, ofSorted: [5]) == 5)
        #expect(Distribution.percentile(51, ofSorted: [1, 2]) == 2)
    }

    @Test func medianOfOddAndEvenCounts() {
        #expect(Distribution.median([3, 1, 2]) == 2)
        #expect(Distribution.median([4, 1, 3, 2]) == 2.5)
    }

    @Test func numbersForPeople() {
        #expect(Numbers.decimal(1.005, digits: 0) == "1")
        #expect(Numbers.decimal(0.5, digits: 2) == "0.50")
        #expect(Numbers.decimal(12.346, digits: 2) == "12.35")
        #expect(Numbers.decimal(-366.4, digits: 0) == "-366")
        #expect(Numbers.decimal(-0.1, digits: 0) == "0")
        #expect(Numbers.ratio(0.625) == "0.63×")
        #expect(Numbers.ratio(nil) == "–")
        #expect([7, 1_000, 100_000, 2_000_000].map(Numbers.short) == ["7", "1k", "100k", "2M"])
        #expect([0.5, 12.34, 123.4].map(Numbers.figure) == ["0.50", "12.3", "123"])
    }
}
