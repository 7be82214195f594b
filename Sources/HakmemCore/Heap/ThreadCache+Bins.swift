// SPDX-License-Identifier: MIT
//
// Bins on slow paths: how deep they grow. (ThreadCache+Overflow: what becomes
// of blocks that they have no room for.)
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
    func windowMax(_ sizeClass: SizeClass) -> UInt32 {
        UInt32(ClassTable.entry(sizeClass).pointee.windowMax)
    }

    @inline(__always)
    func depthMax(_ sizeClass: SizeClass) -> UInt32 {
        UInt32(ClassTable.entry(sizeClass).pointee.depthMax)
    }

    /// The slot of a bin's sentinel. Only for a bin that has its stack.
    @inline(__always)
    private func window(_ sizeClass: SizeClass) -> UInt {
        startCheck(sizeClass).pointee.bottom &- UInt(record(sizeClass).pointee.below) &* 8
    }

    /// Blocks ready in the bin of a class.
    @inline(__always)
    func readyCount(_ sizeClass: SizeClass) -> UInt {
        let top = bin(sizeClass).pointee.top
        return top == hak_empty_slot_address()
            ? 0 : (startCheck(sizeClass).pointee.bottom &- top) / 8
    }

    /// Puts the sentinel into the slot `below` slots from the bottom. The bound is to be set next.
    @inline(__always)
    func moveWindow(_ sizeClass: SizeClass, below: UInt) {
        let record = record(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let old = pointer(window(sizeClass), to: UInt.self)
        let new = pointer(bottom &- below &* 8, to: UInt.self)
        old.pointee = new.pointee
        new.pointee = sentinel
        record.pointee.below = UInt16(truncatingIfNeeded: below)
        record.pointee.leastBelow = min(record.pointee.leastBelow, record.pointee.below)
    }

    /// Puts the bin's bound where the start check and the limit allow it; a bin that has more than
    /// its limit keeps what it has.
    @inline(__always)
    func setBound(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let bin = bin(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let seen = UInt(record.pointee.below) &+ UInt(windowMax(sizeClass))
        let wanted = min(bottom &- UInt(record.pointee.limit) &* 8, bin.pointee.top)
        bin.pointee.full = max(bottom &- seen &* 8, wanted)
    }

    /// Raises a bin's limit to `wanted` blocks or as many as it can hold, but not beyond its
    /// second stack before so many blocks have gone through it that a deep one is worth its pages.
    func deepen(_ sizeClass: SizeClass, to wanted: UInt32) {
        let record = record(sizeClass)
        let taken = record.pointee.taken.load(ordering: .relaxed)
        let depth =
            taken < ThreadCache.takenBeforeDeep
            ? sizeClass.stackSlotsShared : depthMax(sizeClass)
        let limit = min(wanted, depth)
        if limit <= record.pointee.limit { return }
        record.pointee.limit = UInt16(limit)
        if limit > record.pointee.room { moveToLargerStack(sizeClass, limit) }
        setBound(sizeClass)
    }

    private static let takenBeforeDeep: UInt = 256

    /// Moves a bin to its second stack, or if that has too little room to its deep one, which has
    /// pages of its own.
    private func moveToLargerStack(_ sizeClass: SizeClass, _ limit: UInt32) {
        let shared = sizeClass.stackSlotsShared
        let isDeep = limit > shared
        let to = isDeep ? deepStackBottom(sizeClass) : takeSharedStack(slots: shared)
        let from = startCheck(sizeClass).pointee.bottom
        let readyBytes = readyCount(sizeClass) &* 8
        hak_copy(to &- readyBytes, from &- readyBytes, Int(readyBytes &+ 8))
        startCheck(sizeClass).pointee.bottom = to
        bin(sizeClass).pointee.top = to &- readyBytes
        record(sizeClass).pointee.room = UInt16(isDeep ? depthMax(sizeClass) : shared)
    }

    // MARK: Refill

    /// Gives a bin its stack when it is first used.
    @inline(__always)
    func prepareBin(_ sizeClass: SizeClass) {
        let record = record(sizeClass)
        if record.pointee.limit != 0 { return }
        let bottom = takeSharedStack(slots: sizeClass.stackSlotsFirst)
        record.pointee.room = UInt16(sizeClass.stackSlotsFirst)
        startCheck(sizeClass).pointee.bottom = bottom
        pointer(bottom, to: UInt.self).pointee = sentinel
        record.pointee.limit = UInt16(sizeClass.stackSlotsFirst)
        record.pointee.batch = SizeClass.batchBeforeFirst
        bin(sizeClass).pointee = Bin(top: bottom, full: bottom)
        setBound(sizeClass)
    }

    /// Takes the top block of a bin, of those out of the hit paths' sight if they see none; 0 if
    /// there is none at all. Only for a bin that has its stack.
    @inline(__always)
    func takeReady(_ sizeClass: SizeClass) -> UInt {
        let bin = bin(sizeClass)
        if bin.pointee.top == window(sizeClass) {
            let below = UInt(record(sizeClass).pointee.below)
            if below == 0 { return 0 }
            record(sizeClass).pointee.isUsed = true
            let step = min(below, UInt(windowMax(sizeClass) / 2))
            moveWindow(sizeClass, below: below &- step)
            setBound(sizeClass)
        }
        let block = pointer(bin.pointee.top, to: UInt.self).pointee
        bin.pointee.top &+= 8
        // The program may have written over it, and that must not look like what is left of a new
        // block's mark.
        if !ReadyMark.isOn(block) { ReadyMark.set(block) }
        _ = hak_mark_clear(block)
        return block
    }

    /// Blocks that the next refill of an empty bin is to bring. Refills one after the other, as in
    /// a program that builds, bring more each, but few beside those that are out: what the most
    /// that a program ever uses of a class goes beyond that stays untouched.
    @inline(__always)
    func nextBatch(_ sizeClass: SizeClass) -> UInt {
        let record = record(sizeClass)
        if record.pointee.overflows != 0 {
            record.pointee.overflows = 0
            record.pointee.refilled = 0
        } else {
            let classMost = ClassTable.entry(sizeClass).pointee.refillMax
            let most = min(UInt32(classMost), UInt32(policy.pointee.refillBlocksMax))
            let few = max(2, record.pointee.blocksOut / ThreadCache.outPerRefilledMin)
            let more = min(UInt32(record.pointee.batch) * 2, few)
            record.pointee.batch = UInt16(min(more, most))
            // Frees find room beside what a refill brings.
            let needed = min(record.pointee.batch * 2, UInt16(depthMax(sizeClass)))
            deepen(sizeClass, to: UInt32(needed))
            record.pointee.batch = max(min(record.pointee.batch, record.pointee.limit / 2), 1)
        }
        return UInt(record.pointee.batch)
    }

    /// Blocks that are out for each that a refill brings, beyond the first few.
    private static let outPerRefilledMin: UInt32 = 4

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

    /// Makes room in a bin whose hit paths see it full, if that is all there is to do; false if it
    /// is full to its limit, has not overflowed since it was refilled, or a tick is due.
    @inline(__always)
    func makeRoomInSight(_ sizeClass: SizeClass) -> Bool {
        let record = record(sizeClass)
        let ready = readyCount(sizeClass)
        if record.pointee.overflows == 0 || ready >= UInt(record.pointee.limit)
            || header.pointee.callsUntilTick == 0
        {
            return false
        }
        header.pointee.callsUntilTick -= 1
        record.pointee.isUsed = true
        moveWindowUp(sizeClass, ready)
        return true
    }

    /// Moves the window so that half of it is room.
    func moveWindowUp(_ sizeClass: SizeClass, _ ready: UInt) {
        let half = UInt(windowMax(sizeClass) / 2)
        let below = max(ready, half) &- half
        if below != record(sizeClass).pointee.below { moveWindow(sizeClass, below: below) }
        setBound(sizeClass)
    }

    /// Whether a block that is live is ready in its owner's bin: it was freed. That bin may change
    /// meanwhile, but not as to this block.
    static func isReady(_ block: UInt, _ span: Span) -> Bool {
        span.state == .slab && ReadyMark.isOn(block)
            && ThreadCache(at: span.header.pointee.owner).isReady(block, span.sizeClass)
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
