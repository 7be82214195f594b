// SPDX-License-Identifier: MIT
//
// The miss of malloc for slab sizes: blocks from a slab's map lines into the bin's stack.
//
// Blocks come in ascending addresses from where the last refill left off, whatever order they were
// freed in: that restores locality after a fragmented history. A slab of which every block is out
// goes off its list; the first block that returns to it puts it back, at the end: by its turn it
// has gathered more free blocks.

import CHakmemShim
import Synchronization

extension ThreadCache {
    /// A block of a class, after filling its bin; 0 when out of memory.
    @inline(never)
    func refill(_ sizeClass: SizeClass) -> UInt {
        withSlabs {
            tick()
            return Sections.measure(.refill) { refillNow(sizeClass) }
        }
    }

    @inline(__always)
    private func refillNow(_ sizeClass: SizeClass) -> UInt {
        ThreadCache.count(header.pointee.refills)
        // Written before anything of the record is read (acquireSlab says why).
        record(sizeClass).pointee.isUsed = true
        prepareBin(sizeClass)
        drainInboxAtSlabs(keepsReady: true)
        let ready = takeReady(sizeClass)
        if ready != 0 { return ready }
        let bin = bin(sizeClass)
        let record = record(sizeClass)
        let entry = ClassTable.entry(sizeClass)
        let limit = nextBatch(sizeClass)
        guard let span = nextSlab(sizeClass, limit) else { return 0 }
        let found =
            sizeClass.isSparse
            ? LineSearch.fillSparse(
                bin, from: span, blockBytes: sizeClass.blockBytes, limit: limit)
            : LineSearch.fill(bin, from: span, entry, limit: limit)
        if span.header.pointee.blocksOut == span.blocks { markFull(span, record) }
        noteRefill(sizeClass, found.count)
        return found.first
    }

    /// A slab with a free block, for a refill of `limit` blocks; nil when out of memory.
    @inline(__always)
    private func nextSlab(_ sizeClass: SizeClass, _ limit: UInt) -> Span? {
        guard let first = record(sizeClass).pointee.available.firstSpan else {
            return acquireSlab(sizeClass)
        }
        if !LineSearch.takesNew(first, limit) { return first }
        let bytesOut = UInt(record(sizeClass).pointee.blocksOut) &* sizeClass.blockBytes
        return bytesOut < ThreadCache.outForScrapMin ? first : slabOfScrap(sizeClass) ?? first
    }

    /// A class takes a scrap when so many bytes of it are out: most of one would else stay unused.
    private static let outForScrapMin: UInt = 8 << 10

    /// A slab where others were, to be used before untouched memory is; nil if there are few such.
    private func slabOfScrap(_ sizeClass: SizeClass) -> Span? {
        guard let span = pageHeap.acquireScrap(sizeClass.slabGranules(isGrown: false)),
            let slab = makeSlab(span, sizeClass)
        else { return nil }
        record(sizeClass).pointee.available.pushFirst(slab)
        return slab
    }

    /// Takes a slab without a free block off its class's list.
    func markFull(_ span: Span, _ record: UnsafeMutablePointer<ClassRecord>) {
        record.pointee.available.remove(span)
        span.header.pointee.isFull = true
        span.header.pointee.blocksOut |= Span.fullMark
    }

    /// A new slab of the class, at the end of its list.
    func acquireSlab(_ sizeClass: SizeClass) -> Span? {
        let record = record(sizeClass)
        let isGrown = record.pointee.slabs >= SizeClass.slabsBeforeGrown
        let granules = sizeClass.slabGranules(isGrown: isGrown)
        guard let span = acquireSpan(granules, isGrown ? sizeClass : nil),
            let slab = makeSlab(span, sizeClass)
        else { return nil }
        record.pointee.available.pushLast(slab)
        return slab
    }

    /// Makes a span of the page heap a slab, which is on no list; nil when there is no memory for
    /// the own map.
    private func makeSlab(_ span: Span, _ sizeClass: SizeClass) -> Span? {
        let isClean = !span.header.pointee.isDirty
        if isClean { header.pointee.freshGranules &+= span.header.pointee.granules }
        span.header.pointee.owner = address
        span.header.pointee.sizeClass = UInt8(sizeClass.index)
        span.header.pointee.isFull = false
        span.header.pointee.blocksOut = 0
        span.header.pointee.usedBlocksOrStamp = isClean ? 0 : UInt32.max
        LineSearch.restart(span, sizeClass)
        // Its live words are 0 already. A page of the map that is read before it is written costs
        // another fault, and an interrupt of the other processors.
        BlockMap.live(span.start).pointee.store(0, ordering: .relaxed)
        // Every free takes the slow path while it is to be counted.
        let binOffset = process.options.countsEveryCall ? 0 : sizeClass.binOffset
        guard setOwnMap(span, binOffset: binOffset) else {
            _ = setOwnMap(span, binOffset: 0)
            pageHeap.release(span, isDirty: !isClean)
            return nil
        }
        span.setState(.slab)
        span.publish(owner: Owner.slab(self, sizeClass))
        countSlab(span, record(sizeClass))
        if isClean, !sizeClass.isSmall { writtenDensity.noteFresh(span) }
        return span
    }

    /// Memory for a slab. Before a cache grows by another part of itself, bins that nobody has used
    /// while it grew by the last one give back what they hold: a program whose sizes drift would
    /// else leave a full bin behind for each class that it came through.
    private func acquireSpan(_ granules: UInt, _ grown: SizeClass?) -> Span? {
        let isGrowing =
            header.pointee.freshGranules
            > max(
                header.pointee.slabGranules / ThreadCache.freshPart, ThreadCache.freshGranulesMin)
        if isGrowing {
            if let span = pageHeap.acquireDirty(granules, alignment: 1) { return span }
            header.pointee.freshGranules = 0
            flushUnused(bytesMin: ThreadCache.unusedBytesMin)
        }
        guard let grown, grown.isSmall || writtenDensity.isDense(grown) else {
            return pageHeap.acquire(granules)
        }
        return pageHeap.acquireDense(granules)
    }

    /// Untouched memory that a cache takes before it looks for unused blocks: a part of its slabs,
    /// and at least so many granules.
    private static let freshPart: UInt32 = 64
    private static let freshGranulesMin: UInt32 = 4
    /// Less of a class stays: small slabs that go leave holes that larger ones do not fit.
    private static let unusedBytesMin: UInt = 64 << 10

    func countSlab(_ span: Span, _ record: UnsafeMutablePointer<ClassRecord>) {
        record.pointee.slabs += 1
        header.pointee.slabGranules += span.header.pointee.granules
    }

    /// Gives an empty slab back to the page heap.
    func releaseSlab(_ span: Span) {
        retireSlab(span)
        pageHeap.release(span)
    }

    /// Makes an empty slab a span that is nobody's.
    func retireSlab(_ span: Span) {
        let record = record(span.sizeClass)
        if !span.header.pointee.isFull { record.pointee.available.remove(span) }
        _ = setOwnMap(span, binOffset: 0)
        record.pointee.slabs -= 1
        header.pointee.slabGranules -= span.header.pointee.granules
        span.publish(owner: 0)
    }
}
