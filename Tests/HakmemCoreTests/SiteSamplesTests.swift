// SPDX-License-Identifier: MIT

import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// Call sites of large blocks: what is told to the table, and what rules do.
    @Suite struct SiteSamplesTests {
        private static let site: UInt = 0x5555_1234_5678
        private static let other: UInt = 0x7f00_8765_4321

        /// Runs `body` with an empty site table and a rule for `site`.
        private func withSites(
            _ route: SiteRoute? = nil, growth: UInt16 = 0, mode: EvolutionMode = .auto,
            _ body: @escaping (ThreadCache) throws -> Void
        ) throws {
            try withLearning(mode) {
                if mode == .frozen { Sections.measure(.sites) }
                if let route {
                    let rule = SiteRule(route: route, growthPercent: growth)
                    #expect(SiteSamples.table.give(SiteSamplesTests.site, rule))
                }
                try withCache { cache in
                    cache.header.pointee.large.releaseAll()
                    whaleCache.releaseAll()
                    try body(cache)
                    cache.header.pointee.large.releaseAll()
                    whaleCache.releaseAll()
                }
            }
        }

        private static func take(_ bytes: UInt, _ site: UInt = site) throws -> UInt {
            guard let block = hakAllocAt(bytes, UnsafeRawPointer(bitPattern: site)) else {
                throw Violation.outOfMemory
            }
            return block.address
        }

        private static func statistics(_ site: UInt = site) -> SiteStatistics? {
            for index in 0..<SiteSamples.table.count {
                if let entry = SiteSamples.table.entry(index), entry.site == site {
                    return entry.statistics
                }
            }
            return nil
        }

        @Test func withoutLearningNoSiteIsKnown() throws {
            try withCache { cache in
                try require(!SiteSamples.isOn)
                let block = try SiteSamplesTests.take(100_000)
                try require(BlockMap.span(block)!.site == 0 && cache.header.pointee.site == 0)
                Block.free(block)
            }
        }

        @Test(arguments: [100_000, largeMax + 4096] as [UInt])
        func theTableHearsOfEachBlock(bytes: UInt) throws {
            try withSites { cache in
                let block = try SiteSamplesTests.take(bytes)
                try require(BlockMap.span(block)!.site == SiteSamplesTests.site)
                try require(cache.header.pointee.site == 0, "the site is used up")
                for _ in 0..<3 { Block.free(try SiteSamplesTests.take(bytes)) }
                Block.free(block)
                let statistics = SiteSamplesTests.statistics()
                try require(statistics?.allocations == 4 && statistics?.frees == 4)
                try require(statistics?.sizeMax == alignUp(bytes, to: unitBytes))
            }
        }

        @Test func theCallerIsTheSite() throws {
            try withSites { _ in
                let block = try Block.take(200_000)
                try require(BlockMap.span(block)!.site != 0)
                Block.free(block)
            }
        }

        @Test func smallBlocksHaveNone() throws {
            try withSites { _ in
                for bytes in [1, smallMax + 1, mediumMax] {
                    Block.free(try SiteSamplesTests.take(bytes))
                }
                try require(SiteSamplesTests.statistics() == nil)
            }
        }

        @Test func aTakenTableDropsTheSample() throws {
            try withSites { _ in
                SiteSamples.fields.pointee.busy.store(1, ordering: .relaxed)
                Block.free(try SiteSamplesTests.take(100_000))
                try require(SiteSamplesTests.statistics() == nil)
                try require(SiteSamples.fields.pointee.dropped.load(ordering: .relaxed) == 2)
                SiteSamples.resetAfterFork()
                Block.free(try SiteSamplesTests.take(100_000))
                try require(SiteSamplesTests.statistics()?.allocations == 1)
            }
        }

        // MARK: Rules

        @Test(arguments: [SiteRoute.purgeAtOnce])
        func whatIsNotWantedAgainGoesAtOnce(route: SiteRoute) throws {
            try withSites(route) { cache in
                let purged = counters.purgedBytes.load(ordering: .relaxed)
                Block.free(try SiteSamplesTests.take(100_000))
                try require(cache.header.pointee.large.bytes == 0)
                try require(counters.purgedBytes.load(ordering: .relaxed) >= purged + 100_000)
                Block.free(try SiteSamplesTests.take(largeMax + 4096))
                try require(whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed) == 0)
            }
        }

        @Test(arguments: [300_000, largeMax + 4096] as [UInt])
        func aSiteGetsItsOwnBlocksBack(bytes: UInt) throws {
            try withSites(.bigCache) { _ in
                let own = try SiteSamplesTests.take(bytes)
                let foreign = try SiteSamplesTests.take(bytes, SiteSamplesTests.other)
                Block.free(own)
                Block.free(foreign)
                // The youngest is the other's.
                let again = try SiteSamplesTests.take(bytes)
                try require(again == own)
                try require(SiteSamples.fields.pointee.hits.load(ordering: .relaxed) == 1)
                Block.free(again)
            }
        }

        @Test func aSiteGivesUpItsOwnBlocksFirst() throws {
            try withSites(.bigCache) { cache in
                try require(
                    SiteSamples.table.give(
                        SiteSamplesTests.other, SiteRule(route: .keepHot, growthPercent: 0)))
                let foreign = try SiteSamplesTests.take(100_000, SiteSamplesTests.other)
                let blocks = try (0..<9).map { _ in try SiteSamplesTests.take(100_000) }
                Block.free(foreign)
                blocks.forEach(Block.free)
                let kept = cache.header.pointee.large.bytes / BlockMap.span(foreign)!.bytes
                try require(kept == LargeCache.slotCount, "\(kept) blocks are kept")
                try require(BlockMap.owner(foreign) != 0, "the other's block is still there")
            }
        }

        /// Blocks that are wanted again do not make room for others, not even for larger ones.
        @Test func othersDoNotPushHotBlocksOut() throws {
            try withSites(.bigCache) { cache in
                let hot = try (0..<6).map { _ in try SiteSamplesTests.take(600_000) }
                let cold = try SiteSamplesTests.take(2 << 20, SiteSamplesTests.other)
                hot.forEach(Block.free)
                Block.free(cold)
                try require(BlockMap.owner(cold) == 0, "the page heap has it")
                try require(hot.allSatisfy { BlockMap.owner($0) != 0 })
                cache.header.pointee.large.releaseAll()
                // Without a rule the youngest stay.
                let colder = try SiteSamplesTests.take(2 << 20, SiteSamplesTests.other)
                let cool = try (0..<6).map { _ in
                    try SiteSamplesTests.take(600_000, SiteSamplesTests.other)
                }
                cool.forEach(Block.free)
                Block.free(colder)
                try require(BlockMap.owner(colder) != 0 && BlockMap.owner(cool[0]) == 0)
            }
        }

        @Test func hotBlocksAgeSlowly() throws {
            try withSites(.keepHot) { cache in
                let hot = try SiteSamplesTests.take(100_000)
                let cold = try SiteSamplesTests.take(200_000, SiteSamplesTests.other)
                Block.free(hot)
                Block.free(cold)
                let now = Clock.nowMs()
                let delay = UInt32(policy.pointee.purgeDelayMs)
                cache.header.pointee.large.releaseAged(now)
                Block.free(try SiteSamplesTests.take(100_000))
                Block.free(try SiteSamplesTests.take(200_000, SiteSamplesTests.other))
                cache.header.pointee.large.releaseAged(now + delay)
                try require(cache.header.pointee.large.bytes < 200_000)
                try require(cache.header.pointee.large.bytes > 0)
                cache.header.pointee.large.releaseAged(now + 17 * delay)
                try require(cache.header.pointee.large.bytes == 0)
            }
        }

        /// A block that realloc moves lives on: its site has freed nothing.
        @Test func movesAreNoFrees() throws {
            try withSites { _ in
                var block = UnsafeMutableRawPointer(bitPattern: try SiteSamplesTests.take(100_000))
                var walls: [UInt] = []
                for step in 2...6 {
                    walls.append(try SiteSamplesTests.take(100_000, SiteSamplesTests.other))
                    block = hakRealloc(block, UInt(step) * 200_000)
                }
                // Those that its room did not hold.
                try require((SiteSamplesTests.statistics()?.growths ?? 0) >= 3)
                try require(SiteSamplesTests.statistics()?.frees == 0)
                hakFree(block)
                try require(SiteSamplesTests.statistics()?.frees == 1)
                walls.forEach(Block.free)
            }
        }

        @Test func reallocLeavesTheRoomThatTheSiteFills() throws {
            try withSites(.pool, growth: 300) { _ in
                let block = try SiteSamplesTests.take(100_000)
                // In the way of growth in place.
                let wall = try SiteSamplesTests.take(100_000, SiteSamplesTests.other)
                let grown = hakRealloc(UnsafeMutableRawPointer(bitPattern: block), 400_000)
                guard let grown else { throw Violation.outOfMemory }
                let span = BlockMap.span(grown.address)!
                if grown.address != block { try require(span.blockBytes >= 600_000) }
                try require(span.site == SiteSamplesTests.site, "a block stays its site's")
                try require(SiteSamplesTests.statistics()?.growths == 1)
                hakFree(grown)
                Block.free(wall)
            }
        }

        /// Nothing is learnt then, and what is given holds, also for what realloc makes of a block.
        @Test func rulesHoldWhereNothingIsSampled() throws {
            try withSites(.bigCache, mode: .frozen) { _ in
                var block = UnsafeMutableRawPointer(bitPattern: try SiteSamplesTests.take(600_000))
                let wall = try SiteSamplesTests.take(100_000, SiteSamplesTests.other)
                block = hakRealloc(block, 2_000_000)
                guard let block else { throw Violation.outOfMemory }
                try require(BlockMap.span(block.address)!.site == SiteSamplesTests.site)
                hakFree(block)
                Block.free(wall)
                let own = try SiteSamplesTests.take(300_000)
                let foreign = try SiteSamplesTests.take(300_000, SiteSamplesTests.other)
                Block.free(own)
                Block.free(foreign)
                try require(try SiteSamplesTests.take(300_000) == own)
                Block.free(own)
                SiteSamples.decide()
                try require(SiteSamplesTests.statistics()?.allocations == 0)
                try require(SiteSamples.rule(of: SiteSamplesTests.site).route == .bigCache)
            }
        }

        @Test func rulesAreDrawnFromWhatWasSeen() throws {
            try withSites { _ in
                for _ in 0..<40 { Block.free(try SiteSamplesTests.take(900_000)) }
                SiteSamples.decide()
                try require(SiteSamples.rule(of: SiteSamplesTests.site).route == .bigCache)
                try require(SiteSamples.rule(of: SiteSamplesTests.other) == .none)
            }
        }
    }
}

