// SPDX-License-Identifier: MIT
//
// The bins of small classes on slow paths: how deep they grow, and how they overflow.
//
// A bin's stack may be deeper than the start check allows between `top` and `full` (StartCheck), so
// hit paths see a window of it. The sentinel lies under the window, and the block whose slot it
// took in the slot that it had before:
//
//   bottom                window                 top         full
//   [ready]…[ready][ready][sentinel][ready]…[ready]  (room)   |
//    └── out of sight ──┘
//
// Moving the window by any number of slots is one swap. With the window at the bottom nothing is
// out of sight, and the sentinel lies at the bottom.
//
// How deep: `limit` blocks. When a bin has returned blocks to slabs and taken as many from there
// again, that much more would have saved both, and the limit grows by it, up to `stackDepthMax`. A
// program that frees much more than that, without taking, is one that drops what it has: then the
// bin keeps little, because each block that it keeps may pin a slab.

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
        startCheck(sizeClass).pointee.bottom &+ UInt(record(sizeClass).pointee.below) &* 8
    }

    /// Blocks ready in the bin of a small class.
    @inline(__always)
    func readyCount(_ sizeClass: SizeClass) -> UInt {
        let top = bin(sizeClass).pointee.top
        return top == hak_empty_slot_address()
            ? 0 : (top &- startCheck(sizeClass).pointee.bottom) / 8
    }

    /// Puts the sentinel into the slot `below` slots above the bottom, and the bin's bound where
    /// the start check and the limit allow it.
    private func moveWindow(_ sizeClass: SizeClass, below: UInt) {
        let record = record(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let old = pointer(window(sizeClass), to: UInt.self)
        let new = pointer(bottom &+ below &* 8, to: UInt.self)
        old.pointee = new.pointee
        new.pointee = sentinel
        record.pointee.below = UInt16(truncatingIfNeeded: below)
        setBound(sizeClass)
    }

    private func setBound(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let depth = min(
            UInt(record.pointee.below) &+ UInt(windowMax(sizeClass)),
            max(UInt(record.pointee.limit), readyCount(sizeClass)))
        bin(sizeClass).pointee.full = bottom &+ depth &* 8
    }

    /// Raises a bin's limit to `wanted` blocks or as many as it can hold. Beyond what its shallow
    /// stack has room for it moves to its deep one: few bins ever do, and those that do not share
    /// the pages of their stacks.
    private func deepen(_ sizeClass: SizeClass, to wanted: UInt32) {
        let record = record(sizeClass)
        let limit = min(wanted, depthMax(sizeClass))
        if limit <= record.pointee.limit { return }
        record.pointee.limit = UInt16(limit)
        let shallow = startCheck(sizeClass).pointee.bottom
        let deep = deepStack(sizeClass)
        if shallow == deep { return }
        let ready = readyCount(sizeClass)
        hak_copy(deep, shallow, Int((ready &+ 1) &* 8))
        startCheck(sizeClass).pointee.bottom = deep
        bin(sizeClass).pointee.top = deep &+ ready &* 8
        setBound(sizeClass)
    }

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
        }
        let block = pointer(bin.pointee.top, to: UInt.self).pointee
        bin.pointee.top &-= 8
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
        }
        return UInt(record.pointee.batch)
    }

    /// A refill has brought `count` blocks, one of them for the caller.
    @inline(__always)
    func noteRefill(_ sizeClass: SizeClass, _ count: UInt) {
        let record = record(sizeClass)
        record.pointee.refilled &+= UInt32(truncatingIfNeeded: count)
        ThreadCache.count(record.pointee.taken, count)
        setBound(sizeClass)
    }

    /// Makes room in a full bin for blocks that other threads send back: as many as refills have
    /// brought, for they are likely to be wanted again.
    func deepenForSent(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let ready = readyCount(sizeClass)
        let bin = bin(sizeClass)
        guard record.pointee.limit != 0, bin.pointee.top == bin.pointee.full else { return }
        deepen(sizeClass, to: record.pointee.refilled)
        if ready < UInt(record.pointee.limit) { moveWindowUp(sizeClass, ready) }
    }

    /// Moves the window so that half of it is room.
    private func moveWindowUp(_ sizeClass: SizeClass, _ ready: UInt) {
        let half = UInt(windowMax(sizeClass) / 2)
        let below = max(ready, half) &- half
        if below == record(sizeClass).pointee.below {
            setBound(sizeClass)
        } else {
            moveWindow(sizeClass, below: below)
        }
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
        let deepest = depthMax(sizeClass)
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
        let isDropping = record.pointee.flushed > deepest
        if isDropping { record.pointee.limit = UInt16(sizeClass.stackSlotsFirst) }
        // One block at least: a limit is never as low as 1.
        flush(sizeClass, isDropping ? ready : ready / 2)
    }

    /// Returns the `count` blocks that have been ready for longest to their slabs.
    private func flush(_ sizeClass: SizeClass, _ count: UInt) {
        let record = record(sizeClass)
        if record.pointee.below != 0 { moveWindow(sizeClass, below: 0) }
        let bin = bin(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let top = bin.pointee.top
        let first = bottom &+ 8
        let end = first &+ count &* 8
        Sections.measure(.flush) { returnReady(first, end) }
        let left = (top &+ 8 &- end) / 8
        for index in 0..<left {
            pointer(first &+ index &* 8, to: UInt.self).pointee =
                pointer(end &+ index &* 8, to: UInt.self).pointee
        }
        bin.pointee.top = bottom &+ left &* 8
        record.pointee.flushed &+= UInt32(truncatingIfNeeded: count)
        if process.options.countsEveryCall { ThreadCache.count(record.pointee.taken, 0 &- count) }
        moveWindowUp(sizeClass, left)
    }

    /// Returns the blocks in the slots from `slot` to `end` to their slabs, those that follow one
    /// another in one line at once: what was allocated together is often freed together. A function
    /// of its own, for its registers: all blocks that do not stay ready come through here.
    @inline(never)
    private func returnReady(_ slot: UInt, _ end: UInt) {
        let map = BlockMapView()
        var slot = slot
        repeat {
            let first = pointer(slot, to: UInt.self).pointee
            var bits = BlockMap.bit(first)
            var count: UInt32 = 1
            slot &+= 8
            // Behind the last slot of a stack lies another, the hints, or the own map.
            if (pointer(slot, to: UInt.self).pointee ^ first) < lineBytes, slot != end {
                repeat {
                    let block = pointer(slot, to: UInt.self).pointee
                    if (block ^ first) >= lineBytes { break }
                    bits |= BlockMap.bit(block)
                    slot &+= 8
                } while slot != end
                count = UInt32(truncatingIfNeeded: bits.nonzeroBitCount)
            }
            let line = map.live(first)
            let live = line.pointee.load(ordering: .relaxed)
            let span = map.span(first)
            let left = live ^ bits
            if left & bits != 0 {
                returnDamaged(first, bits, span)
                continue
            }
            line.pointee.store(left, ordering: .relaxed)
            blocksReturned(count, span)
        } while slot != end
    }

    /// The same for a line's blocks of which one was freed that had never been handed out.
    @inline(never)
    private func returnDamaged(_ first: UInt, _ bits: UInt64, _ span: Span) {
        Misuse.reportFree(of: first, in: span)
        let line = BlockMap.live(first)
        let live = line.pointee.load(ordering: .relaxed)
        line.pointee.store(live & ~bits, ordering: .relaxed)
        let count = UInt32(truncatingIfNeeded: (bits & live).nonzeroBitCount)
        if count != 0 { blocksReturned(count, span) }
    }

    /// Puts the ready blocks of every bin back into their slabs; or only of those that were neither
    /// refilled nor full since the last call for them.
    func flushBins(onlyUnused: Bool = false) {
        for index in 1...SizeClass.smallCount {
            let sizeClass = SizeClass(index: index)
            let record = record(sizeClass)
            let isUsed = record.pointee.isUsed
            record.pointee.isUsed = false
            if onlyUnused, isUsed { continue }
            if record.pointee.limit == 0 { continue }
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
        for index in 0...ready where pointer(bottom &+ index &* 8, to: UInt.self).pointee == block {
            return true
        }
        return false
    }
}
