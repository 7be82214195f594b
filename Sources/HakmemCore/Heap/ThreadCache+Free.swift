// SPDX-License-Identifier: MIT
//
// What free's hit path leaves over: the last block of a line, slabs that were full, blocks of other
// threads, blocks that have a span for themselves, and misuse.

import CHakmemShim
import Synchronization

extension ThreadCache {
    /// A block was the last one out in its line; its live bit is already clear.
    @inline(__always)
    func lineEmptied(_ block: UInt) {
        let span = BlockMap.span(block).unsafelyUnwrapped
        let empty = span.header.pointee.linesEmpty &+ 1
        span.header.pointee.linesEmpty = empty
        let sizeClass = span.sizeClass
        if !sizeClass.isSmall { addHint(block, sizeClass) }
        if empty == span.lines { slabEmptied(span) }
    }

    /// The hit path has cleared the last live bit of a line without a look at the lowest three bits
    /// of the address: if they are set, the block is put back and the misuse reported.
    func lastFreed(_ address: UInt) {
        if address & (unitBytes - 1) != 0 {
            let bit: UInt64 = 1 &<< UInt64(address >> unitShift)
            BlockMap.line(address).pointee.live.store(bit, ordering: .relaxed)
            Report.misuse(.notABlock, at: address)
        } else {
            lineEmptied(address)
        }
    }

    /// No block of a slab is out. The only slab of a class with room stays, against thrashing.
    @inline(never)
    private func slabEmptied(_ span: Span) {
        let record = record(span.sizeClass)
        if record.pointee.available.isOnly(span) { return }
        releaseSlab(span)
    }

    /// Frees a block of one of this cache's own slabs: what the hit path does, and full slabs.
    ///
    /// `hasNoRoom` says that the block would have gone to its bin; blocks that come in messages or
    /// from the bin itself go to their slab in any case.
    func freeLocal(_ block: UInt, hasNoRoom: Bool = false) {
        let span = BlockMap.span(block).unsafelyUnwrapped
        let line = BlockMap.line(block)
        var live = line.pointee.live.load(ordering: .relaxed)
        guard hak_unit_clear(&live, block), block & (unitBytes - 1) == 0 else {
            Misuse.reportFree(of: block, in: span)
            return
        }
        if span.header.pointee.feedsBin {
            if isDoubleFree(block, span) { return }
            if hasNoRoom { stopFeeding(span) }
        }
        returnToSlab(block, span)
    }

    /// Clears a block's live bit, and sees to what follows for its slab.
    @inline(__always)
    private func returnToSlab(_ block: UInt, _ span: Span) {
        let line = BlockMap.line(block)
        var live = line.pointee.live.load(ordering: .relaxed)
        _ = hak_unit_clear(&live, block)
        line.pointee.live.store(live, ordering: .relaxed)
        makeAvailable(span)
        if live == 0 { lineEmptied(block) }
    }

    /// A bin had no room for a block of one of its slabs. In a dense class the slab goes plain: a
    /// program that frees much takes the hit path from here on. In a sparse one the older half of
    /// the bin goes back to the slabs.
    @inline(__always)
    private func stopFeeding(_ span: Span) {
        let sizeClass = span.sizeClass
        if sizeClass.isSparse {
            if bin(sizeClass).pointee.top == bin(sizeClass).pointee.full { flushHalf(sizeClass) }
        } else {
            span.header.pointee.feedsBin = false
            span.setOwner(address)
            flushReady(of: span)
        }
    }

    /// Returns the ready blocks of a slab that has gone plain: its frees do not look at the mark,
    /// and would not notice that a ready block is freed a second time.
    private func flushReady(of span: Span) {
        let bin = bin(span.sizeClass)
        var from = bin.pointee.full &- UInt(SizeClass.stackCapacity) &* 8 &+ 8
        var to = from
        var flushed: UInt = 0
        while from <= bin.pointee.top {
            let block = pointer(from, to: UInt.self).pointee
            if span.contains(block) {
                returnToSlab(block, span)
                flushed &+= 1
            } else {
                pointer(to, to: UInt.self).pointee = block
                to &+= 8
            }
            from &+= 8
        }
        bin.pointee.top = to &- 8
        ThreadCache.count(record(span.sizeClass).pointee.taken, 0 &- flushed)
    }

    /// Puts a slab that gets a free block on its class's list.
    @inline(__always)
    private func makeAvailable(_ span: Span) {
        if !span.header.pointee.isFull { return }
        span.header.pointee.isFull = false
        if !span.sizeClass.isSmall { span.setOwner(address) }
        record(span.sizeClass).pointee.available.pushLast(span)
    }

