// SPDX-License-Identifier: MIT
//
// The miss of malloc for small sizes: blocks from a slab's map lines into the bin's stack.
//
// Blocks come in ascending addresses from where the last refill left off, whatever order they were
// freed in: that restores locality after a fragmented history. A slab in which the search finds no
// more goes off its list; the first free into it that its bin has no room for puts it back, at the
// end: by its turn it has gathered more free blocks.
//
// A slab in use is in one of two modes, written in its lines' owner words:
//   feeds bin  frees put the block on its class's bin while that has room: the usual mode
//   plain      frees clear the live bit and that is all: for a dense class whose bin overflowed,
//              hence for a program that frees much; the next refill from the slab ends it

import CHakmemShim
import Synchronization

extension ThreadCache {
    /// A block of a small class, after filling its bin; 0 when out of memory.
    @inline(never)
    func refill(_ sizeClass: SizeClass) -> UInt {
        ThreadCache.count(header.pointee.refills)
        tick()
        drainInbox()
        let bin = bin(sizeClass)
        let record = record(sizeClass)
        while true {
            guard let span = record.pointee.available.firstSpan ?? acquireSlab(sizeClass) else {
                return 0
            }
            prepare(bin, sizeClass)
            let found = LineSearch.fill(bin, from: span, SmallClassTable.entry(sizeClass))
            feedBin(from: span)
            if found.isExhausted { markFull(span, record) }
            if found.first != 0 {
                ThreadCache.count(record.pointee.taken, found.count)
                return found.first
            }
        }
    }

    /// Gives a bin its stack, which it has only once it is used.
    @inline(__always)
    private func prepare(_ bin: UnsafeMutablePointer<Bin>, _ sizeClass: SizeClass) {
        let entry = SmallClassTable.entry(sizeClass)
        let bottom = address &+ UInt(entry.pointee.stackOffset)
        pointer(bottom, to: UInt.self).pointee = hak_sentinel_address()
        bin.pointee = Bin(top: bottom, full: bottom &+ UInt(SizeClass.stackCapacity) &* 8)
    }

    /// Takes a slab without a free block off its class's list.
    func markFull(_ span: Span, _ record: UnsafeMutablePointer<ClassRecord>) {
        record.pointee.available.remove(span)
        span.header.pointee.isFull = true
        if !span.sizeClass.isSmall { span.setOwner(address | Owner.binMark) }
    }

    /// From now on blocks freed into a slab go to the bin, while it has room.
    @inline(__always)
    private func feedBin(from span: Span) {
        if span.header.pointee.feedsBin { return }
        span.header.pointee.feedsBin = true
        span.setOwner(binOwner(span.sizeClass))
    }

    private func binOwner(_ sizeClass: SizeClass) -> UInt {
        address | sizeClass.blockBytes | Owner.binMark
    }

    /// A new slab of the class, at the end of its list.
    func acquireSlab(_ sizeClass: SizeClass) -> Span? {
        let record = record(sizeClass)
        let isGrown = record.pointee.slabs >= SizeClass.slabsBeforeGrown
        let granules = sizeClass.slabGranules(isGrown: isGrown)
        guard let span = pageHeap.acquire(granules) else { return nil }
        let isClean = !span.header.pointee.isDirty
        span.header.pointee.owner = address
        span.header.pointee.sizeClass = UInt8(sizeClass.index)
        span.header.pointee.isFull = false
        span.header.pointee.feedsBin = sizeClass.isSmall
        span.header.pointee.linesEmpty = span.lines
        span.header.pointee.cursor = 0
        span.header.pointee.phase = 0
        span.header.pointee.virginFromOrStamp = isClean ? 0 : UInt32.max
        span.setState(.slab)
        span.publish()
        span.setOwner(sizeClass.isSmall ? binOwner(sizeClass) : address)
        record.pointee.slabs += 1
        record.pointee.available.pushLast(span)
        return span
    }

    /// Gives an empty slab back to the page heap.
    func releaseSlab(_ span: Span) {
        let record = record(span.sizeClass)
        if !span.header.pointee.isFull { record.pointee.available.remove(span) }
        if !span.sizeClass.isSmall { dropHints(into: span, record) }
        record.pointee.slabs -= 1
        span.setOwner(0)
        pageHeap.release(span)
    }
}
