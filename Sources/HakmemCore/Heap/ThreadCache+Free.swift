// SPDX-License-Identifier: MIT
//
// What free's hit path leaves over: bins that are full, blocks of other threads, and misuse.
//
// A block of a slab is in one of three places. `live` is its bit in the map, `mark` its first word:
//
//   with the program   live     no mark, unless the program has written just that
//   ready in a bin     live     mark
//   in its slab                 mark, or never handed out
//
import CHakmemShim
import Synchronization

/// What a block that is ready has in the lower half of its first word. Malloc takes it off, but for
/// bit 4: what is left is no mark whichever byte a program then writes, if it writes no more. The
/// upper half says whether it was ever handed out. They fit immediates: the check and the mark are
/// an instruction each, and no register.
///
/// Free looks at its first byte alone. A load of more waits, where the program's last write
/// was one of less, until that has reached the processor's cache, and some processors wait for all
/// but what a write began with; a load of the first byte never does
/// (docs/adr/0030-the-mark-is-asked-for-by-one-byte.md). 0xF5 begins no text, no aligned
/// pointer, and one number in 256.
enum ReadyMark {
    private static let lower: UInt32 = 0x8A9D_3AF5
    /// A block that the program has freed, or that was not new memory.
    static let used = UInt64(bitPattern: Int64(Int32(bitPattern: lower)))
    /// A block that was never handed out, in memory that is otherwise zero.
    static let new = UInt64(lower)

    /// The bit that malloc asks for, and leaves.
    private static let left: UInt64 = 1 << 4
    /// What malloc leaves of the mark of new memory.
    static let newTaken = new & left

    /// Whether it is on the top of a bin, or the sentinel is that: calloc asks, and takes nothing
    /// off. What follows reads the whole word, and would wait for a write of a part of it.
    @inline(__always)
    static func isOnTop(_ block: UInt) -> Bool {
        pointer(block, to: UInt64.self).pointee & left != 0
    }

    /// Whether it may be on a block: hardly ever on one that the program has.
    @inline(__always)
    static func mayBeOn(_ block: UInt) -> Bool {
        pointer(block, to: UInt8.self).pointee == UInt8(truncatingIfNeeded: lower)
    }

    @inline(__always)
    static func isOn(_ block: UInt) -> Bool {
        mayBeOn(block) && pointer(block, to: UInt32.self).pointee == lower
    }

    @inline(__always)
    static func set(_ block: UInt, _ mark: UInt64 = used) {
        pointer(block, to: UInt64.self).pointee = mark
    }

    /// Zeroes the first `bytes`, one at least, of a block that was just taken off a bin: of a new
    /// one, which has `newMark`, only that.
    @inline(__always)
    static func zero(
        _ block: UInt, bytes: UInt, newMark: UInt64
    ) -> UnsafeMutableRawPointer? {
        if pointer(block, to: UInt64.self).pointee == newMark {
            pointer(block, to: UInt64.self).pointee = 0
            return UnsafeMutableRawPointer(bitPattern: block)
        }
        return hak_zero_small(block, Int(bytes))
    }
}

extension ThreadCache {
    /// Frees a block of one of this cache's own slabs that hit paths have not.
    func freeLocal(_ block: UInt, _ span: Span) {
        let sizeClass = span.sizeClass
        guard ThreadCache.isOut(block) else {
            Misuse.reportFree(of: block, in: span)
            return
        }
        let bin = bin(sizeClass)
        if ReadyMark.isOn(block) {
            if isReady(block, sizeClass) {
                Report.misuse(.doubleFree(blockBytes: sizeClass.blockBytes), at: block)
                return
            }
            // Another thread may have freed it before and sent it to us.
            if pointer(block, to: UInt64.self).pointee == ReadyMark.used {
                drainInbox()
                // Else it is still on its way, and is freed when it comes; or the program has
                // written just the mark, and loses a block.
                if ThreadCache.isOut(block) { return }
                Report.misuse(.doubleFree(blockBytes: sizeClass.blockBytes), at: block)
                return
            }
        }
        if bin.pointee.isFull { overflow(sizeClass) }
        ReadyMark.set(block)
        if !pushReady(block, sizeClass) { withSlabs { returnToSlab(block) } }
    }

    /// Puts a marked block on its bin; false if there is no room.
    @inline(__always)
    private func pushReady(_ block: UInt, _ sizeClass: SizeClass) -> Bool {
        let bin = bin(sizeClass)
        if bin.pointee.isFull { return false }
        bin.pointee.top &-= 8
        pointer(bin.pointee.top, to: UInt.self).pointee = block
        if process.options.countsEveryCall { ThreadCache.count(record(sizeClass).pointee.taken) }
        return true
    }

    /// Frees a block for which the own map names a class, but whose bin had no room; false if
    /// somebody has to look closer.
    @inline(__always)
    func freeOwn(_ block: UInt, _ sizeClass: SizeClass) -> Bool {
        guard ThreadCache.isOutHere(block), !ReadyMark.isOn(block) else { return false }
        ReadyMark.set(block)
        if !pushReady(block, sizeClass) { freeIntoFull(block, sizeClass) }
        return true
    }

