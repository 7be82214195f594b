// SPDX-License-Identifier: MIT
//
// What free's hit path leaves over: bins that are full, medium blocks, blocks of other threads, and
// misuse.
//
// A small block is in one of three places. `live` is its bit in the map, `mark` its first word:
//
//   with the program   live     no mark, unless the program has written just that
//   ready in a bin     live     mark
//   in its slab                 mark, or never handed out
//
// A full bin returns blocks to their slabs: the older half, or all when it overflows again before a
// refill, as in a program that frees much: what is last freed then does not pin slabs.

import CHakmemShim
import Synchronization

/// What a free writes over the first word of a small block, and malloc takes bit 63 off. It fits a
/// sign-extended immediate: the check and the mark are an instruction each, and no register.
enum ReadyMark {
    static let word = UInt64(bitPattern: Int64(Int32(bitPattern: 0x8A6B_3A9D)))

    @inline(__always)
    static func isOn(_ block: UInt) -> Bool { pointer(block, to: UInt64.self).pointee == word }

    @inline(__always)
    static func set(_ block: UInt) { pointer(block, to: UInt64.self).pointee = word }
}

extension ThreadCache {
    /// Frees a block of one of this cache's own small slabs that the hit path has not.
    func freeSmall(_ block: UInt, _ span: Span) {
        let sizeClass = span.sizeClass
        guard block % sizeClass.blockBytes == 0, ThreadCache.isOut(block) else {
            Misuse.reportFree(of: block, in: span)
            return
        }
        let bin = bin(sizeClass)
        if ReadyMark.isOn(block) {
            if !isReady(block, sizeClass) {
                // Another thread may have freed it before and sent it to us.
                drainInbox()
                // Else it is still on its way, and is freed when it comes; or the program has
                // written just the mark, and loses a block.
                if ThreadCache.isOut(block) { return }
            }
            Report.misuse(.doubleFree(blockBytes: sizeClass.blockBytes), at: block)
            return
        }
        if bin.pointee.top == bin.pointee.full { overflow(sizeClass) }
        if bin.pointee.top == bin.pointee.full {
            returnToSlab(block)
            return
        }
        ReadyMark.set(block)
        pointer(bin.pointee.top &+ 8, to: UInt.self).pointee = block
        bin.pointee.top &+= 8
        ThreadCache.count(record(sizeClass).pointee.taken)
    }

    /// Frees a block of one of this cache's own medium slabs; false if there is none such.
    @inline(__always)
    func freeMedium(_ block: UInt) -> Bool {
        let span = BlockMap.span(block).unsafelyUnwrapped
        guard !span.sizeClass.isSmall, block &- span.start < span.bytes, ThreadCache.isOut(block)
        else { return false }
        returnToSlab(block)
        return true
    }

    /// Frees a block that comes in a message, of one of this cache's own slabs. The address has
    /// `SentBlock.markedBit` if its sender found the mark on it.
    func freeSent(_ sent: UInt) {
        let block = sent & ~SentBlock.markedBit
        let span = BlockMap.span(block).unsafelyUnwrapped
        let isFreed =
            !ThreadCache.isOut(block)
            || sent != block && span.sizeClass.isSmall && isReady(block, span.sizeClass)
        if isFreed {
            Misuse.reportFree(of: block, in: span)
        } else {
            returnToSlab(block)
        }
    }

    /// Clears a block's live bit, and sees to what follows for its slab.
    @inline(__always)
    func returnToSlab(_ block: UInt) {
        let line = BlockMap.live(block)
        let live = line.pointee.load(ordering: .relaxed)
        let left = live & ~BlockMap.bit(block)
        line.pointee.store(left, ordering: .relaxed)
        let span = BlockMap.span(block).unsafelyUnwrapped
        if span.header.pointee.isFull { makeAvailable(span) }
        if left == 0 { lineEmptied(block, span) }
    }

    /// Puts a slab that gets a free block on its class's list.
    @inline(never)
    private func makeAvailable(_ span: Span) {
        span.header.pointee.isFull = false
        record(span.sizeClass).pointee.available.pushLast(span)
    }

    /// A block was the last one out in its line; its live bit is already clear.
    @inline(__always)
    private func lineEmptied(_ block: UInt, _ span: Span) {
        let empty = span.header.pointee.linesEmpty &+ 1
        span.header.pointee.linesEmpty = empty
        if !span.sizeClass.isSmall { addHint(block, span.sizeClass) }
        if empty == span.lines { slabEmptied(span) }
    }

    /// No block of a slab is out. The only slab of a class with room stays, against thrashing.
    @inline(never)
    private func slabEmptied(_ span: Span) {
        let record = record(span.sizeClass)
        if record.pointee.available.isOnly(span) { return }
        releaseSlab(span)
    }

