// SPDX-License-Identifier: MIT
//
// What bins give back when nobody wants it.

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct ThreadCacheOverflowTests {
        private static let bytes: UInt = 512
        private static let sizeClass = SizeClass(bytes: bytes)

        /// Makes a bin hold so many blocks: they are taken and freed until it keeps all of them.
        private static func fill(_ cache: ThreadCache, _ count: Int) throws {
            for _ in 0..<12 {
                let blocks = try (0..<count).map { _ in try Block.take(bytes) }
                blocks.forEach(Block.free)
            }
            try require(cache.readyCount(sizeClass) >= count, "it holds fewer")
        }

        @Test func whatIsOutOfSightAllTheTimeGoesBack() throws {
            try withCache { cache in
                let sizeClass = ThreadCacheOverflowTests.sizeClass
                cache.releaseMemory()
                try ThreadCacheOverflowTests.fill(cache, 400)
                cache.flushUnused(bytesMin: 0)
                let held = cache.readyCount(sizeClass)
                try require(held >= 400, "what was used goes back")
                // A hundred come and go, in refills and overflows of the window.
                let some = try (0..<100).map { _ in try Block.take(512) }
                some.forEach(Block.free)
                cache.flushUnused(bytesMin: 0)
                let kept = cache.readyCount(sizeClass)
                try require(kept >= 100 && kept <= 200, "\(kept) of \(held) blocks kept")
                try requireIntact(cache)
                // Nobody has come by since.
                cache.flushUnused(bytesMin: 0)
                try require(cache.readyCount(sizeClass) == 0)
                try require(Block.liveOutsideBins(cache, sizeClass) == 0)
            }
        }

        /// A bin that is full by its limit, with little in sight, and gets a higher one: its window
        /// moves down.
        @Test func whatComesIntoSightIsNotUnused() throws {
            try withCache { cache in
                let sizeClass = ThreadCacheOverflowTests.sizeClass
                let record = cache.record(sizeClass)
                cache.releaseMemory()
                try ThreadCacheOverflowTests.fill(cache, 400)
                cache.flushUnused(bytesMin: 0)
                let below = record.pointee.below
                let inSight = cache.readyCount(sizeClass) - UInt(below)
                try require(below > 100 && inSight > 5, "nothing is out of sight")
                var taken = try (5..<inSight).map { _ in try Block.take(512) }
                record.pointee.limit = UInt16(cache.readyCount(sizeClass))
                record.pointee.overflows = 0
                (record.pointee.flushed, record.pointee.refilled) = (200, 200)
                cache.setBound(sizeClass)
                Block.free(taken.removeLast())
                try require(record.pointee.below < below, "the window has not moved down")
                try requireIntact(cache)
                cache.flushUnused(bytesMin: 0)
                try requireIntact(cache)
                taken.forEach(Block.free)
            }
        }

        @Test func fewBytesStay() throws {
            try withCache { cache in
                let sizeClass = ThreadCacheOverflowTests.sizeClass
                cache.releaseMemory()
                try ThreadCacheOverflowTests.fill(cache, 40)
                for _ in 0..<2 { cache.flushUnused(bytesMin: 64 << 10) }
                try require(cache.readyCount(sizeClass) >= 40)
            }
        }

        /// Nor the one slab that is kept against thrashing.
        @Test func aClassThatNobodyUsesKeepsNoSlab() throws {
            try withCache { cache in
                let sizeClass = ThreadCacheOverflowTests.sizeClass
                cache.releaseMemory()
                try ThreadCacheOverflowTests.fill(cache, 40)
                cache.flushUnused(bytesMin: 0)
                try require(cache.record(sizeClass).pointee.slabs > 0, "it was used")
                cache.flushUnused(bytesMin: 0)
                let slabs = cache.record(sizeClass).pointee.slabs
                try require(slabs == 0, "\(slabs) slabs")
                try requireIntact(cache)
            }
        }

        /// A program whose sizes drift does not leave a full bin behind for each class.
        @Test func unusedBinsGiveBackBeforeACacheGrows() throws {
            try withCache { cache in
                let sizeClass = ThreadCacheOverflowTests.sizeClass
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                try ThreadCacheOverflowTests.fill(cache, 400)
                try require(cache.readyCount(sizeClass) >= 400)
                var others: [UInt] = []
                for _ in 0..<4096 { others.append(try Block.take(1000)) }
                try require(cache.readyCount(sizeClass) == 0, "\(cache.readyCount(sizeClass)) left")
                others.forEach(Block.free)
                try requireIntact(cache)
            }
        }
    }
}
