// SPDX-License-Identifier: MIT
//
// Frees into slabs: what they leave in lines, bins and lists.

import CHakmemShim
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct ThreadCacheFreeTests {
        /// Blocks that neither the program nor a bin holds, yet the map calls live, are lost.
        @Test(arguments: [4, 5, 8, 13, 31, 64, 65, 72, 73, 84])
        func noBlockIsLost(index: Int) throws {
            let seed = Randomness.printedSeed()
            try withCache { cache in
                var random = Randomness(seed: seed)
                let sizeClass = SizeClass(index: index)
                var blocks: [UInt] = []
                try require(Block.liveOutsideBins(cache, sizeClass) == 0, "an earlier test's block")
                for round in 0..<40 {
                    for _ in 0..<100 { blocks.append(try Block.take(sizeClass.blockBytes)) }
                    for _ in 0..<60 {
                        let chosen = random.below(blocks.count)
                        blocks.swapAt(chosen, blocks.count - 1)
                        Block.free(blocks.removeLast())
                    }
                    if round % 3 == 2 { cache.flushUnused(bytesMin: 0) }
                    try requireIntact(cache)
                    let live = Block.liveOutsideBins(cache, sizeClass)
                    try require(live == blocks.count, "\(live) live, \(blocks.count) held")
                }
                blocks.forEach(Block.free)
                try require(Block.liveOutsideBins(cache, sizeClass) == 0, "blocks are lost")
            }
        }

        /// A program that writes one byte of the mark into a block, and no more, has not freed it.
        @Test(arguments: [16, 24, 1024, 1025, 5000] as [UInt])
        func oneByteOfTheMarkIsNoMark(bytes: UInt) throws {
            try withCache { cache in
                let sizeClass = SizeClass(bytes: bytes)
                for mark in [ReadyMark.used, ReadyMark.new] {
                    for index in 0..<8 as Range<UInt> {
                        let block = try Block.take(bytes)
                        let byte = UInt8(truncatingIfNeeded: mark >> UInt64(index * 8))
                        pointer(block + index, to: UInt8.self).pointee = byte
                        Block.free(block)
                        try require(cache.isReady(block, sizeClass), "byte \(index): lost")
                    }
                }
                try requireIntact(cache)
            }
        }
    }
}

/// Blocks by their addresses.
enum Block {
    static func take(_ bytes: UInt) throws -> UInt {
        guard let block = hakMalloc(bytes) else { throw Violation(description: "out of memory") }
        return block.address
    }

    /// Takes blocks of new memory until another one is ready: that one, and those taken.
    static func takeNew(_ cache: ThreadCache, _ bytes: UInt) throws -> (ready: UInt, taken: [UInt])
    {
        cache.releaseMemory()
        _ = pageHeap.purge(now: Clock.nowMs(), all: true)
        let bin = cache.bin(SizeClass(bytes: bytes))
        var taken = [try take(bytes)]
        while pointer(bin.pointee.top, to: UInt.self).pointee == cache.sentinel {
            taken.append(try take(bytes))
        }
        let ready = pointer(bin.pointee.top, to: UInt.self).pointee
        try require(pointer(ready, to: UInt64.self).pointee == ReadyMark.new)
        return (ready, taken)
    }

    static func free(_ address: UInt) { hakFree(UnsafeMutableRawPointer(bitPattern: address)) }

    /// Live blocks of a cache's class less those that are ready in its bin.
    static func liveOutsideBins(_ cache: ThreadCache, _ sizeClass: SizeClass) -> Int {
        var live = 0
        pageHeap.forEachSpan { span in
            guard span.state == .slab, span.header.pointee.owner == cache.address,
                span.sizeClass == sizeClass
            else { return }
            for line in 0..<UInt(span.lines) {
                let word = BlockMap.live(span.start + line << lineShift)
                live += word.pointee.load(ordering: .relaxed).nonzeroBitCount
            }
        }
        return live - Int(cache.readyCount(sizeClass))
    }
}
