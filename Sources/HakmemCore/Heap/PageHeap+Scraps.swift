// SPDX-License-Identifier: MIT
//
// Scraps: small dirty spans, which slabs have left between others that are still in use. Nothing
// large fits there, and their memory is paid for. So where there are many, a slab is made of one
// before another slab's untouched memory is.

import Synchronization

extension PageHeap {
    private static let scrapMax: UInt32 = 4
    /// Fewer are left to those who have no slab at all.
    private static let scrapsMin: UInt32 = 8

    static func isScrap(_ span: Span) -> Bool {
        span.header.pointee.granules <= scrapMax
    }

    /// A span out of a scrap; nil if there are few. Looks before it takes the lock.
    func acquireScrap(_ granules: UInt) -> Span? {
        let scraps = fields.pointee.scraps.load(ordering: .relaxed)
        if scraps < PageHeap.scrapsMin || granules > UInt(PageHeap.scrapMax) { return nil }
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        guard reserveHeaders(), let span = fields.pointee.dirty.find(granules),
            PageHeap.isScrap(span)
        else { return nil }
        noteAcquired()
        fields.pointee.spansAcquired.wrappingAdd(1, ordering: .relaxed)
        return cut(span, granules, 1)
    }

    /// Adds to the number of scraps, if a span that becomes free and dirty, or ceases to, is one.
    func countScrap(_ span: Span, _ change: UInt32) {
        if !PageHeap.isScrap(span) { return }
        let scraps = fields.pointee.scraps.load(ordering: .relaxed)
        fields.pointee.scraps.store(scraps &+ change, ordering: .relaxed)
    }
}
