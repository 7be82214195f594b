// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SizeDistributionTests {
    private func of(_ sizes: (UInt, UInt32)...) -> SizeDistribution {
        var distribution = SizeDistribution()
        for (bytes, times) in sizes { distribution.add(bytes, times: times) }
        return distribution
    }

    @Test func bucketsAscendAndCoverAll() {
        var previous = 0
        for bytes in UInt(0)...100_000 {
            let bucket = SizeDistribution.bucket(bytes)
            #expect(bucket == previous || bucket == previous + 1)
            previous = bucket
        }
        #expect(SizeDistribution.bucket(24) == 1)
        #expect(SizeDistribution.bucket(4095) == 15)
        #expect(SizeDistribution.bucket(4096) == 16)
        #expect(SizeDistribution.bucket(128 << 20) == 31)
        #expect(SizeDistribution.bucket(.max) == 31)
    }

    @Test func distanceIsAShare() {
        let small = of((16, 75), (4096, 25))
        #expect(small.distance(to: small) == 0)
        #expect(small.distance(to: of((16, 150), (4096, 50))) == 0)
        #expect(abs(small.distance(to: of((16, 50), (4096, 50))) - 0.25) < 1e-12)
        #expect(small.distance(to: of((1 << 20, 3))) == 1)
        #expect(of((1 << 20, 3)).distance(to: small) == 1)
    }

    @Test func emptyOnesDifferFromAllOthers() {
        #expect(of().distance(to: of()) == 0)
        #expect(of().distance(to: of((16, 1))) == 1)
        #expect(of((16, 1)).distance(to: of()) == 1)
    }

    @Test func countsSaturateAndMerge() {
        var full = of((16, .max))
        full.add(4096, times: 5)
        #expect(full.total == .max)
        #expect(full.distance(to: of((16, 1))) == 0)
        full.merge(of((4096, .max)))
        #expect(abs(full.distance(to: of((16, 1), (4096, 1)))) < 1e-9)
        var sum = of((16, 1))
        sum.merge(of((16, 2), (64, 3)))
        #expect(sum.total == 6)
    }
}