    /// Returns the older half of a full bin's blocks to their slabs.
    private func flushHalf(_ sizeClass: SizeClass) {
        let bin = bin(sizeClass)
        let half = UInt(SizeClass.stackCapacity / 2)
        let lowest = bin.pointee.full &- UInt(SizeClass.stackCapacity) &* 8 &+ 8
        var index: UInt = 0
        while index < half {
            let block = pointer(lowest &+ index &* 8, to: UInt.self).pointee
            returnToSlab(block, BlockMap.span(block).unsafelyUnwrapped)
            let upper = pointer(lowest &+ (index &+ half) &* 8, to: UInt.self).pointee
            pointer(lowest &+ index &* 8, to: UInt.self).pointee = upper
            index &+= 1
        }
        bin.pointee.top &-= half &* 8
        ThreadCache.count(record(sizeClass).pointee.taken, 0 &- half)
    }

    /// Whether a block of a small slab is ready in its bin, hence freed before: reported.
    private func isDoubleFree(_ block: UInt, _ span: Span) -> Bool {
        let sizeClass = span.sizeClass
        guard ThreadCache.isReady(block, bin(sizeClass).pointee.top) else {
            return false
        }
        Report.misuse(.doubleFree(blockBytes: sizeClass.blockBytes), at: block)
        return true
    }

    /// Whether a block is among the ready ones, from a bin's top down to the sentinel.
    ///
    /// The mark alone does not tell: the program's own data may have that bit.
    static func isReady(_ block: UInt, _ top: UInt) -> Bool {
        var slot = top
        while true {
            let ready = pointer(slot, to: UInt.self).pointee
            if ready == block { return true }
            if ready == hak_sentinel_address() { return false }
            slot &-= 8
        }
    }

    /// Whether a block of another cache's slab is out, as far as this thread can see.
    static func isOut(_ block: UInt) -> Bool {
        let live = BlockMap.line(block).pointee.live.load(ordering: .relaxed)
        return block & (unitBytes - 1) == 0 && live >> UInt64((block >> unitShift) & 63) & 1 == 1
    }

    /// Puts the ready blocks of every bin back into their slabs.
    func flushBins() {
        for index in 1...SizeClass.smallCount {
            let sizeClass = SizeClass(index: index)
            let bin = bin(sizeClass)
            var returned: UInt = 0
            while true {
                let block = pointer(bin.pointee.top, to: UInt.self).pointee
                if block == hak_sentinel_address() { break }
                bin.pointee.top -= 8
                freeLocal(block)
                returned += 1
            }
            if returned > 0 { ThreadCache.count(record(sizeClass).pointee.taken, 0 &- returned) }
        }
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

    // MARK: Tick

    private static let refillsPerTick: UInt32 = 64

    /// Now and then on slow paths: ages what is kept, sends what waits, purges what is due.
    @inline(__always)
    func tick() {
        if header.pointee.refillsUntilTick == 0 {
            tickNow()
        } else {
            header.pointee.refillsUntilTick -= 1
        }
    }

    @inline(never)
    private func tickNow() {
        header.pointee.refillsUntilTick = ThreadCache.refillsPerTick
        header.pointee.outgoing.sendAll()
        let epoch = Trim.epoch.load(ordering: .relaxed)
        if epoch != header.pointee.trimEpoch {
            header.pointee.trimEpoch = epoch
            releaseMemory()
        }
        let now = Clock.nowMs()
        header.pointee.large.releaseAged(now)
        pageHeap.purgeIfDue(now)
        whaleCache.releaseAged(now)
    }
}

extension Misuse {
    /// Reports a free of an address inside a span that is not a block which is out.
    static func reportFree(of address: UInt, in span: Span) {
        let offset = address - span.start
        if span.state == .slab {
            let blockBytes = span.sizeClass.blockBytes
            let isStart = offset % blockBytes == 0 && offset + blockBytes <= span.bytes
            Report.misuse(isStart ? .doubleFree(blockBytes: blockBytes) : .notABlock, at: address)
        } else {
            Report.misuse(.notABlock, at: address)
        }
    }

    /// Reports a free of an address that no line's owner claims: foreign, the inside of a large
    /// block, or a large block that was freed before.
    static func reportUnowned(_ address: UInt) {
        if let span = Misuse.spanAround(address) {
            if span.state == .free {
                Report.misuse(.doubleFree(blockBytes: span.bytes), at: address)
            } else {
                reportFree(of: address, in: span)
            }
        } else {
            Report.misuse(.foreign, at: address)
        }
    }

    private static let granulesBackMax = 1 << 17

    /// The span around any address of the heap, by walking back to where its first granule is.
    private static func spanAround(_ address: UInt) -> Span? {
        var probe = address
        for _ in 0..<granulesBackMax {
            if let span = BlockMap.span(probe) {
                if span.contains(address) { return span }
                if span.state != .unused, span.start <= probe, probe < span.end { return nil }
            }
            if probe < granuleBytes { return nil }
            probe -= granuleBytes
        }
        return nil
    }
}
