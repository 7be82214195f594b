// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SiteHashTests {
    /// Call sites lie a few bytes apart, in code that is loaded at some page.
    @Test func neighboursSpread() {
        var randomness = Randomness(seed: 11)
        for _ in 0..<50 {
            var site = UInt(0x5500_0000_0000) + UInt(randomness.below(1 << 28)) << 12
            var sets = [Int](repeating: 0, count: 256)
            for _ in 0..<512 {
                site += UInt(5 + randomness.below(200))
                sets[SiteHash.set(site, bits: 8)] += 1
            }
            let homeless = sets.reduce(0) { $0 + max(0, $1 - SiteTable.ways) }
            #expect(homeless < 512 / 10)
        }
    }

    @Test func setsAreWithinBounds() {
        for bits in 1...16 {
            for site: UInt in [0, 1, 0x7FFF_FFFF_FFFF, .max] {
                #expect((0..<1 << bits).contains(SiteHash.set(site, bits: bits)))
            }
        }
    }
}
