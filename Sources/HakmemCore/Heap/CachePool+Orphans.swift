// SPDX-License-Identifier: MIT
//
// Orphans: in a forked child, the caches of threads that are not there.
//
// An orphan's thread, or a visitor, stopped between any two instructions. What the child sees of
// it is all that it had written up to there, and nothing after it. Of that holds, whatever it was
// doing:
//
//   a block that the program has    is live, and its slab is a slab of this cache
//   a slab                          became one after its owner, class and size were written
//   the inbox                       is a list of whole messages
//
//   a bin                           has its blocks between its top and its bottom. One there is
//                                   free if it also is live and marked: a block that malloc is
//                                   just taking has lost its mark, one that goes its live bit.
//                                   It may have been sent: a free moves the top before it writes
//                                   the slot, which still names what was last taken from it. So
//                                   blocks in bins and in the inbox become free in the same way,
//                                   however often one is met
//
// Lists, counts and open messages may be half changed. So an orphan is put in order by making it
// anew from the spans, live words and bins alone:
//
//   fork      orphan: one word a cache. Its large blocks are told apart here, where nobody else
//             can have one of them (`sift`)
//   reclaim   when a thread of the child sends a block to an orphan, or begins: all orphans at
//             once, in one walk over the slabs, under the locks of the pool and of the page heap;
//             then they are pooled caches like any other
//
// A child that does neither, as one that calls exec, pays the one word a cache.
//
// What is lost in the child: an orphan's spare messages; blocks in its messages that were open or
// half drained, or on their way to or from a bin, stay live; spans that a thread had in hand
// between the page heap and elsewhere, to purge them or to make them a slab or block, stay out. All
// are bounded by what a cache holds at one moment, and do not grow. Their memory is shared with the
// parent.

import CHakmemShim
import Synchronization

extension CachePool {
    /// In a forked child, whose one thread has the cache at `own`, or none.
    func resetAfterFork(own: UInt) {
        forgetPooled()
        let now = Clock.nowMs()
        forEachCache { cache in
            cache.header.pointee.slabLock.resetAfterFork()
            let state = cache.header.pointee.state.load(ordering: .relaxed)
            if state == CacheState.pooled {
                link(cache, now)
            } else if cache.address != own {
                orphan(cache, own: own)
            }
        }
        let isOwned = own != hak_cache_none()
        fields.pointee.ownedCount.store(isOwned ? 1 : 0, ordering: .relaxed)
        fields.pointee.lock.resetAfterFork()
    }

    /// Makes the cache of a thread that is not there an orphan. Only one thread runs, with `own`.
    func orphan(_ cache: ThreadCache, own: UInt) {
        let ownCache = own == hak_cache_none() ? nil : ThreadCache(at: own)
        cache.header.pointee.large.sift { span in
            guard span.state == .large,
                BlockMap.owner(span.start) == span.address | Owner.wholeMark,
                BlockMap.live(span.block).pointee.load(ordering: .relaxed) == 0,
                ownCache?.header.pointee.large.contains(span) != true
            else { return false }
            // No other slot that names it will find it so again. `forget` gives it back.
            BlockMap.setOwner(span.start, 0)
            return true
        }
        cache.header.pointee.state.store(CacheState.orphan, ordering: .relaxed)
        fields.pointee.hasOrphans.store(true, ordering: .relaxed)
    }

    /// Puts all orphans in order and into the pool, if there are any.
    @inline(__always)
    func reclaimOrphans() {
        if fields.pointee.hasOrphans.load(ordering: .relaxed) { reclaimOrphansNow() }
    }

    @inline(never)
    private func reclaimOrphansNow() {
        fields.pointee.lock.acquire()
        guard fields.pointee.hasOrphans.load(ordering: .relaxed) else {
            fields.pointee.lock.release()
            return
        }
        forEachCache { cache in if cache.isOrphan { cache.forget() } }
        pageHeap.forEachSlab { span in
            let owner = ThreadCache(at: span.header.pointee.owner)
            if owner.isOrphan { owner.reclaim(span) }
        }
        forEachCache { cache in
            guard cache.isOrphan else { return }
            link(cache, 0)
            CachePool.leave(cache)
        }
        fields.pointee.hasOrphans.store(false, ordering: .relaxed)
        fields.pointee.lock.release()
        releasePooled()
    }

