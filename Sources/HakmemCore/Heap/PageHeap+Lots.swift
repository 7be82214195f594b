// SPDX-License-Identifier: MIT
//
// Fresh memory for dense slabs, of blocks up to a page, comes in lots. They are written in every
// page, so a heap that grows by them will use what lies next: a lot is populated by one system call
// instead of a page fault each. Small lots do for that; as soon as 2 MiB are an eighth of what is
// in use, a lot is a huge page (HAKMEM_HUGE_PAGES).
//
// The lot is set apart: larger blocks, which programs often write in part only, never come from it.
// What nobody took for a purge delay joins the dirty spans.
//
// A huge lot is asked for as such (MADV_COLLAPSE), not by a mark on the mapping: that would stay,
// have the kernel make huge pages again where most has been given back, and cut the mapping in
// pieces, of which a process may have some 65,000.

import Synchronization

extension PageHeap {
    static let hugeBytes: UInt = 2 << 20
    /// A huge lot is at most this part of what is in use, 1/2^shift; a small one at most that.
    private static let hugeLotShift: UInt = 3
    private static let smallLotShift: UInt = 6
    private static let smallLotMax: UInt = 256 << 10

    /// A span that will be written in every page, and soon.
    func acquireDense(_ granules: UInt) -> Span? {
        fields.pointee.lock.acquire()
        guard reserveHeaders(), fields.pointee.dirty.find(granules) == nil else {
            fields.pointee.lock.release()
            return acquire(granules)
        }
        noteAcquired()
        if let span = takeFromLot(granules) {
            fields.pointee.lock.release()
            fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
            return span
        }
        let span = takeClean(lotGranules(granules), atLeast: granules)
        let shape = growthBytes
        fields.pointee.lock.release()
        guard let span else {
            return grow(granules, preferred: shape, isJoined: false) ? acquireDense(granules) : nil
        }
        fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
        openLot(span, keeping: granules)
        return span
    }

    /// Granules of the next lot, from which spans of so many will be taken.
    private func lotGranules(_ granules: UInt) -> UInt {
        let used = usedBytes
        if used >> PageHeap.hugeLotShift >= PageHeap.hugeBytes, process.options.hasHugeLots {
            return PageHeap.hugeBytes >> granuleShift
        }
        let lot = min(used >> PageHeap.smallLotShift, PageHeap.smallLotMax) >> granuleShift
        return max(lot / granules, 1) * granules
    }

    private func takeFromLot(_ granules: UInt) -> Span? {
        guard let lot = Span(atOrNil: fields.pointee.lot) else { return nil }
        let size = UInt(lot.header.pointee.granules)
        if size < granules {
            closeLot()
            return nil
        }
        fields.pointee.lot = 0
        if size > granules { setLot(split(lot, keepingFirst: granules), Clock.nowMs()) }
        lot.publishEdges()
        return lot
    }

    /// Clean memory for a lot, as much as there is in one piece; nil if none has `granules`.
    private func takeClean(_ lot: UInt, atLeast granules: UInt) -> Span? {
        if lot << granuleShift == PageHeap.hugeBytes {
            // The smallest span that is large enough may lie well; one of twice the size does.
            if let span = fields.pointee.clean.find(lot),
                alignUp(span.start, to: PageHeap.hugeBytes) + PageHeap.hugeBytes <= span.end
            {
                return cut(span, lot, lot)
            }
            if let span = fields.pointee.clean.find(2 * lot - 1) { return cut(span, lot, lot) }
        }
        guard let span = fields.pointee.clean.find(lot) ?? fields.pointee.clean.find(granules)
        else { return nil }
        return cut(span, min(lot, UInt(span.header.pointee.granules)), 1)
    }

    /// Populates a fresh lot, and sets all but its first `granules` apart.
    private func openLot(_ span: Span, keeping granules: UInt) {
        let isHuge =
            span.bytes == PageHeap.hugeBytes && span.start & (PageHeap.hugeBytes - 1) == 0
        if isHuge { pointer(span.start, to: UInt.self).pointee = 0 }
        let isPopulated =
            isHuge && SystemCall.collapse(span.start, bytes: span.bytes)
            || SystemCall.populate(span.start, bytes: span.bytes)
        if UInt(span.header.pointee.granules) == granules { return }
        let now = Clock.nowMs()
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        guard reserveHeaders() else { return }
        let rest = split(span, keepingFirst: granules)
        span.publishEdges()
        if !isPopulated {
            insertJoined(rest, stamp: now)
        } else {
            // Another thread may have opened one meanwhile.
            closeLot()
            setLot(rest, now)
        }
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
    static func placement(_ bytes: UInt) -> UInt { bytes >= hugeBytes ? hugeBytes : granuleBytes }
}
