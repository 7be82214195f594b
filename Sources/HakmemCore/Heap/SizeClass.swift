// SPDX-License-Identifier: MIT
//
// The sizes that blocks in slabs have.
//
//   index    1 …  64    16, 32, … 1024            small: block bytes / 16
//           65 …  84    1280, 1536, 1792, 2048, … 32768   medium: four a doubling
//
// Index 0 is no class: malloc(0) finds an empty bin there, and its slow path asks for 1 byte.

struct SizeClass: Equatable {
    let index: Int

    static let smallCount = Int(smallMax / unitBytes)
    static let mediumCount = 20
    /// One more than the largest index.
    static let end = smallCount + mediumCount + 1

    @inline(__always)
    init(index: Int) { self.index = index }

    /// The smallest class for `bytes`, 1 ... mediumMax.
    @inline(__always)
    init(bytes: UInt) {
        if bytes <= smallMax {
            index = Int((bytes &+ (unitBytes &- 1)) &>> unitShift)
        } else {
            // Above a power of two 2^k lie four classes, 2^k + i * 2^(k-2) for i in 1...4.
            let last = bytes &- 1
            let power = UInt(63 &- last.leadingZeroBitCount)
            let quarter = (last &>> (power &- 2)) & 3
            index = Int((power &- 10) &* 4 &+ quarter) &+ SizeClass.smallCount &+ 1
        }
    }

    @inline(__always)
    var isSmall: Bool { index <= SizeClass.smallCount }

    /// Whether a map line holds few blocks of this small class.
    @inline(__always)
    var isSparse: Bool { index > SizeClass.denseMax }
    private static let denseMax = 12

    /// Medium classes from 0.
    @inline(__always)
    var mediumIndex: Int { index &- SizeClass.smallCount &- 1 }

    @inline(__always)
    var blockBytes: UInt {
        if isSmall { return UInt(index) &<< unitShift }
        let step = UInt(mediumIndex)
        return (5 &+ (step & 3)) &<< (8 &+ step &>> 2)
    }

    /// Granules of a slab: enough for eight medium blocks, with at most 1/16 left over.
    ///
    /// A small class begins with one granule and takes `grown` slabs once it has a few.
    func slabGranules(isGrown: Bool) -> UInt {
        if isSmall {
            return isGrown && blockBytes <= SizeClass.grownBlockMax
                ? SizeClass.grownSmallGranules : 1
        }
        let block = blockBytes
        var granules: UInt = 1
        while granules < SizeClass.slabGranulesMax {
            let bytes = granules << granuleShift
            if bytes / block >= SizeClass.mediumBlocksMin, bytes % block <= bytes / 16 { break }
            granules += 1
        }
        return granules
    }

    /// Slabs that a small class has before it takes larger ones.
    static let slabsBeforeGrown: UInt32 = 4
    private static let grownSmallGranules: UInt = 4
    /// Classes above this stay at one granule: few blocks a line make a large slab slow to search.
    private static let grownBlockMax: UInt = 256
    private static let mediumBlocksMin: UInt = 8
    private static let slabGranulesMax: UInt = 16

    /// Ready blocks that the hit paths can see of this small class's bin: at most 16 KiB of them,
    /// which is what the start check needs (StartCheck).
    var stackSlotsMax: UInt32 {
        min(SizeClass.slotsMaxOfAll, SizeClass.binBytesMax / UInt32(blockBytes))
    }

    /// Ready blocks that it holds before it has overflowed and run empty in turn.
    var stackSlotsFirst: UInt32 { min(SizeClass.slotsFirst, stackSlotsMax) }

    /// Ready blocks that the bin can ever hold (ThreadCache+Bins).
    var stackDepthMax: UInt32 {
        min(SizeClass.depthMaxOfAll, SizeClass.stackBlockBytesMax / UInt32(blockBytes))
    }

    /// Bytes of the slots of its stack, the sentinel's included: of the shallow one that it begins
    /// with, and of the deep one.
    var shallowStackBytes: UInt { UInt(stackSlotsFirst + 1) * 8 }
    var deepStackBytes: UInt { UInt(stackDepthMax + 1) * 8 }

    /// Blocks that a refill of this small class brings at most.
    var refillMax: UInt32 {
        max(SizeClass.batchMin, SizeClass.refillBytes / UInt32(blockBytes))
    }

    /// Whether slabs of this class are written in every page: no block is larger than one.
    var isDense: Bool { blockBytes <= SizeClass.denseBlockMax }

    private static let denseBlockMax: UInt = 4096
    private static let slotsMaxOfAll: UInt32 = 256
    private static let slotsFirst: UInt32 = 32
    private static let depthMaxOfAll: UInt32 = 4096
    private static let stackBlockBytesMax: UInt32 = 512 * 1024
    private static let binBytesMax: UInt32 = 16 * 1024
    /// The least that the largest refills of a class bring.
    static let batchMin: UInt32 = 8
    /// Half of what the first refill brings: a short-lived thread asks for few blocks of a class.
    static let batchBeforeFirst: UInt16 = 1
    /// Bytes of blocks that a refill brings, if they are not fewer than the least.
    private static let refillBytes: UInt32 = 4096
}
