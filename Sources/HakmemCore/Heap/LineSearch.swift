// SPDX-License-Identifier: MIT
//
// The search of a small slab's map lines for free blocks, which fills a bin's stack.
//
//   line i   |······S······S······S······S···|   S: units where a block of s bytes starts
//             └phase┘                            phase: bytes from the line's start to its first S
//
//   free blocks of the line = (stride << phase / 16) & ~live
//
// Arithmetic here wraps by choice of spelling only: every value is bounded by the slab's size, and
// this is the loop that all small blocks come through.

import CHakmemShim
import Synchronization

/// What the search needs of a class, computed once: divisions are dearer than the search.
struct SmallClass {
    /// Bits 0, s, 2s, … for blocks of s units: the starts in a line whose phase is 0.
    var stride: UInt64 = 0
    var blockBytes: UInt32 = 0
    /// A line's bytes modulo the block's.
    var step: UInt32 = 0
    /// Blocks that a refill brings at most.
    var refillMax: UInt32 = 0
    /// Ready blocks that hit paths can see of a bin, and that it can ever hold.
    var windowMax: UInt32 = 0
    var depthMax: UInt32 = 0
    /// Where a thread cache has the deep stack: bytes below its address.
    var deepStackBelow: UInt32 = 0
}

enum SmallClassTable {
    @inline(__always)
    static func entry(_ sizeClass: SizeClass) -> UnsafePointer<SmallClass> {
        UnsafePointer(smallClasses + sizeClass.index)
    }

    /// Fills the table, at the start.
    static func make() {
        var deepStackBelow = ThreadCache.shallowStacksBelow
        for index in 1...SizeClass.smallCount {
            let sizeClass = SizeClass(index: index)
            let block = sizeClass.blockBytes
            var entry = SmallClass()
            var shift = block >> unitShift
            entry.stride = 1
            while shift < 64 {
                entry.stride |= entry.stride << UInt64(shift)
                shift += shift
            }
            entry.blockBytes = UInt32(block)
            entry.step = UInt32(lineBytes % block)
            entry.refillMax = sizeClass.refillMax
            entry.windowMax = sizeClass.stackSlotsMax
            entry.depthMax = sizeClass.stackDepthMax
            deepStackBelow += sizeClass.deepStackBytes
            entry.deepStackBelow = UInt32(deepStackBelow)
            smallClasses[index] = entry
        }
    }
}

enum LineSearch {
    struct Found {
        /// A block that is not on the stack: the caller's; 0 if there was none.
        var first: UInt = 0
        /// Blocks taken, the first included.
        var count: UInt = 0
    }

    /// Puts up to `limit` blocks on the stack of an empty bin, from where the slab's last search
    /// ended.
    static func fill(
        _ bin: UnsafeMutablePointer<Bin>, from span: Span, _ entry: UnsafePointer<SmallClass>,
        limit: UInt
    ) -> Found {
        let header = span.header
        let sizeClass = entry.pointee
        let lines = span.lines
        let limit = min(limit, UInt(span.blocks &- header.pointee.blocksOut))
        // A block that starts at or behind this offset would not end within the slab.
        let startsEnd = span.bytes &- UInt(sizeClass.blockBytes) &+ unitBytes
        let map = BlockMapView()
        var found = Found()
        var line = header.pointee.cursor
        var phase = UInt32(header.pointee.phase)
        // The first block found goes on top, the last to the lowest slot: malloc pops ascending.
        let highest = bin.pointee.top &+ limit &* 8
        var slot = highest
        var seen: UInt32 = 0
        while seen != lines {
            let offset = UInt(line) &<< lineShift
            let base = span.start &+ offset
            let word = map.live(base)
            let live = word.pointee.load(ordering: .relaxed)
            let free = starts(sizeClass.stride, phase, left: startsEnd &- offset) & ~live
            if free != 0 {
                let taken = lowest(free, atMost: limit &- found.count, &found.count)
                var left = taken
                repeat {
                    let unit = UInt(truncatingIfNeeded: left.trailingZeroBitCount)
                    let block = base &+ unit &<< unitShift
                    pointer(slot, to: UInt.self).pointee = block
                    ReadyMark.set(block)
                    slot &-= 8
                    left &= left &- 1
                } while left != 0
                word.pointee.store(live | taken, ordering: .relaxed)
                if taken != free { break }
            }
            seen &+= 1
            line &+= 1
            if line == lines {
                line = 0
                phase = firstPhase(span, sizeClass.blockBytes)
            } else {
                phase =
                    phase >= sizeClass.step
                    ? phase &- sizeClass.step : phase &+ sizeClass.blockBytes &- sizeClass.step
            }
            if found.count == limit { break }
        }
        header.pointee.cursor = line
        header.pointee.phase = UInt16(truncatingIfNeeded: phase)
        finish(bin, highest, limit, &found, span)
        return found
    }

