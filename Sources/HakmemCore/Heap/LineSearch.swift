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
}

enum SmallClassTable {
    @inline(__always)
    static func entry(_ sizeClass: SizeClass) -> UnsafePointer<SmallClass> {
        UnsafePointer(smallClasses + sizeClass.index)
    }

    /// Fills the table, at the start.
    static func make() {
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
        /// Whether every line was seen and every free block in them was taken.
        var isExhausted = false
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
        // A block that starts at or behind this offset would not end within the slab.
        let startsEnd = span.bytes &- UInt(sizeClass.blockBytes) &+ unitBytes
        var found = Found()
        var line = header.pointee.cursor
        var phase = UInt32(header.pointee.phase)
        // The first block found goes on top, the last to the lowest slot: malloc pops ascending.
        let highest = bin.pointee.top &+ limit &* 8
        var slot = highest
        var seen: UInt32 = 0
        var emptied: UInt32 = 0
        while seen != lines {
            let offset = UInt(line) &<< lineShift
            let base = span.start &+ offset
            let entry = BlockMap.live(base)
            let live = entry.pointee.load(ordering: .relaxed)
            let free = starts(sizeClass.stride, phase, left: startsEnd &- offset) & ~live
            if free != 0 {
                if live == 0 { emptied &+= 1 }
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
                entry.pointee.store(live | taken, ordering: .relaxed)
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
        header.pointee.linesEmpty &-= emptied
        found.isExhausted = seen == lines
        if found.count != 0 {
            found.first = pointer(highest, to: UInt.self).pointee
            _ = hak_mark_clear(found.first)
        }
        settle(bin, highest, found.count, limit)
        return found
    }

    /// The same for classes of which a line holds few blocks: one after the other, no line word
    /// taken apart.
    static func fillSparse(
        _ bin: UnsafeMutablePointer<Bin>, from span: Span, blockBytes: UInt, limit: UInt
    ) -> Found {
        let header = span.header
        let start = span.start
        let startsEnd = start &+ span.bytes &- blockBytes &+ unitBytes
        var block = start &+ UInt(header.pointee.cursor)
        let cursor = block
        let highest = bin.pointee.top &+ limit &* 8
        var slot = highest
        var found = Found()
        var emptied: UInt32 = 0
        repeat {
            if block >= startsEnd {
                block = start &+ UInt(firstPhase(span, UInt32(blockBytes)))
                if block == cursor {
                    found.isExhausted = true
                    break
                }
            }
            let word = BlockMap.live(block)
            let live = word.pointee.load(ordering: .relaxed)
            let bit = BlockMap.bit(block)
            if live & bit == 0 {
                if live == 0 { emptied &+= 1 }
                word.pointee.store(live | bit, ordering: .relaxed)
                pointer(slot, to: UInt.self).pointee = block
                ReadyMark.set(block)
                slot &-= 8
                found.count &+= 1
            }
            block &+= blockBytes
            if block == cursor {
                found.isExhausted = true
                break
            }
        } while found.count != limit
        header.pointee.cursor = UInt32(truncatingIfNeeded: block &- start)
        header.pointee.linesEmpty &-= emptied
        if found.count != 0 {
            found.first = pointer(highest, to: UInt.self).pointee
            _ = hak_mark_clear(found.first)
        }
        settle(bin, highest, found.count, limit)
        return found
    }

    /// Has the next search of a slab begin at its first block.
    static func restart(_ span: Span, _ sizeClass: SizeClass) {
        span.header.pointee.cursor = 0
        span.header.pointee.phase = 0
        guard sizeClass.isSmall else { return }
        let phase = firstPhase(span, UInt32(sizeClass.blockBytes))
        span.header.pointee.phase = UInt16(phase)
        if sizeClass.isSparse { span.header.pointee.cursor = phase }
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

    /// Moves the blocks found, which end at the slot `highest`, down to the stack's bottom, all
    /// but the first. The room above them is for blocks freed into full slabs.
    @inline(__always)
    private static func settle(
        _ bin: UnsafeMutablePointer<Bin>, _ highest: UInt, _ count: UInt, _ limit: UInt
    ) {
        if count < 2 { return }
        let bottom = bin.pointee.top
        let kept = count &- 1
        bin.pointee.top = bottom &+ kept &* 8
        if count == limit { return }
        var from = highest &- kept &* 8
        var to = bottom &+ 8
        while from != highest {
            pointer(to, to: UInt.self).pointee = pointer(from, to: UInt.self).pointee
            from &+= 8
            to &+= 8
        }
    }
}
