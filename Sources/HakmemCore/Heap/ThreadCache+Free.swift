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

    /// No block of a slab is out. The only slab of a class with room stays, against thrashing.
    @inline(never)
    private func slabEmptied(_ span: Span) {
        let record = record(span.sizeClass)
        if record.pointee.available.isOnly(span) { return }
        releaseSlab(span)
    }

    /// Frees a block of one of this cache's own slabs: what the hit path does, and full slabs.
    func freeLocal(_ block: UInt) {
        let span = BlockMap.span(block).unsafelyUnwrapped
        let line = BlockMap.line(block)
        var live = line.pointee.live.load(ordering: .relaxed)
        guard hak_unit_clear(&live, block), block & (unitBytes - 1) == 0 else {
            Misuse.reportFree(of: block, in: span)
            return
        }
        if span.header.pointee.isFull {
            span.header.pointee.isFull = false
            span.setOwner(address)
            record(span.sizeClass).pointee.available.pushLast(span)
        }
        line.pointee.live.store(live, ordering: .relaxed)
        if live == 0 { lineEmptied(block) }
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
                if block == 0 { break }
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
        pageHeap.pointee.purgeIfDue(now)
        whaleCache.pointee.releaseAged(now)
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
