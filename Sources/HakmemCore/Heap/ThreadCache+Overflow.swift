// SPDX-License-Identifier: MIT
//
// What bins give back to slabs: half of what they hold when they overflow, all of it when the
// program drops what it has, and now and then what nobody has wanted for a while.
//
// What nobody has wanted of a bin is what has been out of the hit paths' sight all the time
// (`leastBelow`), or all of it where no slow path came by.

import CHakmemShim
import Synchronization

extension ThreadCache {
    /// Makes room in a full bin.
    @inline(never)
    func overflow(_ sizeClass: SizeClass) {
        withSlabs { overflowNow(sizeClass) }
    }

    @inline(__always)
    private func overflowNow(_ sizeClass: SizeClass) {
        tick()
        let record = record(sizeClass)
        let ready = readyCount(sizeClass)
        if ready == 0 { return }
        record.pointee.isUsed = true
        if record.pointee.overflows == 0 {
            record.pointee.overflows = 1
            let swing = min(record.pointee.flushed, record.pointee.refilled)
            record.pointee.flushed = 0
            deepen(sizeClass, to: UInt32(record.pointee.limit) &+ swing)
        }
        if ready < UInt(record.pointee.limit) {
            moveWindowUp(sizeClass, ready)
            return
        }
        if record.pointee.batch > UInt16(SizeClass.batchMin) { record.pointee.batch /= 2 }
        // One block at least: a limit is never as low as 1.
        var count = ready / 2
        if record.pointee.flushed > depthMax(sizeClass) {
            lowerLimit(sizeClass)
            count = ready
        }
        flush(sizeClass, count)
        record.pointee.flushed &+= UInt32(truncatingIfNeeded: count)
    }

    /// Sets the limit of a bin of a program that drops what it has: few blocks, but while many more
    /// are out a window of them. Each flush ends what the processor has under way of the program's
    /// own cache misses, so few long ones are cheaper than many short ones.
    private func lowerLimit(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let few = record.pointee.blocksOut / ThreadCache.outPerReadyMin
        let wanted = max(sizeClass.stackSlotsFirst, min(few, sizeClass.stackSlotsUsual))
        if wanted <= record.pointee.limit {
            record.pointee.limit = UInt16(truncatingIfNeeded: wanted)
        } else {
            deepen(sizeClass, to: wanted)
        }
    }

    /// Blocks that are out for each that a dropping program's bin may hold, beyond the first few.
    private static let outPerReadyMin: UInt32 = 8

