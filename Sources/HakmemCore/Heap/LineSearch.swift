// SPDX-License-Identifier: MIT
//
// The search of a slab's map lines for free blocks, which fills a bin's stack.
//
//   line i   |······S······S······S······S···|   S: units where a block of s bytes starts
//             └phase┘                            phase: bytes from the line's start to the first S
//                                                that is to be looked at
//   free blocks from there on = (stride << phase / 16) & ~live
//
// Arithmetic here wraps by choice of spelling only: every value is bounded by the slab's size, and
// this is the loop that all blocks of slabs come through.

import CHakmemShim
import Synchronization

/// What the search needs of a class, computed once: divisions are dearer than the search.
struct ClassConstants {
    /// Bits 0, s, 2s, … for blocks of s units: the starts in a line whose phase is 0.
    var stride: UInt64 = 0
    /// Where a thread cache has the bottom of the deep stack: bytes below its address.
    var deepBottomBelow: UInt32 = 0
    var blockBytes: UInt16 = 0
    /// Blocks that a refill brings at most.
    var refillMax: UInt16 = 0
    /// Ready blocks that hit paths can see of a bin, and that it can ever hold.
    var windowMax: UInt16 = 0
    var depthMax: UInt16 = 0
    /// The least that realloc leaves in such a block.
    var keptMin: UInt16 = 0

    /// Whether realloc to so many bytes leaves a block where it is.
    @inline(__always)
    func keeps(_ bytes: UInt) -> Bool { bytes &- UInt(keptMin) <= UInt(blockBytes &- keptMin) }
}

enum ClassTable {
    @inline(__always)
    static func entry(_ sizeClass: SizeClass) -> UnsafePointer<ClassConstants> {
        UnsafePointer(classConstants + sizeClass.index)
    }

    /// Fills the table, at the start.
    static func make() {
        var below = ThreadCache.sharedStacksBelow
        for index in 1..<SizeClass.end {
            let sizeClass = SizeClass(index: index)
            let block = sizeClass.blockBytes
            var entry = ClassConstants()
            var shift = block >> unitShift
            entry.stride = 1
            while shift < 64 {
                entry.stride |= entry.stride << UInt64(shift)
                shift += shift
            }
            entry.blockBytes = UInt16(block)
            entry.keptMin = UInt16(ThreadCache.keptMin(of: block))
            entry.refillMax = UInt16(sizeClass.refillMax)
            entry.windowMax = UInt16(sizeClass.stackSlotsMax)
            entry.depthMax = UInt16(sizeClass.stackDepthMax)
            entry.deepBottomBelow = UInt32(below + 8)
            below += sizeClass.deepStackBytes
            classConstants[index] = entry
        }
    }
}

enum LineSearch {
    struct Found {
        /// A block that is not on the stack: the caller's.
        let first: UInt
        /// Blocks taken, the first included.
        let count: UInt
    }

    /// Puts up to `limit` blocks on the stack of an empty bin, from where the slab's last search
    /// ended; blocks that were never handed out only when few of the others are free.
    ///
    /// The first block found goes on top, the last to the slot nearest the bottom: malloc pops
    /// ascending. Where nothing of a line is out, as in new slabs and dropped heaps, blocks are
    /// counted off; else they are the bits that are not set.
    static func fill(
        _ bin: UnsafeMutablePointer<Bin>, from span: Span, _ entry: UnsafePointer<ClassConstants>,
        limit: UInt
    ) -> Found {
        let header = span.header
        let (stride, blockBytes) = (entry.pointee.stride, UInt(entry.pointee.blockBytes))
        let part = Part(span, blockBytes: blockBytes, limit: limit)
        let limit = part.limit
        let start = span.start
        let startsEnd = part.end
        let mark = part.mark
        let map = BlockMapView()
        let end = bin.pointee.top
        let first = end &- limit &* 8
        var slot = first
        // Where the search is: in the line at `base`, `phase` bytes behind its start.
        var base = start &+ UInt(header.pointee.cursor) &<< lineShift
        var phase = UInt(header.pointee.phase)
        if part.isNew {
            base = part.start & ~(lineBytes &- 1)
            phase = part.start &- base
        }
        // The first line may be looked at twice: its end first, its beginning last.
        var linesLeft = span.lines &+ 1
        repeat {
            let word = map.live(base)
            let live = word.pointee.load(ordering: .relaxed)
            let starts = stride &<< UInt64(phase &>> unitShift)
            if live &>> UInt64(phase &>> unitShift) == 0 {
                var block = base &+ phase
                let wanted = ((end &- slot) &* blockBytes) &>> 3
                let stop = min(min(base &+ lineBytes, startsEnd), block &+ wanted)
                while block < stop {
                    pointer(slot, to: UInt.self).pointee = block
                    ReadyMark.set(block, mark)
                    slot &+= 8
                    block &+= blockBytes
                }
                phase = block &- base
                word.pointee.store(live | starts & below(phase), ordering: .relaxed)
            } else {
                let last = UInt(truncatingIfNeeded: 63 &- starts.leadingZeroBitCount)
                phase = last &<< unitShift &+ blockBytes
                let free = starts & ~live & below(startsEnd &- base)
                var left = free
                while left != 0 {
                    let unit = UInt(truncatingIfNeeded: left.trailingZeroBitCount)
                    if slot == end {
                        phase = unit &<< unitShift
                        break
                    }
                    let block = base &+ unit &<< unitShift
                    pointer(slot, to: UInt.self).pointee = block
                    ReadyMark.set(block)
                    slot &+= 8
                    left &= left &- 1
                }
                word.pointee.store(live | free ^ left, ordering: .relaxed)
            }
            if base &+ phase >= startsEnd {
                base = start
                phase = UInt(header.pointee.blockOffset)
            } else if phase >= lineBytes {
                base &+= lineBytes
                phase &-= lineBytes
            }
            linesLeft &-= 1
        } while slot != end && linesLeft != 0
        if !part.isNew {
            header.pointee.cursor = UInt32(truncatingIfNeeded: (base &- start) &>> lineShift)
            header.pointee.phase = UInt16(truncatingIfNeeded: phase)
        }
        if slot != end { Report.damagedSlab(start) }
        return finish(bin, first, limit, span)
    }

