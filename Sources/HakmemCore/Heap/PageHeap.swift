// SPDX-License-Identifier: MIT
//
// The page heap: free spans of the whole process, in runs of granules.
//
//   bins[n]  free spans of exactly n granules, n in 1 ..< binCount - 1; the last bin holds the rest
//
// There are two sets of bins. A clean span reads as zeros and has no memory behind it; a dirty one
// was used and still has its memory. Dirty spans are taken first: their memory is paid for. They
// also stand in one queue by age, from which the purger takes those that nobody wanted for a while.
//
// Neighbouring free spans of the same kind are joined, so that none has a neighbour of its kind.
//
// Owner: one lock. System calls are made outside it: growth maps first and then inserts, a purge
// takes spans out, calls the kernel, and puts them back clean.
//
// Invariants:  a free span is in exactly one bin; a dirty one also in the queue
//              binsUsed has bit n  ⇔  bins[n] is not empty
//              dirtyBytes == sum of dirty spans;  freeBytes == sum of all free spans

import Synchronization

/// What the page heap is made of. Zeroed memory is its valid initial state.
/// The lock is not the first field: tools take an access to the first for one to the whole.
struct PageHeapFields: ~Copyable {
    var clean: SpanBins
    let lock: Lock
    var dirty: SpanBins
    var oldestDirty: UInt
    var youngestDirty: UInt
    var dirtyBytes: UInt
    var freeBytes: UInt
    var mappedBytes: UInt
    /// Bytes released since a span was last acquired, less those of the last release: a program
    /// that only drops has many, one that uses a large block at a time has none.
    var droppedBytes: UInt
    var lastReleasedBytes: UInt
    /// What the purger has learnt about its bound (PageHeap+Purge).
    var regret: PurgeRegret
    /// Populated memory for slabs to come: a span in no bin, or 0, and since when (PageHeap+Lots).
    var lot: UInt
    var lotMs: UInt32
    /// Threads that are about to open a lot of which most will be left for others.
    var lotsOpening: UInt
    let hugePages: HugePages
    var spareHeaders: SpanList
    var chunks: ChunkList
    /// When the oldest dirty span is due, in ms, or 0: read without the lock to skip a purge.
    let dueMs: Atomic<UInt32>
    /// How many scraps there are (PageHeap+Scraps): read without the lock, as a hint.
    let scraps: Atomic<UInt32>
    let spansAcquired: Atomic<UInt>
}

struct PageHeap {
    /// Shared by all threads: no access to it as a whole, which would have to be exclusive.
    let fields: UnsafeMutablePointer<PageHeapFields>

    private static let headersAtATime = 32

    // MARK: Acquire

    /// A span of `granules`, starting at a multiple of `alignment` granules (a power of two), with
    /// its state still to be set; nil when the kernel has no more memory.
    func acquire(_ granules: UInt, alignment: UInt = 1) -> Span? {
        var attempt = 0
        while true {
            fields.pointee.lock.acquire()
            let span = takeFree(granules, alignment)
            let shape = growthBytes
            fields.pointee.lock.release()
            if let span {
                fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
                return span
            }
            attempt += 1
            let wanted = granules + alignment - 1
            if attempt > PageHeap.attemptsMax
                || !grow(wanted, preferred: shape, isJoined: attempt == 1)
            {
                return nil
            }
        }
    }

    /// Another thread may take what a growth has brought: then we grow again, but not for ever.
    private static let attemptsMax = 8

    private func takeFree(_ granules: UInt, _ alignment: UInt) -> Span? {
        guard reserveHeaders() else { return nil }
        noteAcquired()
        let wanted = granules + alignment - 1
        guard
            let span = findDirty(granules, alignment) ?? fields.pointee.clean.find(wanted)
                ?? joined(wanted)
        else { return nil }
        return cut(span, granules, alignment)
    }

    /// The smallest dirty span that has `granules` at a multiple of `alignment`: one of just that
    /// size may start there.
    private func findDirty(_ granules: UInt, _ alignment: UInt) -> Span? {
        let span = fields.pointee.dirty.find(granules)
        if alignment == 1 { return span }
        guard let span, alignUp(span.start, to: alignment << granuleShift) == span.start else {
            return fields.pointee.dirty.find(granules + alignment - 1)
        }
        return span
    }

