// SPDX-License-Identifier: MIT
//
// The sizes that blocks in slabs have.
//
//   index    1 …  64    16, 32, … 1024                    small, tiny: block bytes / 16
//           65 …  72    1280, 1536, 1792, 2048, … 4096    small: four a doubling
//           73 …  84    5120, 6144, 7168, 8192, … 32768   medium: four a doubling
//
// Blocks lie at multiples of their size (StartCheck).
//
// Index 0 is no class: malloc(0) finds an empty bin there, and its slow path asks for 1 byte.

import CHakmemShim

struct SizeClass: Equatable {
    let index: Int

    static let tinyCount = Int(tinyMax / unitBytes)
    static let smallCount = tinyCount + 8
    static let mediumCount = 12
    /// One more than the largest index.
    static let end = smallCount + mediumCount + 1

    @inline(__always)
    init(index: Int) { self.index = index }

    /// The class whose bin lies there in a thread cache.
    @inline(__always)
    init(binOffset: UInt) { self.init(index: Int(bitPattern: binOffset &>> unitShift)) }

    /// The smallest class for `bytes`, 1 ... mediumMax.
    @inline(__always)
    init(bytes: UInt) {
        let offset =
            bytes <= tinyMax
            ? alignUp(bytes, to: unitBytes) : SizeClass.binOffset(bytesAboveTiny: bytes)
        index = Int(bitPattern: offset &>> unitShift)
    }

    @inline(__always)
    var isTiny: Bool { index <= SizeClass.tinyCount }

    /// Whether free's hit path puts its blocks on their bin.
    @inline(__always)
    var isSmall: Bool { index <= SizeClass.smallCount }

    /// Whether a map line holds few blocks of this class.
    @inline(__always)
    var isSparse: Bool { index > SizeClass.denseMax }
    private static let denseMax = 12

    @inline(__always)
    var blockBytes: UInt {
        if isTiny { return UInt(index) &<< unitShift }
        let step = UInt(index &- SizeClass.tinyCount &- 1)
        return (5 &+ (step & 3)) &<< (8 &+ step &>> 2)
    }

    /// Where a thread cache has the bin of this class: of a tiny one at its block size.
    @inline(__always)
    var binOffset: UInt { UInt(index) &<< unitShift }

    /// The same of the class for tinyMax + 1 ... mediumMax bytes, on hit paths.
    @inline(__always)
    static func binOffset(bytesAboveTiny bytes: UInt) -> UInt {
        // Above a power of two 2^k lie four classes, 2^k + i * 2^(k-2) for i in 1...4.
        let last = bytes &- 1
        let power = hak_highest_bit(last)
        let quarters = power &* 4 &+ last &>> (power &- 2)
        return (quarters &+ firstAboveTiny) &<< unitShift
    }

    /// What makes the first class above 2^10 the one after the tiny ones.
    private static let firstAboveTiny = UInt(tinyCount + 1) &- (10 * 4 + 4)

    /// Granules of a slab: enough for eight blocks, with at most 1/8 left over, wherever the first
    /// multiple of their size is.
    ///
    /// A small class begins with so few and takes `grown` slabs once it has a few.
    func slabGranules(isGrown: Bool) -> UInt {
        let block = blockBytes
        let canGrow = isTiny ? block <= SizeClass.grownTinyMax : isSmall
        if isGrown && canGrow { return SizeClass.grownGranules }
        if isTiny { return 1 }
        var granules: UInt = 1
        while granules < SizeClass.slabGranulesMax {
            let bytes = granules << granuleShift
            // The first block lies at a multiple of what the block has in common with a granule.
            let before = block - min(granuleBytes, 1 << UInt(block.trailingZeroBitCount))
            let blocks = (bytes - min(bytes, before)) / block
            let left = bytes - blocks * block
            if blocks >= SizeClass.slabBlocksMin, left <= bytes / 8 { break }
            granules += 1
        }
        return granules
    }

    /// Slabs that a small class has before it takes larger ones.
    static let slabsBeforeGrown: UInt32 = 4
    private static let grownGranules: UInt = 4
    /// Tiny classes above this stay at one granule: few blocks a line make a large slab slow to
    /// search.
    private static let grownTinyMax: UInt = 256
    private static let slabBlocksMin: UInt = 8
    private static let slabGranulesMax: UInt = 17

    /// Ready blocks that the hit paths can see of this class's bin: 16 KiB of them or 128, but at
    /// most 128 KiB, which is what the start check takes (StartCheck).
    var stackSlotsMax: UInt32 {
        let block = UInt32(blockBytes)
        let most = max(SizeClass.windowBytes / block, SizeClass.windowSlots)
        return min(min(SizeClass.slotsMaxOfAll, most), SizeClass.windowBytesMax / block)
    }

    /// Ready blocks that a bin may hold, and a refill bring, of which nobody knows more.
    var stackSlotsUsual: UInt32 {
        let bytes = isSmall ? SizeClass.windowBytes : SizeClass.windowBytesMax
        return min(SizeClass.slotsMaxOfAll, bytes / UInt32(blockBytes))
    }

    /// Ready blocks that it holds before it has overflowed and run empty in turn.
    var stackSlotsFirst: UInt32 {
        isSmall
            ? min(SizeClass.slotsFirst, stackSlotsUsual)
            : max(2, SizeClass.mediumBytesFirst / UInt32(blockBytes))
    }

    /// Ready blocks that the bin can ever hold (ThreadCache+Bins).
    var stackDepthMax: UInt32 {
        min(SizeClass.depthMaxOfAll, SizeClass.stackBlockBytesMax / UInt32(blockBytes))
    }

    /// Slots of its second stack. This and the first one share pages with those of other classes.
    var stackSlotsShared: UInt32 { min(SizeClass.slotsShared, stackDepthMax) }

    /// Bytes of the slots of its stacks, sentinels included: of the first two, and of a deep one,
    /// if it has need of any.
    var sharedStacksBytes: UInt { UInt(stackSlotsFirst + 1 + stackSlotsShared + 1) * 8 }
    var deepStackBytes: UInt {
        stackDepthMax > stackSlotsShared ? UInt(stackDepthMax + 1) * 8 : 0
    }

    /// Blocks that a refill of this class brings at most.
    var refillMax: UInt32 {
        let most = max(SizeClass.batchMin, SizeClass.refillBytes / UInt32(blockBytes))
        return min(most, stackSlotsUsual)
    }

    private static let slotsMaxOfAll: UInt32 = 256
    private static let slotsFirst: UInt32 = 32
    private static let slotsShared: UInt32 = 128
    private static let depthMaxOfAll: UInt32 = 16384
    private static let stackBlockBytesMax: UInt32 = 512 * 1024
    private static let windowSlots: UInt32 = 128
    private static let windowBytes: UInt32 = 16 * 1024
    private static let windowBytesMax: UInt32 = 128 * 1024
    private static let mediumBytesFirst: UInt32 = 32 * 1024
    /// The least that the largest refills of a class bring.
    static let batchMin: UInt32 = 8
    /// Half of what the first refill brings: a short-lived thread asks for few blocks of a class.
    static let batchBeforeFirst: UInt16 = 1
    /// Bytes of blocks that a refill brings, if they are not fewer than the least.
    private static let refillBytes: UInt32 = 4096
}
