// SPDX-License-Identifier: MIT
//
// Misuse under HAKMEM_ON_ERROR=ignore: counted, and the heap stays whole. The lines on standard
// error and the aborts are the black-box tests'.

import CHakmemShim
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct MisuseTests {
        /// Runs `body`, which commits `count` misuses, in a cache that is looked over afterwards.
        private func expectMisuses(
            _ count: UInt, _ body: @escaping (ThreadCache) throws -> Void
        ) throws {
            try withOption(\.ignoresErrors, true) {
                try withCache { cache in
                    let before = Report.ignoredCount
                    try body(cache)
                    let seen = Report.ignoredCount - before
                    try require(seen == count, "\(seen) misuses, not \(count)")
                }
            }
        }

        @Test(
            arguments: [
                16, 48, 64, 80, 512, 1024, 1280, 32_768, 40_000, 1 << 20, 3 << 20, 17 << 20,
            ] as [UInt])
        func doubleFree(bytes: UInt) throws {
            try expectMisuses(2) { cache in
                let keeps = try (0..<3).map { _ in try Block.take(bytes) }
                let block = try Block.take(bytes)
                Block.free(block)
                Block.free(block)
                Block.free(block)
                keeps.forEach(Block.free)
                let again = try (0..<40).map { _ in try Block.take(bytes) }
                try require(Set(again).count == again.count, "a block twice")
                again.forEach(Block.free)
                whaleCache.releaseAll()
            }
        }

        /// Two frees of one block in two messages: the first frees it, the second is reported.
        @Test func doubleFreeByAnotherThread() throws {
            try expectMisuses(1) { cache in
                let blocks = try (0..<200).map { _ in try Block.take(64) }
                try onThread {
                    hakFree(hakMalloc(1))
                    ThreadCache(at: hak_cache_get()).endSettling()
                    for block in blocks[..<100] { Block.free(block) }
                    Block.free(blocks[0])
                    for block in blocks[100...] { Block.free(block) }
                }
                let again = try (0..<2000).map { _ in try Block.take(64) }
                try require(Set(again).count == again.count, "a block twice")
                again.forEach(Block.free)
            }
        }

        /// New memory: that blocks bear another mark there changes nothing.
        @Test(arguments: [16, 48, 512, 1024] as [UInt])
        func freeOfWhatWasNeverHandedOut(bytes: UInt) throws {
            try expectMisuses(2) { cache in
                let new = try Block.takeNew(cache, bytes)
                Block.free(new.ready)
                Block.free(new.ready)
                try require(try Block.take(bytes) == new.ready)
                Block.free(new.ready)
                new.taken.forEach(Block.free)
            }
        }

        /// A program may write what looks like a mark.
        @Test(arguments: [ReadyMark.new, ReadyMark.new | 5 << 32])
        func whatLooksLikeTheMark(word: UInt64) throws {
            try expectMisuses(0) { cache in
                let sizeClass = SizeClass(bytes: 48)
                for _ in 0..<100 {
                    let block = try Block.take(48)
                    pointer(block, to: UInt64.self).pointee = word
                    Block.free(block)
                }
                try require(Block.liveOutsideBins(cache, sizeClass) == 0, "blocks are lost")
            }
        }

        @Test(arguments: [48, 512, 1280, 32_768, 40_000, 17 << 20] as [UInt])
        func freeOfTheInside(bytes: UInt) throws {
            try expectMisuses(3) { _ in
                let block = try Block.take(bytes)
                Block.free(block + 8)
                Block.free(block + 16)
                Block.free(block + bytes - 1)
                try require(ThreadCache.isOut(block))
                Block.free(block)
            }
        }

        @Test func freeOfForeignPointers() throws {
            try expectMisuses(3) { _ in
                var local: UInt64 = 0
                withUnsafeMutablePointer(to: &local) { hakFree(UnsafeMutableRawPointer($0)) }
                Block.free(16)
                Block.free(UInt.max & ~15)
            }
        }

        @Test func wrongSizesAndAlignments() throws {
            try expectMisuses(4) { _ in
                let sizes: [(UInt, UInt)] = [(100, 2000), (2000, 100), (100_000, 3000)]
                for (bytes, given) in sizes {
                    let block = hakMalloc(bytes)
                    hakFreeSized(block, given)
                    try require(ThreadCache.isOut(block!.address), "it was freed")
                    hakFreeSized(block, bytes)
                }
                let block = hakAlignedAlloc(64, 100)
                hakFreeAlignedSized(block, 1 << 30, 100)
                hakFreeAlignedSized(block, 64, 100)
            }
        }

        @Test func freeOfARemoteBlockTwice() throws {
            try expectMisuses(1) { cache in
                let blocks = try (0..<200).map { _ in try Block.take(96) }
                try onThread { Block.free(blocks[7]) }
                cache.drainInbox()
                try onThread { Block.free(blocks[7]) }
                cache.drainInbox()
                for (index, block) in blocks.enumerated() where index != 7 { Block.free(block) }
            }
        }

        /// What the hit path does not see is seen when the bin goes to its slabs, whichever of a
        /// line's blocks it is.
        @Test(arguments: [16, 48, 192, 208, 1024] as [UInt], 0..<4)
        func misuseSeenByTheFlush(bytes: UInt, place: Int) throws {
            try expectMisuses(2) { cache in
                let blocks = try (0..<4).map { _ in try Block.take(bytes) }
                cache.flushBins()
                for (index, block) in blocks.enumerated() {
                    Block.free(block)
                    if index == place {
                        pointer(block, to: UInt.self).pointee = 0
                        Block.free(block)
                    }
                }
                cache.flushBins()

                let held = try Block.take(bytes)
                cache.flushBins()
                let span = BlockMap.span(held).unsafelyUnwrapped
                let last = (span.end - bytes) / bytes * bytes
                let never = last == held ? held - bytes : last
                pointer(never, to: UInt.self).pointee = 0
                Block.free(never)
                Block.free(held)
                cache.flushBins()
            }
        }

        @Test(arguments: [500, 3000, 9000] as [UInt])
        func reallocOfWhatIsNoBlock(bytes: UInt) throws {
            try expectMisuses(5) { _ in
                let block = hakMalloc(bytes)
                for size in [100, bytes, bytes * 2] as [UInt] {
                    try require(hakRealloc(block! + 16, size) == nil)
                }
                hakFree(block)
                try require(hakRealloc(block, bytes) == nil)
                try require(hakRealloc(UnsafeMutableRawPointer(bitPattern: 4096), 100) == nil)
            }
        }
    }
}
