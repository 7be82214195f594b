// SPDX-License-Identifier: MIT

import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct GrowthRecordsTests {
        init() { StartedHeap.ensure() }

        /// A block that `site` grows step by step, and its span.
        private func grow(
            _ cache: ThreadCache, to bytes: UInt, from least: UInt = 30_000, site: UInt
        ) throws -> Span {
            var block = try Block.take(least)
            var wanted = least
            while wanted < bytes {
                wanted = min(wanted + wanted / 4, bytes)
                let span = try live(block)
                block = cache.reallocate(block, span, wanted, site: site)
                try require(block != 0, "out of memory")
                try require(ThreadCache.usableBytes(block) >= wanted)
            }
            return try live(block)
        }

        private func live(_ block: UInt) throws -> Span {
            guard let span = ThreadCache.liveSpan(block) else {
                throw Violation(description: "\(block) is not out")
            }
            return span
        }

        private var roomBytes: UInt {
            growthRecords.fields.pointee.roomBytes.load(ordering: .relaxed)
        }

        @Test func theThirdBlockGoesWhereTheFirstTwoEnded() throws {
            try withCache { cache in
                let site: UInt = 0x1000_0010
                let room = roomBytes
                try require(growthRecords.expected(50_000, site: site) == 50_000)
                for _ in 0..<2 {
                    let span = try grow(cache, to: 800_000, site: site)
                    Block.free(span.block)
                }
                try require(growthRecords.expected(100_000, site: site) >= 800_000)
                try require(growthRecords.expected(900_001, site: site) == 900_001)
                let third = try grow(cache, to: 60_000, site: site)
                let start = third.block
                try require(third.blockBytes >= 600_000, "\(third.blockBytes) bytes of room")
                try require(ThreadCache.usableBytes(start) == 60_000, "room is said to be usable")
                try require(roomBytes > room)
                let same = cache.reallocate(start, third, 600_000, site: site)
                try require(same == start, "it was moved")
                try require(ThreadCache.usableBytes(start) == 600_000)
                hakFreeSized(UnsafeMutableRawPointer(bitPattern: start), 600_000)
                try require(!ThreadCache.isOut(start), "a sized free was refused")
                try require(roomBytes == room, "room is left over")
            }
        }

        /// Each realloc goes where it would go, and the room adds up.
        @Test func roomAddsUp() throws {
            let seed = Randomness.printedSeed()
            try withCache { cache in
                var random = Randomness(seed: seed)
                let room = roomBytes
                var blocks: [UInt] = []
                for _ in 0..<3000 {
                    let index = random.below(40)
                    if index >= blocks.count {
                        let block = try Block.take(8 + UInt(random.below(100_000)))
                        // What was there before may look like a free block, and be copied.
                        pointer(block, to: UInt64.self).pointee = 1
                        blocks.append(block)
                    } else if random.below(4) == 0 {
                        Block.free(blocks.remove(at: index))
                    } else {
                        let most = random.below(20) == 0 ? 20 << 20 : 1 << 20
                        let bytes = UInt(1 + random.below(most))
                        let span = try live(blocks[index])
                        let site = UInt(0x2000_0000 + random.below(5) * 16)
                        let moved = cache.reallocate(blocks[index], span, bytes, site: site)
                        try require(moved != 0, "out of memory")
                        blocks[index] = moved
                        try require(ThreadCache.usableBytes(moved) >= bytes)
                    }
                }
                blocks.forEach(Block.free)
                try require(roomBytes == room, "\(roomBytes) bytes, not \(room)")
            }
        }

        /// A block that was never resized is not taken for one with room.
        @Test func anAlignedBlockHasNoRoom() throws {
            try withCache { cache in
                guard let block = hakMemalign(1 << 16, 100)?.address else {
                    throw Violation.outOfMemory
                }
                let span = try live(block)
                // What was there before may look like a free block.
                pointer(block, to: UInt64.self).pointee = 1
                let moved = cache.reallocate(block, span, 535, site: 0x8000_0010)
                try require(moved != block, "it keeps a granule for 535 bytes")
                let slab = try live(moved)
                hakFreeSized(UnsafeMutableRawPointer(bitPattern: moved), 535)
                try require(
                    !ThreadCache.isOut(moved) || ThreadCache.isReady(moved, slab),
                    "a sized free was refused")
            }
        }

        @Test func shorterEndsCountFasterThanLongerOnes() throws {
            try withCache { cache in
                let site: UInt = 0x3000_0010
                for _ in 0..<8 { Block.free(try grow(cache, to: 1_000_000, site: site).block) }
                let long = growthRecords.expected(200_000, site: site)
                Block.free(try grow(cache, to: 100_000, site: site).block)
                let short = growthRecords.expected(200_000, site: site)
                try require(short < long * 2 / 3, "\(short) after \(long)")
                Block.free(try grow(cache, to: 1_000_000, site: site).block)
                let again = growthRecords.expected(200_000, site: site)
                try require(again > short && again < long * 3 / 4, "\(again) after \(short)")
            }
        }

        @Test func roomIsBounded() throws {
            try withCache { cache in
                let site: UInt = 0x4000_0010
                for _ in 0..<2 { Block.free(try grow(cache, to: 1_900_000, site: site).block) }
                var blocks: [UInt] = []
                for _ in 0..<200 { blocks.append(try grow(cache, to: 50_000, site: site).block) }
                pageHeap.acquireLock()
                let used = pageHeap.usedBytes
                pageHeap.releaseLock()
                try require(roomBytes <= used / 2 + 9 << 20, "\(roomBytes) of \(used)")
                blocks.forEach(Block.free)
            }
        }

        @Test func nothingIsExpectedWhereThatIsSwitchedOff() throws {
            try withOption(\.learnsGrowth, false) {
                try withCache { cache in
                    let site: UInt = 0x5000_0010
                    for _ in 0..<3 { Block.free(try grow(cache, to: 800_000, site: site).block) }
                    try require(growthRecords.expected(100_000, site: site) == 100_000)
                }
            }
        }

        /// A site that takes a record over knows nothing of the one before.
        @Test func aRecordTakenOverIsEmpty() throws {
            try withCache { cache in
                let site: UInt = 0x6000_0010
                for _ in 0..<2 { Block.free(try grow(cache, to: 800_000, site: site).block) }
                let set = max(SiteHash.set(site, bits: 7), 1)
                var other = site + 16
                while max(SiteHash.set(other, bits: 7), 1) != set { other += 16 }
                try require(growthRecords.expected(100_000, site: other) == 100_000)
                Block.free(try grow(cache, to: 200_000, site: other).block)
                try require(growthRecords.expected(100_000, site: site) == 100_000)
            }
        }
    }
}
