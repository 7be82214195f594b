// SPDX-License-Identifier: MIT
//
// Whether a program writes the blocks above a page in all their pages: then untouched memory for
// the next ones comes as huge pages (PageHeap+Lots), each of which costs a fraction of 512 page
// faults, and where all is written no more memory.
//
// The newest span that was untouched memory is remembered, of large blocks and of the slabs of each
// medium class. When the next one is asked for, four pages of it are looked at: its last whole one,
// and those at its quarters. If something is written in all of them it was dense. Each doubling of
// sizes of large blocks has a score, and each medium class: a dense span adds one, a sparse one
// takes two. A doubling of which nothing is known is dense, too, if the others together are and no
// large block was ever sparse; but only blocks that are at most what is in use, so that the first
// sparse one costs no more than that.
//
// That is memory of the program, which may be gone by now, or forbidden to read. Each page is first
// asked for by MADV_POPULATE_READ, which fails where a read would trap; and it is read under the
// page heap's lock, under which no span of it is unmapped. Programs that write zeros, and kernels
// before 5.14, look sparse, and have no huge pages for such blocks.
//
// All words are advice, read and written relaxed by any thread.

import CHakmemShim
import Synchronization

/// A span that was untouched memory when it was taken.
struct FreshRecord: ~Copyable {
    /// Its header, or 0; where its first block starts, the bytes of its blocks, as asked for where
    /// it has one; and whose score it counts for.
    let span: Atomic<UInt>
    let block: Atomic<UInt>
    let bytes: Atomic<UInt>
    let score: Atomic<Int>
}

/// Zeroed memory knows of no span.
struct WrittenDensityFields: ~Copyable {
    /// Of large blocks, and of each medium class.
    let newest: InlineArray<13, FreshRecord>
    /// Of each doubling of granules up to largeMax, of whales, and of each medium class.
    let scores: InlineArray<26, Atomic<Int>>
    /// Large blocks that were dense, up to othersMin; -1 once one was sparse.
    let denseOnly: Atomic<Int>
    /// Spans that came by while there was no doubt.
    let unseen: Atomic<UInt>
}

struct WrittenDensity {
    let fields: UnsafeMutablePointer<WrittenDensityFields>

    private static let whales = 13
    private static let firstMedium = 14
    private static let denseMin = 2
    private static let scoreMax = 4
    /// Dense blocks of other sizes that are enough for one of which nothing is known.
    private static let othersMin = 3
    /// Where there is no doubt, one span in so many is looked at.
    private static let looksRarely: UInt = 8

    static func assertLayout() {
        layoutAssert(SizeClass.mediumCount == 12)
        layoutAssert(largeMax >> granuleShift < 1 << UInt(whales))
    }

    private static func score(granules: UInt) -> Int {
        min(UInt.bitWidth - 1 - granules.leadingZeroBitCount, whales - 1)
    }

    private static func score(_ medium: SizeClass) -> Int {
        firstMedium + medium.index - SizeClass.smallCount - 1
    }

    /// Whether a large block of so many granules will likely be written in all its pages.
    func isDense(granules: UInt) -> Bool {
        look(0)
        let own = load(WrittenDensity.score(granules: granules))
        if own < 0 || own >= WrittenDensity.denseMin { return own > 0 }
        let others = fields.pointee.denseOnly.load(ordering: .relaxed)
        if others < WrittenDensity.othersMin { return false }
        pageHeap.acquireLock()
        let used = pageHeap.usedBytes
        pageHeap.releaseLock()
        return granules << granuleShift <= used
    }

    /// Whether large blocks of that size were mostly not written in all their pages, or, where
    /// nothing is known of them, one of another size was not.
    func isSparse(granules: UInt) -> Bool {
        let own = load(WrittenDensity.score(granules: granules))
        return own < 0 || own == 0 && fields.pointee.denseOnly.load(ordering: .relaxed) < 0
    }

    /// The same of a whale.
    var hasDenseWhales: Bool { load(WrittenDensity.whales) >= WrittenDensity.denseMin }

    /// The same of the blocks of a medium class.
    func isDense(_ medium: SizeClass) -> Bool {
        let score = WrittenDensity.score(medium)
        look(score - WrittenDensity.firstMedium + 1)
        return load(score) >= WrittenDensity.denseMin
    }

    private func load(_ score: Int) -> Int {
        fields.pointee.scores[score].load(ordering: .relaxed)
    }

    /// A large block of `bytes`, as asked for, has untouched memory.
    func noteFresh(_ large: Span, bytes: UInt) {
        let granules = UInt(large.header.pointee.granules)
        note(large, bytes, WrittenDensity.score(granules: granules), newest: 0)
    }

    /// A large block has room that the program has not asked for, and does not write yet.
    func noteAsked(_ large: Span, bytes: UInt) {
        if fields.pointee.newest[0].span.load(ordering: .relaxed) == large.address {
            fields.pointee.newest[0].bytes.store(bytes, ordering: .relaxed)
        }
    }

