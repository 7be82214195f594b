// SPDX-License-Identifier: MIT

import CHakmemShim
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct OrphanTests {
        init() { StartedHeap.ensure() }

        /// A cache that its thread has left as if it were gone, and blocks of it that are out.
        private struct Left {
            let cache: ThreadCache
            var blocks: [UInt]
        }

        private func leave(
            seed: UInt64, flushes: Bool = false,
            _ last: @escaping (ThreadCache, inout Randomness) -> Void
        ) throws -> Left {
            try TestThread(returnsCache: false) {
                var random = Randomness(seed: seed)
                var blocks: [UInt] = []
                for step in 0..<20_000 {
                    if blocks.count > 2000 || step % 3 == 2 {
                        blocks.swapAt(random.below(blocks.count), blocks.count - 1)
                        Block.free(blocks.removeLast())
                    } else {
                        blocks.append(try Block.take(UInt(random.below(4000) + 1)))
                    }
                }
                for block in blocks {
                    UnsafeMutableRawPointer(bitPattern: block)!.fill(16, UInt64(block))
                }
                let cache = ThreadCache(at: hak_cache_get())
                // What is ready in bins that are tampered with is lost, and later tests count.
                if flushes { cache.flushBins() }
                last(cache, &random)
                hak_cache_set(hak_cache_none())
                return Left(cache: cache, blocks: blocks)
            }.join()
        }

        private func isIntact(_ block: UInt) -> Bool {
            ThreadCache.isOut(block)
                && UnsafeMutableRawPointer(bitPattern: block)!.holds(16, UInt64(block))
        }

        /// Whatever its thread was doing with lists and bins: all that is out is kept, all
        /// that is free is found.
        @Test(arguments: 0..<8) func anOrphanIsPutInOrder(round: UInt64) throws {
            let left = try leave(seed: round, flushes: true) { cache, random in
                for index in 1..<SizeClass.end where random.below(2) == 0 {
                    let sizeClass = SizeClass(index: index)
                    let record = cache.record(sizeClass)
                    record.pointee.available = SpanList()
                    record.pointee.slabs = UInt32(random.below(100))
                    record.pointee.below = UInt16(random.below(100))
                    if random.below(2) == 0 {
                        cache.bin(sizeClass).pointee.top += 8 * UInt(random.below(3))
                    }
                }
                pageHeap.forEachSlab { span in
                    guard span.header.pointee.owner == cache.address else { return }
                    if random.below(2) == 0 { span.header.pointee.next = 0 }
                    if random.below(3) == 0 { span.header.pointee.isFull.toggle() }
                    if random.below(3) == 0 { span.header.pointee.blocksOut &+= 3 }
                    if random.below(3) == 0 { span.header.pointee.cursor &+= 1 }
                }
            }
            try onThread {
                hakFree(hakMalloc(1))
                let own = hak_cache_get()
                ThreadCache(at: own).endSettling()
                cachePool.coolDown(Clock.nowMs(), all: true)
                cachePool.orphan(left.cache, own: own)
                let half = left.blocks.count / 2
                left.blocks[..<half].forEach(Block.free)
                ThreadCache(at: own).header.pointee.outgoing.sendAll()
                try require(
                    !left.blocks[..<half].contains(where: ThreadCache.isOut), "blocks are still out"
                )
                try require(left.blocks[half...].allSatisfy(isIntact), "a block has changed")
                try requireIntact(left.cache)
                // Another thread takes it over: no warm cache was before it in the pool.
                try withCache { cache in
                    try require(cache == left.cache, "nobody adopts it")
                    // Its bins have no stacks yet: what is freed now goes to the slabs.
                    let early = half + half / 2
                    left.blocks[half..<early].forEach(Block.free)
                    try requireIntact(cache)
                    let more = try (0..<5000).map { try Block.take(UInt($0 % 4000 + 1)) }
                    for block in more {
                        UnsafeMutableRawPointer(bitPattern: block)!.fill(8, 0)
                    }
                    try require(left.blocks[early...].allSatisfy(isIntact), "handed out twice")
                    more.forEach(Block.free)
                    left.blocks[early...].forEach(Block.free)
                }
            }
        }

        /// A free moves a bin's top before it writes the slot. The slot may still name a block that
        /// was taken from it, freed by another thread, and sent.
        @Test func aSlotMayNameWhatWasSent() throws {
            let left = try leave(seed: 7, flushes: true) { cache, _ in
                let sizeClass = SizeClass(bytes: 64)
                Block.free(hakMallocAddress(64))
                let block = hakMallocAddress(64)
                _ = try? onThread {
                    Block.free(block)
                    ThreadCache(at: hak_cache_get()).header.pointee.outgoing.sendAll()
                }
                cache.bin(sizeClass).pointee.top &-= 8
                let slot = cache.bin(sizeClass).pointee.top
                #expect(pointer(slot, to: UInt.self).pointee == block)
                #expect(ThreadCache.isOut(block))
            }
            try onThread {
                hakFree(hakMalloc(1))
                cachePool.coolDown(Clock.nowMs(), all: true)
                cachePool.orphan(left.cache, own: hak_cache_get())
                left.blocks.forEach(Block.free)
                ThreadCache(at: hak_cache_get()).header.pointee.outgoing.sendAll()
                try require(!left.blocks.contains(where: ThreadCache.isOut), "blocks are still out")
                try requireIntact(left.cache)
            }
        }

        private func hakMallocAddress(_ bytes: UInt) -> UInt {
            UInt(bitPattern: hakMalloc(bytes))
        }

        /// A thread that begins finds orphans in the pool, and what was sent to them before.
        @Test func anOrphanIsAdopted() throws {
            let left = try leave(seed: 99) { _, _ in }
            try onThread {
                hakFree(hakMalloc(1))
                ThreadCache(at: hak_cache_get()).endSettling()
                left.blocks.forEach(Block.free)
                ThreadCache(at: hak_cache_get()).header.pointee.outgoing.sendAll()
                try require(left.blocks.contains(where: ThreadCache.isOut), "they do not wait")
                cachePool.coolDown(Clock.nowMs(), all: true)
                cachePool.orphan(left.cache, own: hak_cache_get())
                try withCache { cache in try require(cache == left.cache, "nobody adopts it") }
                // What that thread has left ready may be one of them.
                cachePool.coolDown(Clock.nowMs(), all: true)
                try require(!left.blocks.contains(where: ThreadCache.isOut), "blocks still wait")
                for index in 1..<SizeClass.end {
                    let live = Block.liveOutsideBins(left.cache, SizeClass(index: index))
                    try require(live == 0, "class \(index): \(live) blocks lost that were ready")
                }
            }
        }

        /// The large blocks that its thread kept are free; those of others are not taken for them.
        @Test func keptLargeBlocksAreToldApart() throws {
            let left = try leave(seed: 7) { _, _ in
                for _ in 0..<3 { hakFree(hakMalloc(200_000)) }
            }
            try onThread {
                let kept = try Block.take(300_000)
                let out = try Block.take(400_000)
                Block.free(kept)
                let own = ThreadCache(at: hak_cache_get())
                let spans = [kept, out].map { BlockMap.span($0).unsafelyUnwrapped }
                // As if the slots had been half written.
                for span in spans { _ = left.cache.header.pointee.large.keep(span) }
                cachePool.orphan(left.cache, own: own.address)
                try require(left.cache.header.pointee.large.bytes >= 200_000, "it lost its own")
                try require(
                    !spans.contains { left.cache.header.pointee.large.contains($0) },
                    "it has what is another's")
                left.blocks.forEach(Block.free)
                own.header.pointee.outgoing.sendAll()
                try require(left.cache.header.pointee.large.bytes == 0, "it keeps its own")
                try requireIntact(own)
                let again = try Block.take(300_000)
                try require(again == kept)
                Block.free(again)
                Block.free(out)
            }
        }
    }
}