    // MARK: Bins

    /// Makes room in a full bin.
    @inline(never)
    private func overflow(_ sizeClass: SizeClass) {
        tick()
        let record = record(sizeClass)
        let ready = readyCount(sizeClass)
        if ready == 0 { return }
        record.pointee.isUsed = true
        record.pointee.batch = max(record.pointee.batch / 2, UInt16(SizeClass.batchMin))
        if record.pointee.overflows == 0 {
            record.pointee.overflows = 1
            flush(sizeClass, ready / 2)
            return
        }
        // Again, without a refill in between.
        flush(sizeClass, ready)
        record.pointee.slots = max(record.pointee.slots / 2, UInt16(sizeClass.stackSlotsMin))
        let bottom = startCheck(sizeClass).pointee.bottom
        bin(sizeClass).pointee.full = bottom &+ UInt(record.pointee.slots) &* 8
    }

    /// Blocks ready in the bin of a small class.
    func readyCount(_ sizeClass: SizeClass) -> UInt {
        let top = bin(sizeClass).pointee.top
        return top == hak_empty_slot_address()
            ? 0 : (top &- startCheck(sizeClass).pointee.bottom) / 8
    }

    /// Returns the `count` blocks that have been ready for longest to their slabs.
    private func flush(_ sizeClass: SizeClass, _ count: UInt) {
        let bin = bin(sizeClass)
        let bottom = startCheck(sizeClass).pointee.bottom
        let top = bin.pointee.top
        var slot = bottom &+ 8
        let end = slot &+ count &* 8
        Sections.measure(.flush) {
            while slot != end { slot = returnRun(slot, end) }
        }
        var to = bottom &+ 8
        while slot <= top {
            pointer(to, to: UInt.self).pointee = pointer(slot, to: UInt.self).pointee
            slot &+= 8
            to &+= 8
        }
        bin.pointee.top = to &- 8
        if process.options.countsEveryCall {
            ThreadCache.count(record(sizeClass).pointee.taken, 0 &- count)
        }
    }

    /// Returns the blocks in the slots from `slot` on that lie in one line, all at once; gives the
    /// slot behind them. What was allocated together is often freed together.
    @inline(__always)
    private func returnRun(_ slot: UInt, _ end: UInt) -> UInt {
        var slot = slot
        let first = pointer(slot, to: UInt.self).pointee
        var bits = BlockMap.bit(first)
        slot &+= 8
        while slot != end {
            let block = pointer(slot, to: UInt.self).pointee
            if (block ^ first) >= lineBytes { break }
            bits |= BlockMap.bit(block)
            slot &+= 8
        }
        let line = BlockMap.live(first)
        let live = line.pointee.load(ordering: .relaxed)
        let span = BlockMap.span(first).unsafelyUnwrapped
        if live & bits != bits {
            // A block was freed that had never been handed out.
            Misuse.reportFree(of: first, in: span)
        }
        let left = live & ~bits
        line.pointee.store(left, ordering: .relaxed)
        if span.header.pointee.isFull { makeAvailable(span) }
        if left == 0, live != 0 { lineEmptied(first, span) }
        return slot
    }

    /// Whether a block is among the ready ones of its class.
    func isReady(_ block: UInt, _ sizeClass: SizeClass) -> Bool {
        var slot = bin(sizeClass).pointee.top
        var left = min(readyCount(sizeClass), UInt(sizeClass.stackSlotsMax))
        while left != 0 {
            if pointer(slot, to: UInt.self).pointee == block { return true }
            slot &-= 8
            left &-= 1
        }
        return false
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
            let ready = readyCount(sizeClass)
            if ready != 0 { flush(sizeClass, ready) }
        }
    }

    /// Whether a block is out, as far as this thread can see.
    @inline(__always)
    static func isOut(_ block: UInt) -> Bool {
        let live = BlockMap.live(block).pointee.load(ordering: .relaxed)
        return block & (unitBytes &- 1) == 0 && live & BlockMap.bit(block) != 0
    }

    /// Gives the empty slabs that are kept against thrashing back to the page heap.
    func releaseEmptySlabs() {
        for index in 1..<SizeClass.end {
            let record = record(SizeClass(index: index))
            var next = record.pointee.available.firstSpan
            while let span = next {
                next = Span(atOrNil: span.header.pointee.next)
                if span.header.pointee.linesEmpty == span.lines { releaseSlab(span) }
            }
        }
    }

    /// Lets go of what this cache keeps for speed alone.
    func releaseMemory() {
        drainInbox()
        header.pointee.outgoing.sendAll()
        header.pointee.large.releaseAll()
        flushBins()
        releaseEmptySlabs()
    }
}
