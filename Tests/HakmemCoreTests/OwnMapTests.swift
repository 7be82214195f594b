// SPDX-License-Identifier: MIT

import CHakmemShim
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct OwnMapTests {
        @Test func slabsNameTheirBin() throws {
            try withCache { cache in
                for bytes in [16, 48, 1024, 1025, 4096, 5000, 32768] as [UInt] {
                    let block = try Block.take(bytes)
                    let entry = UInt(OwnMap.entry(block, cache.address).pointee)
                    try require(entry == SizeClass(bytes: bytes).binOffset)
                    Block.free(block)
                }
            }
        }

        @Test func nothingElseHasABin() throws {
            try withCache { cache in
                let large = try Block.take(100_000)
                let whale = try Block.take(largeMax + 1)
                for address in [0, 0x1000, UInt(Int.max), large, whale] {
                    try require(OwnMap.entry(address, cache.address).pointee == 0, "\(address)")
                }
                [large, whale].forEach(Block.free)
                let theirs = try onThread { try Block.take(48) }
                try require(OwnMap.entry(theirs, cache.address).pointee == 0)
                Block.free(theirs)
            }
        }

        @Test func aSlabThatGoesBackHasNoBinAnyMore() throws {
            try withCache { cache in
                let blocks = try (0..<3000).map { _ in try Block.take(720) }
                blocks.forEach(Block.free)
                cache.releaseMemory()
                for block in blocks {
                    try require(OwnMap.entry(block, cache.address).pointee == 0)
                }
            }
        }

        /// Frees of others' blocks, which read it, find it written.
        @Test func aNewCacheHasWrittenWhereItsSlabsWillLie() throws {
            try withCache { _ in
                let made = ThreadCache.make()
                guard let made else { throw Violation.outOfMemory }
                let entry = OwnMap.entry(heapExtent.pointee.lowest, made.address)
                let offset = UInt(bitPattern: entry) - made.address - UInt(HAK_OWN_MAP_OFFSET)
                let range = made.header.pointee.ownMap
                // Where the heap is spread wide, the part for all of it would be large.
                if !heapExtent.pointee.isCompact {
                    try require(range.end == 0, "a spread heap's part is prepared")
                    return
                }
                try require(range.start <= offset && offset < range.end, "it is not writable")
            }
        }

        /// A heap that spreads costs few calls of the kernel.
        @Test func whatIsWritableDoublesAtLeast() throws {
            try withCache { _ in
                let made = ThreadCache.make()
                guard let made, let header = pageHeap.makeHeader() else {
                    throw Violation.outOfMemory
                }
                made.header.pointee.ownMap = OwnMapRange(start: 0, end: 0)
                let step: UInt = 64 << 20
                var widenings = 0
                for place in 1...512 as ClosedRange<UInt> {
                    let before = made.header.pointee.ownMap
                    header.header.pointee.start = place * step % BlockMap.coveredBytes
                    header.header.pointee.granules = 1
                    try require(made.setOwnMap(header, binOffset: 0), "refused")
                    let after = made.header.pointee.ownMap
                    if after.end != before.end || after.start != before.start { widenings += 1 }
                    let (was, now) = (before.end - before.start, after.end - after.start)
                    try require(now == was || now >= min(2 * was, OwnMap.bytes), "\(was), \(now)")
                }
                try require(widenings <= 10, "\(widenings) calls")
                pageHeap.discardHeader(header)
            }
        }

        @Test func aThreadWithoutACacheOwnsNothing() {
            for address in [0, 0x7F12_3456_8000, UInt.max] as [UInt] {
                #expect(OwnMap.entry(address, hak_cache_none()).pointee == 0)
            }
        }

        @Test func entriesRepeatWithTheBlockMap() throws {
            try withCache { cache in
                let covered = BlockMap.coveredBytes
                for address in [0, granuleBytes, 0x7F12_3456_8000] as [UInt] {
                    let entry = OwnMap.entry(address, cache.address)
                    try require(entry == OwnMap.entry(address &+ covered, cache.address))
                    try require(entry != OwnMap.entry(address &+ covered / 2, cache.address))
                }
            }
        }
    }
}
