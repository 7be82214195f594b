// SPDX-License-Identifier: MIT
//
// The bins of small classes on slow paths: how deep they grow, and how they overflow.
//
// A bin's stack may be deeper than the start check allows between `top` and `full` (StartCheck), so
// hit paths see a window of it. The sentinel lies under the window, and the block whose slot it
// took in the slot that it had before:
//
//   full        top                    window            bottom
//   |   (room)  [ready]…[ready]…[ready][sentinel][ready]…[ready]
//                                                └─ out of sight ─┘
//
// Moving the window by any number of slots is one swap. With the window at the bottom nothing is
// out of sight, and the sentinel lies at the bottom.
//
// How deep: `limit` blocks. When a bin has returned blocks to slabs and taken as many from there
// again, that much more would have saved both, and the limit grows by it, up to `stackDepthMax`. A
// program that frees much more than that, without taking, is one that drops what it has: then the
// bin keeps little, because each block that it keeps may pin a slab, and less as less is left.

import CHakmemShim
import Synchronization

extension ThreadCache {
    @inline(__always)
    private func windowMax(_ sizeClass: SizeClass) -> UInt32 {
        SmallClassTable.entry(sizeClass).pointee.windowMax
    }

    @inline(__always)
    private func depthMax(_ sizeClass: SizeClass) -> UInt32 {
        SmallClassTable.entry(sizeClass).pointee.depthMax
    }

    /// The slot of a bin's sentinel. Only for a bin that has its stack.
    private func window(_ sizeClass: SizeClass) -> UInt {
        startCheck(sizeClass).pointee.bottom &- UInt(record(sizeClass).pointee.below) &* 8
    }

    /// Blocks ready in the bin of a small class.
    @inline(__always)
    func readyCount(_ sizeClass: SizeClass) -> UInt {
        let top = bin(sizeClass).pointee.top
        return top == hak_empty_slot_address()
            ? 0 : (startCheck(sizeClass).pointee.bottom &- top) / 8
    }

