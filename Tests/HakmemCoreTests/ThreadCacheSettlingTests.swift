// SPDX-License-Identifier: MIT

import CHakmemShim
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct ThreadCacheSettlingTests {
        init() { StartedHeap.ensure() }

        /// What threads that run side by side have left, and their caches; last the one that the
        /// next thread is given.
        private func left(_ threads: Int) throws -> [(cache: UInt, blocks: [UInt])] {
            let barrier = Barrier(parties: threads)
            let left = Guarded<[(cache: UInt, blocks: [UInt])]>([])
            let running = (0..<threads).map { _ in
                TestThread {
                    hakFree(hakMalloc(1))
                    let blocks = try? (0..<100).map { try Block.take(UInt(16 + $0 * 5)) }
                    barrier.wait()
                    left.change { $0.append((hak_cache_get(), blocks ?? [])) }
                }
            }
            for thread in running { try thread.join() }
            let youngest = cachePool.fields.pointee.firstPooled
            let all = left.get()
            return all.filter { $0.cache != youngest } + all.filter { $0.cache == youngest }
        }

        /// Frees blocks in a new thread, after `first`; gives the cache that it has then, and how
        /// many of them it has sent to others.
        private func freed(
            _ blocks: [UInt], after first: @escaping () throws -> Void = {}
        ) throws -> (cache: UInt, sent: UInt) {
            try onThread {
                hakFree(hakMalloc(1))
                try first()
                let begun = ThreadCache(at: hak_cache_get())
                let before = begun.header.pointee.remoteFrees.load(ordering: .relaxed)
                blocks.forEach(Block.free)
                let after = begun.header.pointee.remoteFrees.load(ordering: .relaxed)
                try requireIntact(begun)
                try requireIntact(ThreadCache(at: hak_cache_get()))
                return (hak_cache_get(), after - before)
            }
        }

        @Test(arguments: 0..<4) func aSuccessorTakesOverTheCacheOfWhatItFrees(index: Int) throws {
            let owned = cachePool.fields.pointee.ownedCount.load(ordering: .relaxed)
            let all = try left(4)
            let own = all[index]
            let successor = try freed(own.blocks)
            #expect(successor.cache == own.cache)
            #expect(successor.sent == 0)
            #expect(!own.blocks.contains { BlockMap.owner($0) != 0 && isBusy($0) })
            for other in all where other.cache != own.cache { _ = try freed(other.blocks) }
            #expect(cachePool.fields.pointee.ownedCount.load(ordering: .relaxed) == owned)
        }

        /// Whether a block is out and not ready.
        private func isBusy(_ block: UInt) -> Bool {
            ThreadCache.isOut(block) && !ReadyMark.isOn(block)
        }

        /// It changes once: what else it frees of others it sends them.
        @Test func aSuccessorStaysThere() throws {
            let all = try left(3)
            let blocks = [all[0], all[1], all[2]].flatMap(\.blocks)
            #expect(try freed(blocks).cache == all[0].cache)
        }

        @Test func aThreadsFirstCallMayBeAFree() throws {
            let all = try left(3)
            let cache = try onThread {
                Block.free(all[0].blocks[0])
                return hak_cache_get()
            }
            #expect(cache == all[0].cache)
            _ = try freed(Array(all[0].blocks.dropFirst()))
            for other in all.dropFirst() { _ = try freed(other.blocks) }
        }

        /// What others free of it would wait for its new thread.
        @Test func aLargeCacheIsNotTakenOver() throws {
            let large = try onThread {
                let blocks = try (0..<300).map { _ in try Block.take(16_384) }
                return (cache: hak_cache_get(), blocks: blocks)
            }
            try #require(!ThreadCache(at: large.cache).isSmall)
            _ = try onThreads(2) { _ in hakFree(hakMalloc(1)) }
            #expect(!cachePool.takeOver(ThreadCache(at: large.cache)))
            _ = try freed(large.blocks)
        }

        @Test func aThreadThatHasSettledStays() throws {
            let all = try left(2)
            let settled = try freed(all[0].blocks) {
                let blocks = try (1..<2000).map { try Block.take(UInt($0)) }
                blocks.forEach(Block.free)
                try require(!ThreadCache(at: hak_cache_get()).isSettling)
            }
            #expect(settled.cache != all[0].cache)
            #expect(settled.sent == UInt(all[0].blocks.count))
            _ = try freed(all[1].blocks)
        }

        @Test func aCacheThatHasAThreadIsNotTakenOver() throws {
            try withCache { owner in
                let blocks = try (0..<100).map { _ in try Block.take(64) }
                let other = try freed(blocks)
                try require(other.cache != owner.address)
                try require(!cachePool.takeOver(owner))
                owner.drainInbox()
                try require(!blocks.contains(where: isBusy))
            }
        }
    }
}