    /// Returns the `count` blocks that have been ready for longest to their slabs.
    private func flush(_ sizeClass: SizeClass, _ count: UInt) {
        let record = record(sizeClass)
        // The window moves down only to make way: what was out of sight still is, less what goes.
        let leastBelow = UInt(record.pointee.leastBelow)
        if record.pointee.below != 0 { moveWindow(sizeClass, below: 0) }
        let bin = bin(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let top = bin.pointee.top
        let first = bottom &- 8
        let end = first &- count &* 8
        Sections.measure(.flush) { returnReady(sizeClass, first, end) }
        let left = (end &+ 8 &- top) / 8
        var index: UInt = 0
        while index != left {
            pointer(first &- index &* 8, to: UInt.self).pointee =
                pointer(end &- index &* 8, to: UInt.self).pointee
            index &+= 1
        }
        bin.pointee.top = bottom &- left &* 8
        record.pointee.blocksOut &-= UInt32(truncatingIfNeeded: count)
        if process.options.countsEveryCall { ThreadCache.count(record.pointee.taken, 0 &- count) }
        moveWindowUp(sizeClass, left)
        let unused = min(max(leastBelow, count) &- count, UInt(record.pointee.below))
        record.pointee.leastBelow = UInt16(truncatingIfNeeded: unused)
    }

    /// Returns the blocks in the slots from `slot` down to `end` to their slabs, those that follow
    /// one another in one line at once: what was allocated together is often freed together. A
    /// function of its own, for its registers: all blocks that do not stay ready come through here.
    ///
    /// The slot at `end` is another's or a kept block's; it is as it was when this returns.
    @inline(never)
    private func returnReady(_ sizeClass: SizeClass, _ slot: UInt, _ end: UInt) {
        let map = BlockMapView()
        let owner = Owner.slab(self, sizeClass)
        // No block is near address 0: it ends the last line's run.
        let behind = pointer(end, to: UInt.self).pointee
        pointer(end, to: UInt.self).pointee = 0
        var slot = slot
        var block = pointer(slot, to: UInt.self).pointee
        repeat {
            let first = block
            let line = map.live(first)
            let span = map.span(first)
            // A block that is here twice may have left its slab, and that this cache.
            if map.owner(first) != owner {
                pointer(end, to: UInt.self).pointee = behind
                return returnOneByOne(sizeClass, slot, end)
            }
            var live = line.pointee.load(ordering: .relaxed)
            var count: UInt32 = 0
            repeat {
                if !hak_bit_take(&live, block &>> unitShift) {
                    // The line is as it was: begin with it again.
                    pointer(end, to: UInt.self).pointee = behind
                    return returnOneByOne(sizeClass, slot &+ UInt(count) &* 8, end)
                }
                count &+= 1
                slot &-= 8
                block = pointer(slot, to: UInt.self).pointee
            } while block ^ first < lineBytes
            line.pointee.store(live, ordering: .relaxed)
            blocksReturned(count, span)
        } while slot != end
        pointer(end, to: UInt.self).pointee = behind
    }

    /// The same when one of them was freed that had never been handed out, or twice.
    @inline(never)
    private func returnOneByOne(_ sizeClass: SizeClass, _ slot: UInt, _ end: UInt) {
        var slot = slot
        while slot != end {
            let block = pointer(slot, to: UInt.self).pointee
            // The caller counts all of them as returned.
            record(sizeClass).pointee.blocksOut &+= 1
            if BlockMap.owner(block) == Owner.slab(self, sizeClass), ThreadCache.isOut(block) {
                returnToSlab(block)
            } else {
                Misuse.reportFree(of: block, in: BlockMapView().span(block))
            }
            slot &-= 8
        }
    }

    /// Puts the ready blocks of every bin back into their slabs.
    func flushBins() {
        for index in 1..<SizeClass.end {
            let sizeClass = SizeClass(index: index)
            if hasStack(sizeClass) { flushWhole(sizeClass) }
        }
    }

    /// The same for those blocks that nobody has wanted since the last call of this, where a class
    /// has slabs of so many bytes. One that was not used at all gives its empty slabs back, too.
    func flushUnused(bytesMin: UInt) {
        var retired = SpanList()
        for index in 1..<SizeClass.end {
            let sizeClass = SizeClass(index: index)
            if !hasStack(sizeClass) { continue }
            let record = record(sizeClass)
            let isUsed = record.pointee.isUsed
            let unused = isUsed ? UInt(record.pointee.leastBelow) : readyCount(sizeClass)
            if UInt(record.pointee.slabs) << granuleShift >= bytesMin {
                if isUsed {
                    flushUnused(sizeClass, unused)
                } else {
                    flushWhole(sizeClass)
                    retireEmptySlabs(sizeClass, &retired)
                }
            }
            record.pointee.isUsed = false
            record.pointee.leastBelow = record.pointee.below
        }
        if !retired.isEmpty { pageHeap.release(&retired) }
    }

    /// Whether a bin was ever used. Asks what is in memory anyway: pages of records that no class
    /// has used stay untouched.
    @inline(__always)
    func hasStack(_ sizeClass: SizeClass) -> Bool {
        bin(sizeClass).pointee.top != hak_empty_slot_address()
    }

    private func flushWhole(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        record.pointee.isUsed = false
        record.pointee.limit = UInt16(sizeClass.stackSlotsFirst)
        record.pointee.batch = SizeClass.batchBeforeFirst
        let ready = readyCount(sizeClass)
        if ready == 0 { setBound(sizeClass) } else { flush(sizeClass, ready) }
    }

    /// Returns what a bin has had out of sight all the time, and has it hold so much less.
    private func flushUnused(_ sizeClass: SizeClass, _ unused: UInt) {
        if unused == 0 { return }
        let record = record(sizeClass)
        let limit = UInt(record.pointee.limit)
        let less = max(limit &- min(limit, unused), UInt(sizeClass.stackSlotsFirst))
        record.pointee.limit = UInt16(truncatingIfNeeded: less)
        flush(sizeClass, unused)
    }
}