    /// Frees what is kept in pooled caches and their inboxes.
    private func releasePooled() {
        forEachCache { cache in
            guard CachePool.take(cache, as: CacheState.visited) else { return }
            cache.releaseMemory()
            CachePool.leave(cache)
            CachePool.visitIfNeeded(cache)
        }
    }
}

extension ThreadCache {
    fileprivate var isOrphan: Bool {
        header.pointee.state.load(ordering: .relaxed) == CacheState.orphan
    }

    /// Makes it a cache without slabs and ready blocks.
    fileprivate func forget() {
        // Before anything is given to its spare messages.
        header.pointee.outgoing.forget()
        forgetSent()
        for index in 1..<SizeClass.end {
            forgetReady(SizeClass(index: index))
            let record = record(SizeClass(index: index))
            record.pointee.available = SpanList()
            record.pointee.slabs = 0
            record.pointee.blocksOut = 0
            // A bin without a limit gets its stack at its first refill.
            record.pointee.limit = 0
            record.pointee.below = 0
            record.pointee.leastBelow = 0
            record.pointee.overflows = 0
            record.pointee.isUsed = false
            record.pointee.keptEmpty = false
            record.pointee.flushed = 0
            record.pointee.refilled = 0
        }
        prepare()
        header.pointee.large.forEachSpan { span in
            BlockMap.setOwner(span.start, span.address | Owner.wholeMark)
        }
        header.pointee.ownMap = OwnMapRange(start: 0, end: 0)
        header.pointee.site = 0
        header.pointee.slabGranules = 0
        header.pointee.freshGranules = 0
        header.pointee.warmBytes = 0
    }

    /// Clears the live bits of the blocks that are ready in a bin.
    private func forgetReady(_ sizeClass: SizeClass) {
        let top = bin(sizeClass).pointee.top
        let bottom = startCheck(sizeClass).pointee.bottom
        // One that was just moving to its deep stack has its ends in two places.
        if top > bottom || (bottom - top) / 8 > UInt(sizeClass.stackDepthMax) { return }
        var slot = top
        while slot <= bottom {
            let block = pointer(slot, to: UInt.self).pointee
            slot += 8
            guard BlockMap.owner(block) == Owner.slab(self, sizeClass),
                ThreadCache.isOut(block), ReadyMark.isOn(block)
            else { continue }
            ThreadCache.clearLive(block)
            if process.options.countsEveryCall {
                ThreadCache.count(record(sizeClass).pointee.taken, 0 &- 1)
            }
        }
    }

    /// Clears the live bits of the blocks that were sent to it. What the program has freed twice
    /// may be another cache's by now.
    private func forgetSent() {
        var next = takeInbox()
        while next != 0 {
            let message = Message(address: next)
            next = message.header.pointee.next
            for index in 0..<Int(message.header.pointee.count) {
                let block = message.blocks[index] & ~SentBlock.markedBit
                if Owner.cache(BlockMap.owner(block)) == self { ThreadCache.clearLive(block) }
            }
            header.pointee.outgoing.spares.give(message)
        }
    }

    private static func clearLive(_ block: UInt) {
        let line = BlockMap.live(block)
        let live = line.pointee.load(ordering: .relaxed)
        line.pointee.store(live & ~BlockMap.bit(block), ordering: .relaxed)
    }

    /// Takes a slab back that was this cache's, as its live words tell.
    fileprivate func reclaim(_ span: Span) {
        let sizeClass = span.sizeClass
        var blocksOut = 0
        var line = span.start
        while line < span.end {
            blocksOut += BlockMap.live(line).pointee.load(ordering: .relaxed).nonzeroBitCount
            line += lineBytes
        }
        span.header.pointee.blocksOut = UInt32(blocksOut)
        record(sizeClass).pointee.blocksOut += UInt32(blocksOut)
        if blocksOut == 0 { record(sizeClass).pointee.keptEmpty = true }
        span.header.pointee.usedBlocksOrStamp = UInt32.max
        LineSearch.restart(span, sizeClass)
        recallOwnMap(span)
        // It may have been on its way to the page heap or from there.
        span.publish(owner: Owner.slab(self, sizeClass))
        countSlab(span, record(sizeClass))
        span.header.pointee.isFull = span.header.pointee.blocksOut == span.blocks
        if span.header.pointee.isFull {
            span.header.pointee.blocksOut |= Span.fullMark
        } else {
            record(sizeClass).pointee.available.pushLast(span)
        }
    }
}
