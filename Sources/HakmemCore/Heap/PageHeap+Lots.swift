// SPDX-License-Identifier: MIT
//
// Fresh memory for dense spans comes in lots: for slabs of blocks up to a page, and for larger
// blocks of sizes that the program has written whole so far (WrittenDensity). Every page of them
// will be used, so a lot is populated by one system call instead of a page fault each; and as soon
// as what it is larger than the span wanted is a small part of what is in use, it is made of huge
// pages (HAKMEM_HUGE_PAGES).
//
// The lot is set apart: other blocks, which programs often write in part only, never come from it.
// One that is too small for a span is continued by the clean memory before it: the heap grows
// downward.
// What nobody took for a purge delay joins the dirty spans.

import Synchronization

extension PageHeap {
    private static let hugeGranules = HugePages.bytes >> granuleShift
    /// What a lot of huge pages has beyond the span that is wanted is at most this part of what is
    /// in use, 1/2^shift; a small lot is at most that.
    private static let hugeLotShift: UInt = 2
    private static let smallLotShift: UInt = 6
    private static let smallLotMax: UInt = 256 << 10

    /// A span that will be written in every page, and soon.
    func acquireDense(_ granules: UInt) -> Span? {
        for attempt in 0..<2 {
            fields.pointee.lock.acquire()
            let found = findDense(granules, hasGrown: attempt > 0)
            fields.pointee.lock.release()
            switch found {
            case .taken(let span):
                fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
                return span
            case .fresh(let fresh):
                fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
                return openLot(fresh, granules)
            case .growth(let lot, let shape):
                if !grow(lot, preferred: shape, isJoined: true) { return acquire(granules) }
            case .elsewhere:
                return acquire(granules)
            }
        }
        return acquire(granules)
    }

    /// Where a dense span comes from.
    private enum DenseSource {
        /// The lot.
        case taken(Span)
        /// A lot that is to be opened.
        case fresh(FreshSpan)
        /// There must be more first: so many granules for a lot, and better so many bytes.
        case growth(lot: UInt, shape: UInt)
        /// There is a dirty span, or nothing is known.
        case elsewhere
    }

    /// A span of which the first `cleanGranules` have no memory yet.
    private struct FreshSpan {
        let span: Span
        let cleanGranules: UInt
    }

    private func findDense(_ granules: UInt, hasGrown: Bool) -> DenseSource {
        guard reserveHeaders(), fields.pointee.dirty.find(granules) == nil else {
            return .elsewhere
        }
        noteAcquired()
        if let span = takeFromLot(granules) { return .taken(span) }
        // Threads that begin together do not open a lot each.
        let others = fields.pointee.lotsOpening
        if others > 0, PageHeap.isShared(granules), !isFew((others + 1) * PageHeap.hugeGranules) {
            return .elsewhere
        }
        if let fresh = continuedLot(granules) { return opening(fresh, granules) }
        closeLot()
        if fields.pointee.dirty.find(granules) != nil { return .elsewhere }
        let lot = lotGranules(granules)
        if lot & (PageHeap.hugeGranules - 1) != 0 {
            guard let fresh = takeClean(lot, atLeast: granules) else {
                return .growth(lot: granules, shape: growthBytes)
            }
            return opening(fresh, granules)
        }
        if !PageHeap.isShared(granules), let fresh = continuedDirty(granules) {
            return opening(fresh, granules)
        }
        if let fresh = takeHuge(lot) { return opening(fresh, granules) }
        if hasGrown, let fresh = takeClean(granules, atLeast: granules) {
            return opening(fresh, granules)
        }
        return .growth(lot: lot, shape: growthBytes)
    }

    /// Whether most of a lot that is opened for a span of so many granules is left for others.
    private static func isShared(_ granules: UInt) -> Bool { granules < hugeGranules / 4 }

    private func opening(_ fresh: FreshSpan, _ granules: UInt) -> DenseSource {
        if PageHeap.isShared(granules) { fields.pointee.lotsOpening += 1 }
        return .fresh(fresh)
    }

    /// Granules of the next lot, from which spans of so many will be taken.
    private func lotGranules(_ granules: UInt) -> UInt {
        let whole = alignUp(granules, to: PageHeap.hugeGranules)
        if isFew(whole - granules), makesHugePages { return whole }
        let lot = min(usedBytes >> PageHeap.smallLotShift, PageHeap.smallLotMax) >> granuleShift
        return max(lot / granules, 1) * granules
    }

    /// Whether so many granules are a small part of what is in use.
    private func isFew(_ granules: UInt) -> Bool {
        granules << granuleShift <= usedBytes >> PageHeap.hugeLotShift
    }

    private func takeFromLot(_ granules: UInt) -> Span? {
        guard let lot = Span(atOrNil: fields.pointee.lot) else { return nil }
        let size = UInt(lot.header.pointee.granules)
        if size < granules { return nil }
        if size > granules {
            let taken = split(lot, keepingFirst: size - granules)
            setLot(lot, Clock.nowMs())
            taken.setState(.unused)
            taken.publishEdges()
            return taken
        }
        fields.pointee.lot = 0
        return lot
    }

