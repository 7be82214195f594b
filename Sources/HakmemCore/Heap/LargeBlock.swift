// SPDX-License-Identifier: MIT
//
// The L2.5 Pool: blocks that have a span of the page heap for themselves.
//
// The span's first granule bears `span | wholeMark`, and its block's live bit is on while that is
// out. Any thread may free it: it goes to the freeing thread's reuse cache, or to the page heap.
//
// Blocks start at different cache lines of their first pages, by their span's address. If all
// started at pages, like places of several blocks would meet in the same few sets of each cache
// (jemalloc's «cache-oblivious» large allocations do the same).

import CHakmemShim
import Synchronization

enum LargeBlock {
    /// Where blocks start: at one of 64 lines of a page; blocks of larger alignment at the page.
    private static let lineShift: UInt = 6
    private static let offsetMax: UInt = 63 << lineShift

    /// Granules that hold `bytes` wherever in its first page the block starts.
    @inline(__always)
    private static func granules(_ bytes: UInt, offsetMax: UInt = offsetMax) -> UInt {
        (bytes &+ (offsetMax &+ granuleBytes &- 1)) &>> granuleShift
    }

    /// Where the block of a span starts in its first page.
    private static func offset(_ start: UInt) -> UInt16 {
        let line = ((start >> granuleShift) &* 0x9E37_79B9_7F4A_7C15) >> 58
        return UInt16(line << lineShift)
    }

    /// Sets where a span's block starts, and so how long it is.
    private static func place(_ span: Span, at offset: UInt16) {
        span.header.pointee.blockOffset = offset
        span.header.pointee.bytesOrOlder = span.bytes - UInt(offset)
    }

    /// A large span has grown or shrunk, and its block with it.
    static func resized(_ span: Span) { place(span, at: span.header.pointee.blockOffset) }

    /// Granules of a span for its block to have `bytes`.
    static func granules(_ bytes: UInt, of span: Span) -> UInt {
        granules(bytes, offsetMax: UInt(span.header.pointee.blockOffset))
    }

    /// A block of at least `bytes` from the thread's reuse cache; 0 if none is there.
    ///
    /// No locked instruction here or in `keepFreed`: it would wait for the stores that the program
    /// has just made to its block.
    static func reuse(_ bytes: UInt, cache: ThreadCache, site: UInt = 0) -> UInt {
        let granules = granules(bytes)
        let header = cache.header
        let own = site == 0 ? nil : header.pointee.large.take(granules, of: site)
        guard let span = own ?? header.pointee.large.take(granules) else { return 0 }
        if site != 0 { SiteSamples.noteAllocation(span, site, bytes: bytes) }
        ThreadCache.count(header.pointee.largeServed)
        ThreadCache.count(header.pointee.largeHits)
        return handOut(span)
    }

    /// The same of the block that was kept last; 0 also if there is no cache.
    @inline(__always)
    static func reuseYoungest(_ bytes: UInt, cache: ThreadCache) -> UInt {
        let header = cache.header
        guard let span = header.pointee.large.takeYoungest(granules(bytes)) else { return 0 }
        ThreadCache.count(header.pointee.largeServed)
        ThreadCache.count(header.pointee.largeHits)
        return handOut(span)
    }

    /// Marks the block of a span as out.
    @inline(__always)
    private static func handOut(_ span: Span) -> UInt {
        let block = span.block
        BlockMap.live(block).pointee.store(BlockMap.bit(block), ordering: .relaxed)
        return block
    }

    /// A block of at least `bytes` that starts at a multiple of `alignment`; nil if out of memory.
    static func allocate(_ bytes: UInt, alignment: UInt, cache: ThreadCache) -> FreshBlock? {
        let site = cache.takeSite()
        if Sections.areMeasured { cache.tick() }
        let isPlain = alignment <= 1 << lineShift
        if isPlain {
            let block = Sections.measure(.largeGet) { reuse(bytes, cache: cache, site: site) }
            if block != 0 { return FreshBlock(address: block, isZero: false) }
        }
        let granules = granules(bytes, offsetMax: isPlain ? offsetMax : 0)
        if !isPlain, alignment <= granuleBytes,
            let span = cache.header.pointee.large.take(granules)
        {
            place(span, at: 0)
            SiteSamples.noteAllocation(span, site, bytes: bytes)
            ThreadCache.count(cache.header.pointee.largeServed)
            ThreadCache.count(cache.header.pointee.largeHits)
            return FreshBlock(address: handOut(span), isZero: false)
        }
        if !Sections.areMeasured { cache.tick() }
        let start = startGranules(granules)
        let spanGranules = alignUp(granules, to: start)
        let alignmentGranules = max(alignment >> granuleShift, 1)
        guard
            let span = acquire(
                spanGranules, alignment: alignmentGranules, start: start, cache: cache)
        else { return nil }
        span.setGrown(false)
        let offset = isPlain ? offset(span.start) : 0
        let block = publish(span, at: offset, bytes, site, cache: cache)
        if isPlain, !span.header.pointee.isDirty { writtenDensity.noteFresh(span, bytes: bytes) }
        return FreshBlock(address: block, isZero: !span.header.pointee.isDirty)
    }