    /// The same for classes of which a line holds few blocks: one after the other, no line word
    /// taken apart.
    static func fillSparse(
        _ bin: UnsafeMutablePointer<Bin>, from span: Span, blockBytes: UInt, limit: UInt
    ) -> Found {
        let header = span.header
        let start = span.start
        let limit = min(limit, UInt(span.blocks &- header.pointee.blocksOut))
        let startsEnd = start &+ span.bytes &- blockBytes &+ unitBytes
        let map = BlockMapView()
        var block = start &+ UInt(header.pointee.cursor)
        let cursor = block
        let highest = bin.pointee.top &+ limit &* 8
        var slot = highest
        var found = Found()
        repeat {
            if block >= startsEnd {
                block = start &+ UInt(firstPhase(span, UInt32(blockBytes)))
                if block == cursor { break }
            }
            let word = map.live(block)
            let live = word.pointee.load(ordering: .relaxed)
            let bit = BlockMap.bit(block)
            if live & bit == 0 {
                word.pointee.store(live | bit, ordering: .relaxed)
                pointer(slot, to: UInt.self).pointee = block
                ReadyMark.set(block)
                slot &-= 8
                found.count &+= 1
            }
            block &+= blockBytes
        } while found.count != limit && block != cursor
        header.pointee.cursor = UInt32(truncatingIfNeeded: block &- start)
        finish(bin, highest, limit, &found, span)
        return found
    }

    /// Has the next search of a slab begin at its first block; and counts its blocks.
    static func restart(_ span: Span, _ sizeClass: SizeClass) {
        let header = span.header
        let phase = sizeClass.isSmall ? firstPhase(span, UInt32(sizeClass.blockBytes)) : 0
        header.pointee.phase = UInt16(phase)
        header.pointee.cursor = sizeClass.isSparse && sizeClass.isSmall ? phase : 0
        header.pointee.bytesOrOlder = (span.bytes - UInt(phase)) / sizeClass.blockBytes
    }

    /// Where a slab's first block starts: at a multiple of its size (StartCheck).
    static func firstPhase(_ span: Span, _ blockBytes: UInt32) -> UInt32 {
        let block = UInt(blockBytes)
        return UInt32((block &- span.start % block) % block)
    }

    /// The lowest bits of `bits`, at most so many; adds how many they are to `count`.
    @inline(__always)
    private static func lowest(_ bits: UInt64, atMost limit: UInt, _ count: inout UInt) -> UInt64 {
        let all = UInt(truncatingIfNeeded: bits.nonzeroBitCount)
        if all <= limit {
            count &+= all
            return bits
        }
        count &+= limit
        var rest = bits
        for _ in 0..<limit { rest &= rest &- 1 }
        return bits & ~rest
    }

    /// The units of a line where blocks start that end within the slab.
    @inline(__always)
    private static func starts(_ stride: UInt64, _ phase: UInt32, left: UInt) -> UInt64 {
        let starts = stride &<< UInt64(phase &>> UInt32(unitShift))
        if left >= lineBytes { return starts }
        return Int(bitPattern: left) <= 0 ? 0 : starts & ((1 &<< UInt64(left &>> unitShift)) &- 1)
    }

    /// Hands the block found first to the caller and the rest to the bin. They end at the slot
    /// `highest` and start at the stack's bottom, as there were `limit` to be found.
    @inline(__always)
    private static func finish(
        _ bin: UnsafeMutablePointer<Bin>, _ highest: UInt, _ limit: UInt, _ found: inout Found,
        _ span: Span
    ) {
        if found.count != limit { Report.damagedSlab(span.start) }
        span.header.pointee.blocksOut &+= UInt32(truncatingIfNeeded: found.count)
        bin.pointee.top = highest &- 8
        found.first = pointer(highest, to: UInt.self).pointee
        _ = hak_mark_clear(found.first)
    }
}