    /// The lot, which is too small, and the clean memory before it in whole huge pages; nil if
    /// there is none of either.
    private func continuedLot(_ granules: UInt) -> FreshSpan? {
        guard let lot = Span(atOrNil: fields.pointee.lot) else { return nil }
        let size = UInt(lot.header.pointee.granules)
        let missing = alignUp(granules - size, to: PageHeap.hugeGranules)
        guard lot.start & (HugePages.bytes - 1) == 0, makesHugePages,
            isFew(missing + size - granules), let before = freeSpan(endingAt: lot.start),
            UInt(before.header.pointee.granules) >= missing
        else { return nil }
        fields.pointee.lot = 0
        let fresh = cut(before, from: before.end - missing << granuleShift, missing)
        fresh.header.pointee.granules += UInt32(size)
        giveHeader(lot)
        fresh.publishEdges()
        return FreshSpan(span: fresh, cleanGranules: missing)
    }

    /// A dirty span, which is too small, and the clean memory before it: from where a huge page
    /// begins, if that is little more. The youngest of them.
    private func continuedDirty(_ granules: UInt) -> FreshSpan? {
        var next = fields.pointee.youngestDirty
        for _ in 0..<PageHeap.lookedAtMax {
            guard let dirty = Span(atOrNil: next) else { return nil }
            next = dirty.header.pointee.bytesOrOlder
            let size = UInt(dirty.header.pointee.granules)
            guard let before = freeSpan(endingAt: dirty.start),
                size + UInt(before.header.pointee.granules) >= granules
            else { continue }
            let least = dirty.start - (granules - size) << granuleShift
            var start = least & ~(HugePages.bytes - 1)
            if start < before.start || !isFew((least - start) >> granuleShift) { start = least }
            let missing = (dirty.start - start) >> granuleShift
            unlink(dirty)
            let fresh = cut(before, from: start, missing)
            fresh.header.pointee.granules += UInt32(size)
            fresh.header.pointee.isDirty = true
            giveHeader(dirty)
            fresh.publishEdges()
            return FreshSpan(span: fresh, cleanGranules: missing)
        }
        return nil
    }

    /// Clean memory for a lot of huge pages.
    private func takeHuge(_ lot: UInt) -> FreshSpan? {
        let bytes = lot << granuleShift
        // The smallest span that is large enough may lie well; one with room to spare does.
        for spare in 0...1 {
            let room = lot + UInt(spare) * (PageHeap.hugeGranules - 1)
            guard let found = fields.pointee.clean.find(room) else { continue }
            let end = found.end & ~(HugePages.bytes - 1)
            if end >= found.start + bytes {
                let taken = cut(found, from: end - bytes, lot)
                return FreshSpan(span: taken, cleanGranules: lot)
            }
        }
        return nil
    }

    /// Clean memory for a small lot, as much as there is in one piece; nil if none has `granules`.
    private func takeClean(_ lot: UInt, atLeast granules: UInt) -> FreshSpan? {
        guard let found = fields.pointee.clean.find(lot) ?? fields.pointee.clean.find(granules)
        else { return nil }
        let size = min(lot, UInt(found.header.pointee.granules))
        let taken = cut(found, from: found.end - size << granuleShift, size)
        return FreshSpan(span: taken, cleanGranules: size)
    }

    /// Populates a fresh lot, and sets all but its last `granules`, which it gives, apart.
    private func openLot(_ fresh: FreshSpan, _ granules: UInt) -> Span {
        let span = fresh.span
        let isPopulated = populate(span.start, fresh.cleanGranules << granuleShift)
        let size = UInt(span.header.pointee.granules)
        let now = Clock.nowMs()
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        // A forked child has forgotten those of threads that it does not have.
        if PageHeap.isShared(granules), fields.pointee.lotsOpening > 0 {
            fields.pointee.lotsOpening -= 1
        }
        guard size > granules, reserveHeaders() else { return span }
        let taken = split(span, keepingFirst: size - granules)
        taken.setState(.unused)
        taken.publishEdges()
        if size - granules <= fresh.cleanGranules { span.header.pointee.isDirty = false }
        if isPopulated {
            // Another thread may have opened one meanwhile.
            closeLot()
            setLot(span, now)
        } else {
            insertJoined(span, stamp: now)
        }
        return taken
    }

    /// Gives memory to a range, as huge pages where it has whole ones; false if the kernel refuses.
    private func populate(_ start: UInt, _ bytes: UInt) -> Bool {
        let end = start + bytes
        let rest =
            process.options.hasHugeLots
            ? fields.pointee.hugePages.make(from: start, bytes: bytes) : start
        return rest == end || SystemCall.populate(rest, bytes: end - rest)
    }

    /// Whether lots may be huge pages now.
    private var makesHugePages: Bool {
        process.options.hasHugeLots && !fields.pointee.hugePages.isPaused(Clock.nowMs())
    }

    private func setLot(_ span: Span, _ now: UInt32) {
        span.setState(.unused)
        span.publishEdges()
        fields.pointee.lot = span.address
        fields.pointee.lotMs = now
        if fields.pointee.dueMs.load(ordering: .relaxed) == 0 { updateDue() }
    }

    /// What is left of the lot becomes a dirty span.
    func closeLot() {
        guard let lot = Span(atOrNil: fields.pointee.lot) else { return }
        fields.pointee.lot = 0
        lot.header.pointee.isDirty = true
        insertJoined(lot, stamp: fields.pointee.lotMs)
    }

    /// Where chunks of so many bytes are placed: at multiples that leave room for huge lots.
    static func placement(_ bytes: UInt) -> UInt {
        bytes >= HugePages.bytes ? HugePages.bytes : granuleBytes
    }
}