    /// Granules that a span of so many starts at multiples of, and has a multiple of. Where
    /// programs write little of their blocks, they write the beginning: spans that start anywhere
    /// would come to touch all pages.
    private static func startGranules(_ granules: UInt) -> UInt {
        granules >= sparseMin && writtenDensity.isSparse(granules: granules) ? sparseStart : 1
    }

    /// Granules of the least such span, and where they start.
    private static let sparseMin: UInt = 8
    static let sparseStart: UInt = 4

    /// A span from the page heap. Before it takes memory that was never touched, what the thread
    /// keeps goes back, where it may join with other free spans: pages that are touched first cost
    /// more than what is kept saves, for a site that is kept hot too.
    ///
    /// It starts at a multiple of `alignment`, which is asked for, and at best of `start`.
    private static func acquire(
        _ granules: UInt, alignment: UInt, start: UInt, cache: ThreadCache
    ) -> Span? {
        let multiple = max(alignment, start)
        if let span = pageHeap.acquireDirty(granules, alignment: multiple) { return span }
        if cache.header.pointee.large.bytes > 0 { cache.header.pointee.large.releaseAll() }
        if alignment == 1, writtenDensity.isDense(granules: granules) {
            return pageHeap.acquireDense(granules)
        }
        return pageHeap.acquire(granules, alignment: multiple)
    }

    /// A block of at least `bytes` in memory that is there already, with room behind it; nil if
    /// there is no such place.
    static func allocateToGrow(_ bytes: UInt, orLess: Bool, cache: ThreadCache) -> UInt? {
        guard let span = pageHeap.acquireToGrow(granules(bytes), orLess: orLess) else { return nil }
        span.setGrown(false)
        return publish(span, at: offset(span.start), bytes, cache.takeSite(), cache: cache)
    }

    /// A block of `bytes` that is to be filled by and by; nil when out of memory.
    static func allocateToFill(_ bytes: UInt, cache: ThreadCache) -> UInt? {
        guard let span = acquire(granules(bytes), alignment: 1, start: 1, cache: cache) else {
            return nil
        }
        span.setGrown(false)
        return publish(span, at: offset(span.start), bytes, cache.takeSite(), cache: cache)
    }

    /// Makes the block of a fresh span the program's.
    private static func publish(
        _ span: Span, at offset: UInt16, _ bytes: UInt, _ site: UInt, cache: ThreadCache
    ) -> UInt {
        ThreadCache.count(cache.header.pointee.largeServed)
        SiteSamples.noteAllocation(span, site, bytes: bytes)
        place(span, at: offset)
        span.noteAsked(bytes)
        span.setState(.large)
        span.publishEdges()
        BlockMap.setOwner(span.start, span.address | Owner.wholeMark)
        return handOut(span)
    }

    /// Frees a large block into the thread's reuse cache, where others make room for it or not;
    /// false if it is no large block that is out, or not to be kept.
    @inline(__always)
    static func keepFreed(_ address: UInt, cache: ThreadCache, makesRoom: Bool) -> Bool {
        let owner = BlockMap.owner(address)
        let span = Span(at: owner & Owner.spanMask)
        let live = BlockMap.live(address)
        guard owner & Owner.wholeMark != 0, span.block == address, span.state == .large,
            live.pointee.load(ordering: .relaxed) != 0, !span.isResized,
            makesRoom
                ? cache.header.pointee.large.keep(span)
                : cache.header.pointee.large.keepInRoom(span)
        else { return false }
        live.pointee.store(0, ordering: .relaxed)
        span.header.pointee.isDirty = true
        return true
    }

    /// Frees the block of a large span or whale; reports a misuse if it is not out.
    static func free(_ address: UInt, _ span: Span, cache: ThreadCache) {
        guard address == span.block else {
            Report.misuse(.notABlock, at: address)
            return
        }
        guard BlockMap.live(address).pointee.exchange(0, ordering: .relaxed) != 0 else {
            Report.misuse(.doubleFree(blockBytes: span.blockBytes), at: address)
            return
        }
        let route = SiteSamples.noteFree(span)
        let isGrown = span.state == .large && span.isGrown
        if span.state == .large { growthRecords.noteFreed(span) }
        if span.state == .whale {
            Sections.measure(.whalePut) { whaleCache.keepOrUnmap(span, route) }
        } else if route == .purgeAtOnce {
            BlockMap.setOwner(span.start, 0)
            pageHeap.releasePurging(span)
        } else if route == .direct || isGrown && !route.isHot {
            release(span)
        } else if !Sections.measure(.largePut, { cache.header.pointee.large.keep(span) }) {
            release(span)
        } else {
            span.header.pointee.isDirty = true
        }
    }

    /// Gives the span of a block that is not out back to the page heap.
    static func release(_ span: Span) {
        BlockMap.setOwner(span.start, 0)
        pageHeap.release(span)
    }
}