@Suite struct CodeMapTests {
    private func parsed(_ line: String) -> (CodeRange, UInt, String)? {
        var found: (CodeRange, UInt, String)?
        Array(line.utf8).withUnsafeBufferPointer { bytes in
            CodeMap.parse(bytes) { found = ($0, $1, String(decoding: $2, as: UTF8.self)) }
        }
        return found
    }

    @Test func aLineOfCodeHasRangeOffsetAndName() throws {
        let found = try #require(
            parsed("7f12a4c28000-7f12a4dbd000 r-xp 00028000 fe:00 1234    /usr/lib/libc.so.6"))
        #expect(found.0.start == 0x7f12_a4c2_8000 && found.0.end == 0x7f12_a4db_d000)
        #expect(found.1 == 0x28000 && found.2 == "libc.so.6")
    }

    @Test(arguments: [
        "", "7f12", "7f12a4c28000-7f12a4dbd000 r--p 00028000 fe:00 1234    /usr/lib/libc.so.6",
        "7f12a4c28000-7f12a4dbd000 r-xp 00028000 00:00 0", "7ffe-7fff r-xp 0 00:00 0    [vdso]",
    ])
    func otherLinesAreLeftOut(line: String) { #expect(parsed(line) == nil) }

    @Test func theCodeOfThisTestIsFound() {
        var ranges = 0
        var isHere = false
        let here = unsafeBitCast(hakConstructor as @convention(c) () -> Void, to: UInt.self)
        CodeMap.visit { range, _, name in
            ranges += 1
            if range.contains(here) { isHere = !name.isEmpty }
        }
        #expect(ranges > 3 && isHere)
    }
}