    /// A slab of a medium class has.
    func noteFresh(_ slab: Span) {
        let score = WrittenDensity.score(slab.sizeClass)
        let bytes = UInt(slab.blocks) * slab.sizeClass.blockBytes
        note(slab, bytes, score, newest: score - WrittenDensity.firstMedium + 1)
    }

    private func note(_ span: Span, _ bytes: UInt, _ score: Int, newest index: Int) {
        fields.pointee.newest[index].score.store(score, ordering: .relaxed)
        fields.pointee.newest[index].bytes.store(bytes, ordering: .relaxed)
        fields.pointee.newest[index].block.store(span.block, ordering: .relaxed)
        fields.pointee.newest[index].span.store(span.address, ordering: .relaxed)
    }

    /// A whale is about to be kept or unmapped, by whoever freed it.
    func noteFreed(whale: Span) {
        let (block, bytes) = (whale.block, whale.blockBytes)
        guard isWorthALook(WrittenDensity.whales), WrittenDensity.isReadable(block, bytes) else {
            return
        }
        add(WrittenDensity.isWritten(block, bytes), WrittenDensity.whales)
    }

    private func look(_ index: Int) {
        let address = fields.pointee.newest[index].span.exchange(0, ordering: .relaxed)
        guard let span = Span(atOrNil: address) else { return }
        let score = fields.pointee.newest[index].score.load(ordering: .relaxed)
        if !isWorthALook(score) { return }
        let block = fields.pointee.newest[index].block.load(ordering: .relaxed)
        let bytes = fields.pointee.newest[index].bytes.load(ordering: .relaxed)
        guard WrittenDensity.isReadable(block, bytes) else { return }
        pageHeap.acquireLock()
        let isThere =
            (index == 0 ? span.state == .large : span.state == .slab)
            && span.block == block && block + bytes <= span.end
            && BlockMap.owner(block) != 0
        let isWritten = isThere && WrittenDensity.isWritten(block, bytes)
        pageHeap.releaseLock()
        if isThere { add(isWritten, score) }
    }

    /// Whether there is a doubt, or it is time to look all the same.
    private func isWorthALook(_ score: Int) -> Bool {
        if abs(load(score)) < WrittenDensity.scoreMax { return true }
        let unseen = fields.pointee.unseen.wrappingAdd(1, ordering: .relaxed).newValue
        return unseen % WrittenDensity.looksRarely == 0
    }

    func add(_ isWritten: Bool, _ score: Int) {
        let before = load(score)
        let next = isWritten ? before + 1 : before - 2
        let after = min(max(next, -WrittenDensity.scoreMax), WrittenDensity.scoreMax)
        fields.pointee.scores[score].store(after, ordering: .relaxed)
        if score < WrittenDensity.whales {
            let others = fields.pointee.denseOnly.load(ordering: .relaxed)
            let counted = isWritten && others >= 0 ? min(others + 1, WrittenDensity.othersMin) : -1
            fields.pointee.denseOnly.store(counted, ordering: .relaxed)
        }
    }

    // MARK: Pages

    private static let pageBytes: UInt = 4096
    private static let quarters: UInt = 4

    /// Where the quarters begin, after the first, and a page before the end: what the last page
    /// has of the blocks may be little.
    private static func place(_ quarter: UInt, _ block: UInt, _ bytes: UInt) -> UInt {
        quarter == quarters ? block + bytes - pageBytes : block + bytes / quarters * quarter
    }

    /// Whether the pages that are looked at may be read.
    private static func isReadable(_ block: UInt, _ bytes: UInt) -> Bool {
        for quarter in (1...quarters).reversed() {
            let page = place(quarter, block, bytes) & ~(process.pageBytes - 1)
            if !SystemCall.populateForReading(page, bytes: process.pageBytes) { return false }
        }
        return true
    }

    /// Whether there is anything but zeros in each of them.
    private static func isWritten(_ block: UInt, _ bytes: UInt) -> Bool {
        for quarter in (1...quarters).reversed() {
            let page = place(quarter, block, bytes) & ~(pageBytes - 1)
            let start = alignUp(max(page, block), to: lookBytes)
            let end = min(page + pageBytes, block + bytes)
            if !hasNonzero(start, end) { return false }
        }
        return true
    }

    /// What is read at a time.
    private static let lookBytes: UInt = 64

    private static func hasNonzero(_ start: UInt, _ end: UInt) -> Bool {
        var address = start
        while address + lookBytes <= end {
            let low = hak_peek(address) | hak_peek(address + 8) | hak_peek(address + 16)
            let middle = hak_peek(address + 24) | hak_peek(address + 32) | hak_peek(address + 40)
            let high = hak_peek(address + 48) | hak_peek(address + 56)
            if low | middle | high != 0 { return true }
            address += lookBytes
        }
        return false
    }
}