    /// A span out of a dirty one; nil if none is large enough.
    func acquireDirty(_ granules: UInt, alignment: UInt) -> Span? {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        guard reserveHeaders(),
            let span = findDirty(granules, alignment)
        else { return nil }
        noteAcquired()
        fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
        return cut(span, granules, alignment)
    }

    /// A span at the start of a dirty one of four times the size; if there is none and `orLess`, of
    /// the largest dirty one that has a quarter more. Else nil.
    func acquireToGrow(_ granules: UInt, orLess: Bool) -> Span? {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        guard reserveHeaders() else { return nil }
        var place = fields.pointee.dirty.find(4 * granules)
        if place == nil, orLess { place = fields.pointee.dirty.findLargest() }
        guard let place, UInt(place.header.pointee.granules) >= granules + granules / 4 else {
            return nil
        }
        noteAcquired()
        fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
        return cut(place, granules, 1)
    }

    /// Takes `granules` at the first multiple of `alignment` granules out of a free span that has
    /// them.
    func cut(_ span: Span, _ granules: UInt, _ alignment: UInt) -> Span {
        let start = alignUp(span.start, to: alignment << granuleShift)
        return cut(span, from: start, granules)
    }

    /// Takes `granules` from an address on out of a free span.
    func cut(_ span: Span, from start: UInt, _ granules: UInt) -> Span {
        unlink(span)
        var taken = span
        if start != span.start {
            taken = split(span, keepingFirst: (start - span.start) >> granuleShift)
        }
        if UInt(taken.header.pointee.granules) > granules {
            let rest = split(taken, keepingFirst: granules)
            link(rest, stamp: rest.header.pointee.usedBlocksOrStamp)
        }
        if taken != span { link(span, stamp: span.header.pointee.usedBlocksOrStamp) }
        taken.setState(.unused)
        // Whoever walks the spans under the lock finds this one by its first entry.
        taken.publishEdges()
        if !taken.header.pointee.isDirty { fields.pointee.regret.noteFresh(taken.bytes) }
        return taken
    }

    /// Cuts an unlinked span in two; gives the second part, unlinked too.
    func split(_ span: Span, keepingFirst granules: UInt) -> Span {
        let rest = takeHeader()
        rest.header.pointee.start = span.start + granules << granuleShift
        rest.header.pointee.granules = span.header.pointee.granules - UInt32(granules)
        rest.header.pointee.isDirty = span.header.pointee.isDirty
        rest.header.pointee.usedBlocksOrStamp = span.header.pointee.usedBlocksOrStamp
        rest.setState(.free)
        span.header.pointee.granules = UInt32(granules)
        return rest
    }

    // MARK: Release

    /// Takes a span back; its lines must be nobody's and its live bits clear.
    func release(_ span: Span, isDirty: Bool = true) {
        let now = Clock.nowMs()
        fields.pointee.lock.acquire()
        span.header.pointee.isDirty = isDirty
        noteReleased(span.bytes)
        insertJoined(span, stamp: now)
        let isOverBound = mustPurge
        fields.pointee.lock.release()
        if isOverBound { _ = purge(now: now, all: false) } else { purgeIfDue(now) }
    }

    /// Takes several spans back at once; leaves the list empty.
    func release(_ spans: inout SpanList) {
        let now = Clock.nowMs()
        fields.pointee.lock.acquire()
        while let span = spans.firstSpan {
            spans.remove(span)
            span.header.pointee.isDirty = true
            noteReleased(span.bytes)
            insertJoined(span, stamp: now)
        }
        let isOverBound = mustPurge
        fields.pointee.lock.release()
        if isOverBound { _ = purge(now: now, all: false) } else { purgeIfDue(now) }
    }

    /// Gives back all but the first `granules` of a span in use.
    func trim(_ span: Span, toGranules granules: UInt) {
        let now = Clock.nowMs()
        fields.pointee.lock.acquire()
        guard UInt(span.header.pointee.granules) > granules, reserveHeaders() else {
            fields.pointee.lock.release()
            return
        }
        let rest = split(span, keepingFirst: granules)
        span.publishEdges()
        rest.header.pointee.isDirty = true
        insertJoined(rest, stamp: now)
        fields.pointee.lock.release()
    }

