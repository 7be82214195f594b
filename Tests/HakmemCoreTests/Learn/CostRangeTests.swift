// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct CostRangeTests {
    private func ratio(_ costs: [Double]) -> Double {
        var range = CostRange()
        for cost in costs { range.add(cost) }
        return range.ratio
    }

    @Test func threeWindowsCountAsTheyAre() {
        #expect(ratio([1, 2]) == 1)
        #expect(ratio([1, 2, 1]) == 2)
    }

    @Test func oneOfManyMayStandOut() {
        #expect(ratio([1, 1, 1, 9, 1, 1, 1, 1]) == 1)
        #expect(ratio([1, 3, 1, 3, 1, 1, 3, 1]) == 3)
        // Old ones are forgotten.
        #expect(ratio([9, 9, 9] + [Double](repeating: 1, count: 8)) == 1)
    }
}
