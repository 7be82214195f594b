// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SiteStatisticsTests {
    private func record(
        bytes: UInt, frees: UInt32 = 100, reuseMs: UInt32 = 10
    ) -> SiteStatistics {
        var record = SiteStatistics()
        record.allocations = 100
        record.frees = frees
        record.bytes = UInt64(bytes) * 100
        for _ in 0..<100 { record.sizes.add(bytes) }
        record.lifetimeMs = 10
        record.reuseMs = reuseMs
        return record
    }

    @Test func routes() {
        #expect(route(record(bytes: 64)) == .pool)
        #expect(route(record(bytes: 100_000)) == .keepHot)
        #expect(route(record(bytes: 100_000, frees: 3)) == .pool)
        #expect(route(record(bytes: 1 << 20)) == .bigCache)
        #expect(route(record(bytes: 8 << 20)) == .bigCache)
        #expect(route(record(bytes: 8 << 20, frees: 0, reuseMs: 0)) == .pool)
        #expect(route(record(bytes: 1 << 20, reuseMs: 0)) == .direct)
    }

    /// What waits about as long as free memory stays is left to the caches by size; what waits
    /// longer is given back at once, if a call for each block is worth it.
    @Test func theDelayDecides() {
        #expect(route(record(bytes: 1 << 20, reuseMs: 60)) == .pool)
        #expect(route(record(bytes: 1 << 20, reuseMs: 60), delayMs: 1000) == .bigCache)
        #expect(route(record(bytes: 1 << 20, reuseMs: 60), delayMs: 50) == .purgeAtOnce)
        #expect(route(record(bytes: 32 << 20, reuseMs: 5000)) == .purgeAtOnce)
        #expect(route(record(bytes: 100_000, reuseMs: 5000)) == .direct)
        #expect(route(record(bytes: 1 << 20, reuseMs: 10), delayMs: 0) == .pool)
    }

    private func route(_ record: SiteStatistics, delayMs: UInt32 = 100) -> SiteRoute {
        record.rule(delayMs: delayMs).route
    }

    @Test func fewSamplesMakeNoRule() {
        var few = record(bytes: 1 << 20)
        few.allocations = SiteStatistics.samplesMin - 1
        #expect(few.rule(delayMs: 100) == .none)
        #expect(SiteStatistics().rule(delayMs: 100) == .none)
        #expect(SiteStatistics().meanBytes == 0)
    }

    @Test func growthNeedsGrowths() {
        var growing = record(bytes: 64)
        growing.growthPercent = 200
        #expect(growing.rule(delayMs: 100).growthPercent == 0)
        growing.growths = 25
        #expect(growing.rule(delayMs: 100).growthPercent == 200)
        growing.growthPercent = 105
        #expect(growing.rule(delayMs: 100).growthPercent == 0)
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
