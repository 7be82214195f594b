// SPDX-License-Identifier: MIT

import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// Blocks with a span for themselves, and the reuse cache of a thread.
    @Suite struct LargeBlockTests {
        @Test func whatWasFreedIsServedNext() throws {
            try withCache { cache in
                for bytes in [mediumMax + 1, 100_000, 900_000] {
                    let first = try Block.take(bytes)
                    Block.free(first)
                    let hits = cache.header.pointee.largeHits.load(ordering: .relaxed)
                    try require(try Block.take(bytes) == first, "another block")
                    try require(cache.header.pointee.largeHits.load(ordering: .relaxed) == hits + 1)
                    Block.free(first)
                }
            }
        }

        @Test func blocksStartAtDifferentLinesOfTheirPages() throws {
            try withCache { _ in
                let blocks = try (0..<32).map { _ in try Block.take(100_000) }
                try require(Set(blocks.map { $0 & 0xFFF }).count > 8, "few different starts")
                for block in blocks {
                    try require(block & 63 == 0, "not at a cache line")
                    let span = BlockMap.span(block)!
                    try require(block + ThreadCache.usableBytes(block) == span.end)
                    // The span starts where no block does, unless both start there.
                    try require(block == span.start || ThreadCache.usableBytes(span.start) == 0)
                }
                blocks.forEach(Block.free)
            }
        }

        /// Also from a span that a block at another place was freed in.
        @Test func alignedBlocksStartAtPages() throws {
            try withCache { _ in
                for alignment in [64, 128, 4096, granuleBytes, 4 * granuleBytes] {
                    let plain = try Block.take(100_000)
                    Block.free(plain)
                    let aligned = allocateAligned(alignment, 100_000)
                    try require(aligned != 0 && aligned % alignment == 0)
                    try require(ThreadCache.usableBytes(aligned) >= 100_000)
                    let grown = try #require(hakRealloc(.init(bitPattern: aligned), 150_000))
                    hakFree(grown)
                }
            }
        }

        @Test func aMuchLargerSpanIsNotTaken() throws {
            try withCache { _ in
                let large = try Block.take(800_000)
                Block.free(large)
                let small = try Block.take(400_000)
                try require(BlockMap.span(small)!.bytes < 460_000)
                Block.free(small)
            }
        }

        /// Memory that was touched is worth more than blocks that are kept for their like.
        @Test func whatIsKeptGoesBackBeforeUntouchedMemoryIsTaken() throws {
            try withCache { cache in
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                // Of many, four that are neighbours: earlier tests have left holes.
                var blocks = try (0..<64).map { _ in try Block.take(100_000) }
                blocks.sort()
                let spans = blocks.map { BlockMap.span($0)! }
                let first = try #require(
                    (0...60).first { start in
                        (start..<start + 3).allSatisfy { spans[$0].end == spans[$0 + 1].start }
                    }, "no neighbours")
                let run = spans[first].start..<spans[first + 3].end
                let neighbours = Array(blocks[first..<first + 4])
                blocks.removeSubrange(first..<first + 4)
                neighbours.forEach(Block.free)
                try require(cache.header.pointee.large.bytes >= 400_000, "not kept")
                let whole = try Block.take(300_000)
                try require(run ~= whole, "untouched memory")
                try require(cache.header.pointee.large.bytes == 0, "still kept")
                Block.free(whole)
                blocks.forEach(Block.free)
            }
        }

        @Test func theCacheIsBounded() throws {
            try withOption(\.largeCacheBytesMax, 600_000) {
                try withCache { cache in
                    let blocks = try (0..<30).map { _ in try Block.take(100_000) }
                    for block in blocks {
                        Block.free(block)
                        try require(cache.header.pointee.large.bytes <= 600_000)
                    }
                    let tooLarge = try Block.take(700_000)
                    let kept = cache.header.pointee.large.bytes
                    Block.free(tooLarge)
                    try require(cache.header.pointee.large.bytes == kept, "kept beyond the bound")
                }
            }
        }

        @Test func ageAndTrimEmptyTheCache() throws {
            try withCache { cache in
                for release in [true, false] {
                    let blocks = try (0..<4).map { _ in try Block.take(100_000) }
                    blocks.forEach(Block.free)
                    try require(cache.header.pointee.large.bytes > 0)
                    if release {
                        let later = Clock.nowMs() &+ UInt32(process.options.purgeDelayMs) + 1000
                        cache.header.pointee.large.releaseAged(later)
                    } else {
                        cache.header.pointee.large.releaseAll()
                    }
                    try require(cache.header.pointee.large.bytes == 0)
                }
            }
        }

        @Test func anyThreadMayFreeIt() throws {
            try withCache { _ in
                let block = try Block.take(500_000)
                try onThread { Block.free(block) }
                try require(!ThreadCache.isOut(block))
            }
        }

        @Test func callocOfReusedMemoryIsZero() throws {
            try withCache { _ in
                for bytes in [40_000, 200_000, largeMax] as [UInt] {
                    for _ in 0..<3 {
                        guard let block = hakCalloc(bytes, 1) else { throw Violation.outOfMemory }
                        try require(block.isZero(bytes), "\(bytes)")
                        block.fill(bytes, 77)
                        hakFree(block)
                    }
                }
            }
        }
    }
}
