// SPDX-License-Identifier: MIT

import CHakmemShim
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct CachePoolWarmTests {
        init() { StartedHeap.ensure() }

        /// Runs a test in which nothing gets too old while it looks, nor is too much because of
        /// what others have left dirty.
        private func patiently(_ body: () throws -> Void) throws {
            _ = pageHeap.purge(now: Clock.nowMs(), all: true)
            try withOption(\.purgeDelayMs, 30_000, body)
        }

        private func delay(after moments: UInt32 = 0) -> UInt32 {
            Clock.nowMs() &+ UInt32(policy.pointee.purgeDelayMs) &+ moments
        }

        /// A thread that takes and frees blocks of many classes; gives its cache, which is warm.
        private func leaveWarm() throws -> ThreadCache {
            try withCache { cache in
                let blocks = try (0..<100).map { try Block.take(UInt(16 + $0 * 37 % 3000)) }
                blocks.forEach(Block.free)
                return cache
            }
        }

        /// Pooled caches by address, and whether each is warm.
        private func pooled() throws -> [(cache: ThreadCache, isWarm: Bool)] {
            cachePool.acquireLock()
            defer { cachePool.releaseLock() }
            var list: [(cache: ThreadCache, isWarm: Bool)] = []
            var previous: UInt = 0
            var next = cachePool.fields.pointee.firstPooled
            while next != 0 {
                let cache = ThreadCache(at: next)
                try require(cache.header.pointee.previousPooled == previous, "links disagree")
                list.append((cache, cache.isWarm))
                previous = next
                next = cache.header.pointee.nextPooled
            }
            let warm = list.filter(\.isWarm).map(\.cache)
            try require(list.prefix(warm.count).allSatisfy(\.isWarm), "warm behind empty ones")
            try require(cachePool.fields.pointee.oldestWarm == warm.last?.address ?? 0)
            let bytes = warm.reduce(0) { $0 + $1.header.pointee.warmBytes }
            try require(cachePool.fields.pointee.warmBytes == bytes, "bytes do not add up")
            return list
        }

        private func readyBlocks(_ cache: ThreadCache) -> UInt {
            (1..<SizeClass.end).reduce(0) {
                $0 + cache.readyCount(SizeClass(index: $1))
            }
        }

        @Test func theNextThreadFindsTheBlocksReady() throws {
            try patiently {
                let first = try withCache { cache in
                    let block = try Block.take(500)
                    Block.free(block)
                    return (cache: cache, block: block, refills: refills(cache))
                }
                try withCache { cache in
                    try require(cache == first.cache, "it has another cache")
                    let block = try Block.take(500)
                    try require(block == first.block, "it has another block")
                    try require(refills(cache) == first.refills, "there was a refill")
                    Block.free(block)
                }
            }
        }

        private func refills(_ cache: ThreadCache) -> UInt {
            cache.header.pointee.refills.load(ordering: .relaxed)
        }

        @Test func whatNobodyWantedIsEmptied() throws {
            try patiently {
                let cache = try leaveWarm()
                try require(pooled().contains { $0.cache == cache && $0.isWarm })
                try require(readyBlocks(cache) > 0)
                cachePool.coolDownIfDue(Clock.nowMs())
                try require(cache.isWarm, "it was emptied before its time")
                cachePool.coolDownIfDue(delay(after: 2))
                try require(!pooled().contains(where: \.isWarm), "it is warm for ever")
                try require(readyBlocks(cache) == 0)
                try require(cache.header.pointee.slabGranules == 0, "it keeps empty slabs")
                try require(cachePool.fields.pointee.dueMs.load(ordering: .relaxed) == 0)
                try requireIntact(cache)
            }
        }

        @Test func aTrimEmptiesAll() throws {
            _ = try leaveWarm()
            try onThread { _ = Trim.all() }
            try require(!pooled().contains(where: \.isWarm))
        }

        /// Threads that end at one time leave no more than the bound; the youngest stay warm.
        @Test func allTogetherAreBounded() throws {
            try patiently {
                // Beside much dirty memory nothing stays warm.
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                let threads = 12
                let barrier = Barrier(parties: threads)
                let left = Guarded<[UInt]>([])
                try onThreads(threads) { _ in
                    let blocks = try (0..<1000).map { _ in try Block.take(1000) }
                    barrier.wait()
                    left.change { $0 += blocks }
                }
                let warm = try pooled().filter(\.isWarm).count
                try require(warm > 0 && warm < threads, "\(warm) are warm")
                try require(cachePool.fields.pointee.warmBytes <= CachePool.warmBytesMax)
                try onThread { left.get().forEach(Block.free) }
            }
        }

        /// One that takes memory in turn may need what it has freed, until it ends.
        @Test func whatAThreadLeavesBehindIsBounded() throws {
            try patiently {
                let kept = try withCache { _ in
                    let blocks = try (0..<400).map { _ in try Block.take(1 << 20) }
                    for index in stride(from: 0, to: blocks.count, by: 2) {
                        Block.free(blocks[index])
                        guard let span = pageHeap.acquire(1) else { throw Violation.outOfMemory }
                        pageHeap.release(span)
                    }
                    let left = pageHeap.fields.pointee.dirtyBytes
                    try require(left > pageHeap.retainedBytesMax, "\(left) bytes are dirty")
                    return stride(from: 1, to: blocks.count, by: 2).map { blocks[$0] }
                }
                let left = pageHeap.fields.pointee.dirtyBytes
                try require(left <= pageHeap.retainedBytesMax, "\(left) bytes are dirty")
                try onThread { kept.forEach(Block.free) }
            }
        }

        @Test func aLargeCacheIsEmptiedByItsThread() throws {
            let cache = try withCache { cache in
                let blocks = try (0..<5000).map { _ in try Block.take(1000) }
                let kept = try Block.take(200_000)
                Block.free(kept)
                // One of a few slabs stays, each of them.
                for (index, block) in blocks.enumerated() where index % 16 != 0 {
                    Block.free(block)
                }
                return (cache: cache, left: (0..<5000).filter { $0 % 16 == 0 }.map { blocks[$0] })
            }
            try require(!cache.cache.isWarm)
            try require(readyBlocks(cache.cache) == 0)
            try require(cache.cache.header.pointee.large.bytes == 0, "it keeps a large block")
            _ = try pooled()
            try onThread { cache.left.forEach(Block.free) }
        }

        /// Who looks for a cache does not wait for one that is being visited.
        @Test func aVisitedCacheIsPassedOver() throws {
            let barrier = Barrier(parties: 2)
            try onThreads(2) { _ in
                hakFree(hakMalloc(1))
                barrier.wait()
            }
            let visited = try pooled()[0].cache
            try require(CachePool.take(visited, as: CacheState.visited))
            let other = try withCache { $0 }
            try require(other != visited)
            CachePool.leave(visited)
            _ = try pooled()
        }
    }
}
