// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct CostEstimateTests {
    private func of(_ values: Double...) -> CostEstimate {
        var estimate = CostEstimate()
        for value in values { estimate.add(value) }
        return estimate
    }

    @Test func isAMeanOfWhatIsAlike() {
        #expect(of().samples == 0 && of().cost == 0)
        #expect(abs(of(1, 1.04, 0.96).cost - 1) < 1e-12)
        #expect(of(1, 1.04, 0.96).samples == 3)
    }

    @Test func disturbedWindowsCountLittle() {
        #expect(of(1, 1, 1, 9).cost < 1.03)
        #expect(of(3, 1).cost == 1 && of(3, 1).samples == 1)
    }

    @Test func followsAChange() {
        var estimate = of(1)
        for _ in 0..<200 { estimate.add(2) }
        #expect(estimate.cost > 1.9)
    }

    @Test func samplesAreWithinBounds() {
        #expect(CostEstimate(cost: 1, samples: -4).samples == 0)
        #expect(CostEstimate(cost: 1, samples: .max).samples < 1 << 21)
    }
}
