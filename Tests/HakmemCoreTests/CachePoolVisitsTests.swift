// SPDX-License-Identifier: MIT
//
// Caches whose threads sleep: what others free of theirs.

import CHakmemShim
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct CachePoolVisitsTests {
        init() { StartedHeap.ensure() }

        /// Runs `body` with `count` new blocks of a thread that sleeps meanwhile, and its cache,
        /// which is looked over afterwards.
        private func withSleeper(
            _ count: Int, bytes: UInt, _ body: @escaping ([UInt], ThreadCache) throws -> Void
        ) throws {
            let made = Guarded<([UInt], UInt)>(([], 0))
            let (ready, done) = (Barrier(parties: 2), Barrier(parties: 2))
            let sleeper = TestThread {
                let blocks = Result { try (0..<count).map { _ in try Block.take(bytes) } }
                made.set(((try? blocks.get()) ?? [], hak_cache_get()))
                ready.wait()
                done.wait()
                try requireIntact(ThreadCache(at: hak_cache_get()))
                // Its next slow call takes what a visitor has left.
                _ = hakTrim()
                try requireIntact(ThreadCache(at: hak_cache_get()))
            }
            ready.wait()
            let (blocks, cache) = made.get()
            let outcome = Result {
                try onThread {
                    hakFree(hakMalloc(1))
                    ThreadCache(at: hak_cache_get()).endSettling()
                    try body(blocks, ThreadCache(at: cache))
                }
            }
            done.wait()
            try sleeper.join()
            try outcome.get()
            try require(blocks.count == count, "out of memory")
        }

        @Test(arguments: [48, 512, 5000] as [UInt])
        func whatIsFreedOfASleepersComesBack(bytes: UInt) throws {
            let count = Int((40 << 20) / bytes)
            try withSleeper(count, bytes: bytes) { blocks, cache in
                let record = cache.record(SizeClass(bytes: bytes))
                let before = record.pointee.slabs
                for block in blocks { Block.free(block) }
                // What waits at the end is less than what is worth a visit.
                let left = record.pointee.slabs
                try require(left < before / 3, "\(left) of \(before) slabs left")
            }
        }

        @Test func fewBytesWaitForTheirThread() throws {
            try withSleeper(4000, bytes: 256) { blocks, cache in
                let before = cache.record(SizeClass(bytes: 256)).pointee.slabs
                for block in blocks { Block.free(block) }
                try require(cache.record(SizeClass(bytes: 256)).pointee.slabs == before)
            }
        }

        /// A block that bears part of the mark when it is freed may be in a bin: it waits.
        @Test func blocksWithTheMarkWaitForTheirThread() throws {
            try withSleeper(20_000, bytes: 512) { blocks, cache in
                for block in blocks[..<10] { ReadyMark.set(block, ReadyMark.new | 5 << 32) }
                for block in blocks { Block.free(block) }
                ThreadCache(at: hak_cache_get()).header.pointee.outgoing.sendAll()
                CachePool.relieve(cache)
                let out = blocks.filter { ThreadCache.isOut($0) }
                try require(Set(out).isSuperset(of: blocks[..<10]), "\(out.count) out")
                try require(out.count == 10, "\(out.count) out")
            }
        }

        @Test func whoIsAtItsSlabsIsNotVisited() throws {
            try withSleeper(20_000, bytes: 512) { blocks, cache in
                try require(cache.header.pointee.slabLock.tryVisit(), "somebody is there")
                for block in blocks { Block.free(block) }
                let out = blocks.filter { ThreadCache.isOut($0) }
                cache.header.pointee.slabLock.endVisit()
                try require(out.count == blocks.count, "\(out.count) of \(blocks.count) out")
            }
        }

        /// Its slab goes back and becomes another thread's, whose block is not to be freed.
        @Test func aSecondFreeDoesNotFreeWhatAnotherThreadHasByThen() throws {
            try withOption(\.ignoresErrors, true) {
                // What comes back is then all that there is without new memory.
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                pageHeap.unmapClean()
                let before = Report.ignoredCount
                let again = Guarded<UInt>(0)
                try withSleeper(20_000, bytes: 512) { blocks, _ in
                    // One slab stays, against thrashing: not this one.
                    let twice = blocks[5000]
                    for block in blocks[..<4000] { Block.free(block) }
                    Block.free(twice)
                    Block.free(twice)
                    for block in blocks[4000...] where block != twice { Block.free(block) }
                    var own: [UInt] = []
                    while own.last != twice, own.count < 200_000 { own.append(try Block.take(512)) }
                    try require(own.last == twice, "its slab has not come back")
                    again.set(own.removeLast())
                    own.forEach(Block.free)
                }
                try require(Report.ignoredCount - before == 1, "the second free was not reported")
                let block = again.get()
                try require(ThreadCache.isOut(block), "another thread's block was freed")
                try onThread { Block.free(block) }
            }
        }

        /// Threads that free each other's blocks, and those of one that sleeps, all at once.
        @Test func manyVisitOne() throws {
            let threads = 4
            try withSleeper(80_000, bytes: 256) { blocks, _ in
                try onThreads(threads) { number in
                    var own: [UInt] = []
                    for index in stride(from: number, to: blocks.count, by: threads) {
                        Block.free(blocks[index])
                        own.append(try Block.take(256))
                    }
                    own.forEach(Block.free)
                }
            }
        }
    }
}