    /// Puts the sentinel into the slot `below` slots from the bottom. The bound is to be set next.
    private func moveWindow(_ sizeClass: SizeClass, below: UInt) {
        let record = record(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let old = pointer(window(sizeClass), to: UInt.self)
        let new = pointer(bottom &- below &* 8, to: UInt.self)
        old.pointee = new.pointee
        new.pointee = sentinel
        record.pointee.below = UInt16(truncatingIfNeeded: below)
    }

    /// Puts the bin's bound where the start check and the limit allow it; a bin that has more than
    /// its limit keeps what it has.
    @inline(__always)
    private func setBound(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let bin = bin(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let seen = UInt(record.pointee.below) &+ UInt(windowMax(sizeClass))
        let wanted = min(bottom &- UInt(record.pointee.limit) &* 8, bin.pointee.top)
        bin.pointee.full = max(bottom &- seen &* 8, wanted)
    }

    /// Raises a bin's limit to `wanted` blocks or as many as it can hold. Beyond what its shallow
    /// stack has room for it moves to its deep one, once so many blocks have gone through it that
    /// the pages of a stack of its own are worth it: bins with shallow ones share pages.
    private func deepen(_ sizeClass: SizeClass, to wanted: UInt32) {
        let record = record(sizeClass)
        let taken = record.pointee.taken.load(ordering: .relaxed)
        let depth =
            taken < ThreadCache.takenBeforeDeep
            ? sizeClass.stackSlotsFirst : depthMax(sizeClass)
        let limit = min(wanted, depth)
        if limit <= record.pointee.limit { return }
        record.pointee.limit = UInt16(limit)
        let shallow = startCheck(sizeClass).pointee.bottom
        let deep = deepStackBottom(sizeClass)
        if shallow != deep {
            let readyBytes = readyCount(sizeClass) &* 8
            hak_copy(deep &- readyBytes, shallow &- readyBytes, Int(readyBytes &+ 8))
            startCheck(sizeClass).pointee.bottom = deep
            bin(sizeClass).pointee.top = deep &- readyBytes
        }
        setBound(sizeClass)
    }

    private static let takenBeforeDeep: UInt = 256

    // MARK: Refill

    /// Gives a bin its stack when it is first used.
    @inline(__always)
    func prepareBin(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        if record.pointee.limit != 0 { return }
        let bottom = takeShallowStack(sizeClass)
        startCheck(sizeClass).pointee.bottom = bottom
        pointer(bottom, to: UInt.self).pointee = sentinel
        record.pointee.limit = UInt16(sizeClass.stackSlotsFirst)
        record.pointee.batch = SizeClass.batchBeforeFirst
        bin(sizeClass).pointee = Bin(top: bottom, full: bottom)
        setBound(sizeClass)
    }

    /// Takes the top block of a bin that looked empty to the hit path: one that a message has
    /// brought, or one that is out of its sight; 0 if there is none.
    @inline(__always)
    func takeReady(_ sizeClass: SizeClass) -> UInt {
        let bin = bin(sizeClass)
        if bin.pointee.top == window(sizeClass) {
            let below = UInt(record(sizeClass).pointee.below)
            if below == 0 { return 0 }
            let step = min(below, UInt(windowMax(sizeClass) / 2))
            moveWindow(sizeClass, below: below &- step)
            setBound(sizeClass)
        }
        let block = pointer(bin.pointee.top, to: UInt.self).pointee
        bin.pointee.top &+= 8
        _ = hak_mark_clear(block)
        return block
    }

    /// Blocks that the next refill of an empty bin is to bring. Refills one after the other, as in
    /// a program that builds, bring more each.
    @inline(__always)
    func nextBatch(_ sizeClass: SizeClass) -> UInt {
        let record = record(sizeClass)
        record.pointee.isUsed = true
        if record.pointee.overflows != 0 {
            record.pointee.overflows = 0
            record.pointee.refilled = 0
        } else {
            let most = min(sizeClass.refillMax, UInt32(policy.pointee.refillBlocksMax))
            record.pointee.batch = UInt16(min(UInt32(record.pointee.batch) * 2, most))
            // Frees find room beside what a refill brings.
            let needed = min(record.pointee.batch * 2, UInt16(depthMax(sizeClass)))
            deepen(sizeClass, to: UInt32(needed))
            record.pointee.batch = max(min(record.pointee.batch, record.pointee.limit / 2), 1)
        }
        return UInt(record.pointee.batch)
    }

    /// A refill has brought `count` blocks, one of them for the caller.
    @inline(__always)
    func noteRefill(_ sizeClass: SizeClass, _ count: UInt) {
        let record = record(sizeClass)
        record.pointee.refilled &+= UInt32(truncatingIfNeeded: count)
        record.pointee.blocksOut &+= UInt32(truncatingIfNeeded: count)
        ThreadCache.count(record.pointee.taken, count)
        let bin = bin(sizeClass)
        if bin.pointee.top < bin.pointee.full { setBound(sizeClass) }
    }

    /// Makes room in a full bin for blocks that other threads send back: as many as refills have
    /// brought, for they are likely to be wanted again.
    func deepenForSent(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let ready = readyCount(sizeClass)
        let bin = bin(sizeClass)
        guard record.pointee.limit != 0, bin.pointee.isFull else { return }
        deepen(sizeClass, to: record.pointee.refilled)
        if ready < UInt(record.pointee.limit) { moveWindowUp(sizeClass, ready) }
    }

    /// Moves the window so that half of it is room.
    private func moveWindowUp(_ sizeClass: SizeClass, _ ready: UInt) {
        let half = UInt(windowMax(sizeClass) / 2)
        let below = max(ready, half) &- half
        if below != record(sizeClass).pointee.below { moveWindow(sizeClass, below: below) }
        setBound(sizeClass)
    }

    // MARK: Overflow

    /// Makes room in a full bin.
    @inline(never)
    func overflow(_ sizeClass: SizeClass) {
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
        if record.pointee.flushed > depthMax(sizeClass) {
            lowerLimit(sizeClass)
            flush(sizeClass, ready)
        } else {
            // One block at least: a limit is never as low as 1.
            flush(sizeClass, ready / 2)
        }
    }

    /// Sets the limit of a bin of a program that drops what it has: few blocks, but while many more
    /// are out a window of them. Each flush ends what the processor has under way of the program's
    /// own cache misses, so few long ones are cheaper than many short ones.
    private func lowerLimit(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let few = record.pointee.blocksOut / ThreadCache.outPerReadyMin
        let wanted = max(sizeClass.stackSlotsFirst, min(few, windowMax(sizeClass)))
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
        record.pointee.flushed &+= UInt32(truncatingIfNeeded: count)
        record.pointee.blocksOut &-= UInt32(truncatingIfNeeded: count)
        if process.options.countsEveryCall { ThreadCache.count(record.pointee.taken, 0 &- count) }
        moveWindowUp(sizeClass, left)
    }

    /// Returns the blocks in the slots from `slot` down to `end` to their slabs, those that follow
    /// one another in one line at once: what was allocated together is often freed together. A
    /// function of its own, for its registers: all blocks that do not stay ready come through here.
    ///
    /// The slot at `end` is another's or a kept block's; it is as it was when this returns.
    @inline(never)
    private func returnReady(_ sizeClass: SizeClass, _ slot: UInt, _ end: UInt) {
        let map = BlockMapView()
        // No block is near address 0: it ends the last line's run.
        let behind = pointer(end, to: UInt.self).pointee
        pointer(end, to: UInt.self).pointee = 0
        var slot = slot
        var block = pointer(slot, to: UInt.self).pointee
        repeat {
            let first = block
            let line = map.live(first)
            let span = map.span(first)
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
            if ThreadCache.isOut(block) {
                returnToSlab(block)
            } else {
                Misuse.reportFree(of: block, in: BlockMapView().span(block))
            }
            slot &-= 8
        }
    }

    /// Puts the ready blocks of every bin back into their slabs; or only of those that were neither
    /// refilled nor full since the last call for them.
    func flushBins(onlyUnused: Bool = false) {
        for index in 1...SizeClass.smallCount {
            let sizeClass = SizeClass(index: index)
            let record = record(sizeClass)
            // Pages of records that no class has used stay untouched.
            if record.pointee.limit == 0 { continue }
            let isUsed = record.pointee.isUsed
            record.pointee.isUsed = false
            if onlyUnused, isUsed { continue }
            record.pointee.limit = UInt16(sizeClass.stackSlotsFirst)
            record.pointee.batch = SizeClass.batchBeforeFirst
            let ready = readyCount(sizeClass)
            if ready == 0 { setBound(sizeClass) } else { flush(sizeClass, ready) }
        }
    }

    /// Whether a block is among the ready ones of its class.
    func isReady(_ block: UInt, _ sizeClass: SizeClass) -> Bool {
        let bottom = startCheck(sizeClass).pointee.bottom
        let ready = min(readyCount(sizeClass), UInt(depthMax(sizeClass)))
        // The slots in which the sentinel may be are among them.
        for index in 0...ready where pointer(bottom &- index &* 8, to: UInt.self).pointee == block {
            return true
        }
        return false
    }
}