    /// Puts a free span into its bin, as one with neighbours of its kind; gives what it became.
    @discardableResult
    func insertJoined(_ span: Span, stamp: UInt32) -> Span {
        var joined = span
        let isDirty = span.header.pointee.isDirty
        if let next = freeSpan(startingAt: span.end), next.header.pointee.isDirty == isDirty {
            unlink(next)
            joined.header.pointee.granules += next.header.pointee.granules
            giveHeader(next)
        }
        if let before = freeSpan(endingAt: span.start), before.header.pointee.isDirty == isDirty {
            unlink(before)
            before.header.pointee.granules += joined.header.pointee.granules
            giveHeader(joined)
            joined = before
        }
        link(joined, stamp: stamp)
        return joined
    }

    // MARK: Bins and queue

    func link(_ span: Span, stamp: UInt32) {
        span.setState(.free)
        span.publishEdges()
        fields.pointee.freeBytes += span.bytes
        guard span.header.pointee.isDirty else {
            fields.pointee.clean.insert(span)
            return
        }
        fields.pointee.dirty.insert(span)
        fields.pointee.dirtyBytes += span.bytes
        countScrap(span, 1)
        span.header.pointee.usedBlocksOrStamp = stamp
        span.header.pointee.owner = 0
        span.header.pointee.bytesOrOlder = fields.pointee.youngestDirty
        if let youngest = Span(atOrNil: fields.pointee.youngestDirty) {
            youngest.header.pointee.owner = span.address
        } else {
            fields.pointee.oldestDirty = span.address
            fields.pointee.dueMs.store(
                (stamp &+ UInt32(policy.pointee.purgeDelayMs)) | 1, ordering: .relaxed)
        }
        fields.pointee.youngestDirty = span.address
    }

    func unlink(_ span: Span) {
        fields.pointee.freeBytes -= span.bytes
        guard span.header.pointee.isDirty else {
            fields.pointee.clean.remove(span)
            return
        }
        fields.pointee.dirty.remove(span)
        fields.pointee.dirtyBytes -= span.bytes
        countScrap(span, 0 &- 1)
        let younger = span.header.pointee.owner
        let older = span.header.pointee.bytesOrOlder
        if let youngerSpan = Span(atOrNil: younger) {
            youngerSpan.header.pointee.bytesOrOlder = older
        } else {
            fields.pointee.youngestDirty = older
        }
        if let olderSpan = Span(atOrNil: older) {
            olderSpan.header.pointee.owner = younger
        } else {
            fields.pointee.oldestDirty = younger
        }
    }

    // MARK: Headers

    /// Sees to it that the next operation finds the headers it may need.
    func reserveHeaders() -> Bool {
        if let first = fields.pointee.spareHeaders.firstSpan, first.header.pointee.next != 0 {
            return true
        }
        let bytes = UInt(PageHeap.headersAtATime) * Span.headerBytes
        guard let address = metadata.allocate(bytes, alignment: Span.headerBytes) else {
            return false
        }
        for index in 0..<PageHeap.headersAtATime {
            fields.pointee.spareHeaders.pushFirst(
                Span(at: address + UInt(index) * Span.headerBytes))
        }
        return true
    }

    func takeHeader() -> Span {
        let span = fields.pointee.spareHeaders.firstSpan!
        fields.pointee.spareHeaders.remove(span)
        return span
    }

    func giveHeader(_ span: Span) {
        span.setState(.unused)
        fields.pointee.spareHeaders.pushFirst(span)
    }

    /// A header for a span that is not of the page heap: a whale.
    func makeHeader() -> Span? {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        return reserveHeaders() ? takeHeader() : nil
    }

    func discardHeader(_ span: Span) {
        fields.pointee.lock.acquire()
        giveHeader(span)
        fields.pointee.lock.release()
    }

    // MARK: Whole heap

    func acquireLock() { fields.pointee.lock.acquire() }
    func releaseLock() { fields.pointee.lock.release() }
    func resetAfterFork() {
        fields.pointee.lock.resetAfterFork()
        fields.pointee.lotsOpening = 0
    }
}