    @inline(never)
    private func freeIntoFull(_ block: UInt, _ sizeClass: SizeClass) {
        if !makeRoomInSight(sizeClass) { overflow(sizeClass) }
        if !pushReady(block, sizeClass) { withSlabs { returnToSlab(block) } }
    }

    /// Puts a block that comes in a message on its bin; false unless all is well and there is room.
    @inline(__always)
    func becomesReady(_ block: UInt) -> Bool {
        // The sender's mark in the address makes it no block's.
        let owner = BlockMap.owner(block)
        return Owner.cache(owner) == self && ThreadCache.isOut(block)
            && pushReady(block, Owner.sizeClass(owner))
    }

    /// Frees a block that comes in a message, of one of this cache's own slabs. The address has
    /// `SentBlock.markedBit` if its sender found the mark on it.
    ///
    /// It becomes ready in its bin if `keepsReady` and there is room: it is marked already. One
    /// that was sent twice may have been freed, and be another cache's by now.
    func freeSent(_ sent: UInt, keepsReady: Bool) {
        let block = sent & ~SentBlock.markedBit
        let span = BlockMap.span(block).unsafelyUnwrapped
        let isFreed =
            !isOutOfThis(block)
            || sent != block && isReady(block, span.sizeClass)
        if isFreed {
            Misuse.reportFree(of: block, in: span)
            return
        }
        if keepsReady {
            deepenForSent(span.sizeClass)
            if pushReady(block, span.sizeClass) { return }
        }
        returnToSlab(block)
    }

    /// Clears a block's live bit, and sees to what follows for its slab. The caller has the slab
    /// lock.
    @inline(__always)
    func returnToSlab(_ block: UInt) {
        let line = BlockMap.live(block)
        let live = line.pointee.load(ordering: .relaxed)
        let left = live & ~BlockMap.bit(block)
        line.pointee.store(left, ordering: .relaxed)
        let span = BlockMap.span(block).unsafelyUnwrapped
        record(span.sizeClass).pointee.blocksOut &-= 1
        blocksReturned(1, span)
    }

    /// So many blocks of a slab are not out any more; their live bits are already clear.
    @inline(__always)
    func blocksReturned(_ count: UInt32, _ span: Span) {
        let left = Int32(bitPattern: span.header.pointee.blocksOut &- count)
        span.header.pointee.blocksOut = UInt32(bitPattern: left)
        if left <= 0 { slabGained(span) }
    }

    /// A slab that was full goes on its class's list. One without a block that is out goes back,
    /// but the only slab of a class with room stays, against thrashing.
    @inline(never)
    private func slabGained(_ span: Span) {
        let record = record(span.sizeClass)
        if span.header.pointee.isFull {
            span.header.pointee.isFull = false
            span.header.pointee.blocksOut &= ~Span.fullMark
            record.pointee.available.pushLast(span)
        }
        if span.header.pointee.blocksOut != 0 { return }
        if record.pointee.available.isOnly(span) {
            record.pointee.keptEmpty = true
        } else {
            releaseSlab(span)
        }
    }

    /// Whether a block is out, as far as this thread can see.
    @inline(__always)
    static func isOut(_ block: UInt) -> Bool {
        let live = BlockMap.live(block).pointee.load(ordering: .relaxed)
        return block & (unitBytes &- 1) == 0 && live & BlockMap.bit(block) != 0
    }

    /// The same of a block that was sent to this cache.
    @inline(__always)
    func isOutOfThis(_ block: UInt) -> Bool {
        Owner.cache(BlockMap.owner(block)) == self && ThreadCache.isOut(block)
    }

    /// The same of any address, which may have its entries of the map in common with a block's.
    @inline(__always)
    static func isOutHere(_ address: UInt) -> Bool {
        heapExtent.pointee.covers(address) && isOut(address)
    }

    /// Gives the empty slabs that are kept against thrashing back to the page heap.
    func releaseEmptySlabs() {
        withSlabs {
            var retired = SpanList()
            for index in 1..<SizeClass.end { retireEmptySlabs(SizeClass(index: index), &retired) }
            if !retired.isEmpty { pageHeap.release(&retired) }
        }
    }

    /// Puts those of a class on a list, for the page heap.
    func retireEmptySlabs(_ sizeClass: SizeClass, _ retired: inout SpanList) {
        let record = record(sizeClass)
        if !record.pointee.keptEmpty { return }
        record.pointee.keptEmpty = false
        var next = record.pointee.available.firstSpan
        while let span = next {
            next = Span(atOrNil: span.header.pointee.next)
            if span.header.pointee.blocksOut == 0 {
                retireSlab(span)
                retired.pushLast(span)
            }
        }
    }

    /// Lets go of what this cache keeps for speed alone.
    func releaseMemory() {
        withSlabs {
            drainInbox()
            header.pointee.outgoing.sendAll()
            header.pointee.large.releaseAll()
            flushBins()
            releaseEmptySlabs()
        }
    }
}
