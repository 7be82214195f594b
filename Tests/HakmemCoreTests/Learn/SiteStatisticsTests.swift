// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SiteStatisticsTests {
    private func record(
        bytes: UInt, frees: UInt32 = 100, lifetime: UInt32 = 10, reuse: UInt32 = 10
    ) -> SiteStatistics {
        var record = SiteStatistics()
        record.allocations = 100
        record.frees = frees
        record.bytes = UInt64(bytes) * 100
        for _ in 0..<100 { record.sizes.add(bytes) }
        record.lifetime = lifetime
        record.reuseDistance = reuse
        return record
    }

    @Test func routes() {
        #expect(record(bytes: 64).rule.route == .pool)
        #expect(record(bytes: 100_000).rule.route == .keepHot)
        #expect(record(bytes: 100_000, lifetime: 5000).rule.route == .pool)
        #expect(record(bytes: 100_000, reuse: 5000).rule.route == .direct)
        #expect(record(bytes: 100_000, frees: 3).rule.route == .pool)
        #expect(record(bytes: 1 << 20).rule.route == .bigCache)
        #expect(record(bytes: 1 << 20, reuse: 5000).rule.route == .direct)
        #expect(record(bytes: 8 << 20).rule.route == .bigCache)
        #expect(record(bytes: 32 << 20, reuse: 5000).rule.route == .direct)
        #expect(record(bytes: 8 << 20, frees: 0, reuse: 0).rule.route == .pool)
    }

    @Test func fewSamplesMakeNoRule() {
        var few = record(bytes: 1 << 20)
        few.allocations = SiteStatistics.samplesMin - 1
        #expect(few.rule == .none)
        #expect(SiteStatistics().rule == .none)
        #expect(SiteStatistics().meanBytes == 0)
    }

    @Test func growthNeedsGrowths() {
        var growing = record(bytes: 64)
        growing.growthPercent = 200
        #expect(growing.rule.growthPercent == 0)
        growing.growths = 25
        #expect(growing.rule.growthPercent == 200)
        growing.growthPercent = 105
        #expect(growing.rule.growthPercent == 0)
    }

    @Test func rulesFitAWord() {
        for route in [SiteRoute.pool, .bigCache, .direct, .keepHot, .purgeAtOnce] {
            for percent: UInt16 in [0, 100, 150, 400] {
                let rule = SiteRule(route: route, growthPercent: percent)
                #expect(SiteRule(bits: rule.bits) == rule)
            }
        }
        #expect(SiteRule(bits: 0) == .none)
        #expect(SiteRule(bits: .max).route == .pool)
        #expect(SiteRule(route: .pool, growthPercent: 50).growthPercent == 100)
        #expect(SiteRule(route: .pool, growthPercent: 9999).growthPercent == 400)
    }

    @Test func sharesKeepTheirProportion() {
        var shares = SizeShares()
        #expect(!shares.isMostlyLarge)
        for index in 0..<1000 { shares.add(index % 4 == 0 ? 64 : 1 << 20) }
        #expect(shares.isMostlyLarge)
        #expect((2...4).contains(shares[7] / max(shares[0], 1)))
        for _ in 0..<40 { shares.add(64) }
        #expect(!shares.isMostlyLarge)
        #expect(SizeShares.index(0) == 0 && SizeShares.index(127) == 0)
        #expect(SizeShares.index(128) == 1 && SizeShares.index(.max) == 7)
        #expect(SizeShares.index(SizeShares.bigCacheBytesMin) == 7)
        #expect(SizeShares.index(SizeShares.bigCacheBytesMin - 1) == 6)
    }
}