    /// The same for classes of which a line holds few blocks: one after the other, no line word
    /// taken apart.
    static func fillSparse(
        _ bin: UnsafeMutablePointer<Bin>, from span: Span, blockBytes: UInt, limit: UInt
    ) -> Found {
        let header = span.header
        let start = span.start
        let part = Part(span, blockBytes: blockBytes, limit: limit)
        let limit = part.limit
        let startsEnd = part.end
        let mark = part.mark
        let map = BlockMapView()
        var block = part.isNew ? part.start : start &+ UInt(header.pointee.cursor)
        let cursor = block
        let end = bin.pointee.top
        let first = end &- limit &* 8
        var slot = first
        repeat {
            if block >= startsEnd {
                block = start &+ UInt(header.pointee.blockOffset)
                if block == cursor { break }
            }
            let word = map.live(block)
            let live = word.pointee.load(ordering: .relaxed)
            let bit = BlockMap.bit(block)
            if live & bit == 0 {
                word.pointee.store(live | bit, ordering: .relaxed)
                pointer(slot, to: UInt.self).pointee = block
                ReadyMark.set(block, mark)
                slot &+= 8
            }
            block &+= blockBytes
        } while slot != end && block != cursor
        if !part.isNew { header.pointee.cursor = UInt32(truncatingIfNeeded: block &- start) }
        if slot != end { Report.damagedSlab(start) }
        return finish(bin, first, limit, span)
    }

    /// Whether a search for `limit` blocks takes some that were never handed out, though others
    /// were. Only for a slab with a free block.
    @inline(__always)
    static func takesNew(_ span: Span, _ limit: UInt) -> Bool {
        let used = span.header.pointee.usedBlocksOrStamp
        return used != UInt32.max && used != 0
            && UInt(used &- span.header.pointee.blocksOut) < limit
    }

    /// Has the next search of a slab begin at its first block; and counts its blocks.
    static func restart(_ span: Span, _ sizeClass: SizeClass) {
        let header = span.header
        let phase = firstPhase(span, UInt32(sizeClass.blockBytes))
        header.pointee.blockOffset = UInt16(phase)
        header.pointee.phase = UInt16(phase)
        header.pointee.cursor = sizeClass.isSparse ? phase : 0
        header.pointee.bytesOrOlder = (span.bytes - UInt(phase)) / sizeClass.blockBytes
    }

    /// Where a slab's first block starts: at a multiple of its size (StartCheck).
    static func firstPhase(_ span: Span, _ blockBytes: UInt32) -> UInt32 {
        let block = UInt(blockBytes)
        return UInt32((block &- BlockMap.place(span.start) % block) % block)
    }

    /// What of a slab a search looks at: blocks that were handed out before, or, when fewer of them
    /// are free than it wants, those that never were. Memory that a slab has not touched stays
    /// untouched while it has enough without it.
    private struct Part {
        /// Whether its blocks are zeros that were never handed out.
        let isNew: Bool
        /// Where new blocks begin.
        let start: UInt
        /// A block that starts here or behind would not end within the part.
        let end: UInt
        /// Blocks to take: no more than are free here.
        let limit: UInt

        @inline(__always)
        init(_ span: Span, blockBytes: UInt, limit: UInt) {
            let header = span.header
            let blocks = span.blocks
            let used = header.pointee.usedBlocksOrStamp
            let out = header.pointee.blocksOut
            let slabEnd = span.end &- blockBytes &+ unitBytes
            if used == UInt32.max {
                (isNew, start, end) = (false, 0, slabEnd)
                self.limit = min(limit, UInt(blocks &- out))
                return
            }
            start = span.start &+ UInt(header.pointee.blockOffset) &+ UInt(used) &* blockBytes
            isNew = UInt(used &- out) < limit
            if isNew {
                end = slabEnd
                self.limit = min(limit, UInt(blocks &- used))
                let left = used &+ UInt32(truncatingIfNeeded: self.limit)
                header.pointee.usedBlocksOrStamp = left == blocks ? UInt32.max : left
            } else {
                end = start &- blockBytes &+ unitBytes
                self.limit = limit
            }
        }

        /// What its blocks bear while they are ready.
        @inline(__always)
        var mark: UInt64 { isNew ? ReadyMark.new : ReadyMark.used }
    }

    /// The units of a line before the one at so many bytes, all of them from 1 KiB on.
    @inline(__always)
    private static func below(_ bytes: UInt) -> UInt64 {
        bytes >= lineBytes ? UInt64.max : (1 &<< UInt64(bytes &>> unitShift)) &- 1
    }

    /// Hands the block found first, at the slot `slot`, to the caller and the rest to the bin.
    @inline(__always)
    private static func finish(
        _ bin: UnsafeMutablePointer<Bin>, _ slot: UInt, _ count: UInt, _ span: Span
    ) -> Found {
        span.header.pointee.blocksOut &+= UInt32(truncatingIfNeeded: count)
        bin.pointee.top = slot &+ 8
        let first = pointer(slot, to: UInt.self).pointee
        _ = hak_mark_clear(first)
        return Found(first: first, count: count)
    }
}
