// SPDX-License-Identifier: MIT
//
// The L2.5 Pool: blocks that have a span of the page heap for themselves.
//
// The span's first granule bears `span | wholeMark`, and its first unit's live bit while the block
// is out. Any thread may free it: it goes to the freeing thread's reuse cache, or to the page heap.

import CHakmemShim
import Synchronization

enum LargeBlock {
    private static let firstUnit: UInt64 = 1

    /// A block of at least `bytes` from the thread's reuse cache; 0 if none is there.
    ///
    /// No locked instruction here or in `keepFreed`: it would wait for the stores that the program
    /// has just made to its block.
    @inline(__always)
    static func reuse(_ bytes: UInt, cache: ThreadCache, site: UInt = 0) -> UInt {
        let granules = (bytes &+ (granuleBytes &- 1)) &>> granuleShift
        let header = cache.header
        let own = site == 0 ? nil : header.pointee.large.take(granules, of: site)
        guard let span = own ?? header.pointee.large.take(granules) else { return 0 }
        if site != 0 { SiteSamples.noteAllocation(span, site, bytes: bytes) }
        ThreadCache.count(header.pointee.largeServed)
        ThreadCache.count(header.pointee.largeHits)
        let start = span.start
        BlockMap.live(start).pointee.store(firstUnit, ordering: .relaxed)
        return start
    }

    /// A block of at least `bytes` that starts at a multiple of `alignment`; nil if out of memory.
    static func allocate(_ bytes: UInt, alignment: UInt, cache: ThreadCache) -> FreshBlock? {
        let site = cache.takeSite()
        if Sections.areMeasured { cache.tick() }
        if alignment <= granuleBytes {
            let block = Sections.measure(.largeGet) { reuse(bytes, cache: cache, site: site) }
            if block != 0 { return FreshBlock(address: block, isZero: false) }
        }
        if !Sections.areMeasured { cache.tick() }
        let granules = (bytes + granuleBytes - 1) >> granuleShift
        let alignmentGranules = max(alignment >> granuleShift, 1)
        guard let span = pageHeap.acquire(granules, alignment: alignmentGranules) else {
            return nil
        }
        ThreadCache.count(cache.header.pointee.largeServed)
        span.header.pointee.bytesOrOlder = span.bytes
        SiteSamples.noteAllocation(span, site, bytes: bytes)
        span.setState(.large)
        span.publishEdges()
        BlockMap.setOwner(span.start, span.address | Owner.wholeMark)
        BlockMap.live(span.start).pointee.store(firstUnit, ordering: .relaxed)
        return FreshBlock(address: span.start, isZero: !span.header.pointee.isDirty)
    }

    /// Frees a large block into the thread's reuse cache; false if it is no large block that is
    /// out, or not to be kept.
    @inline(__always)
    static func keepFreed(_ address: UInt, _ owner: UInt, cache: ThreadCache) -> Bool {
        let span = Span(at: owner & Owner.spanMask)
        let live = BlockMap.live(address)
        guard owner & Owner.wholeMark != 0, span.start == address, span.state == .large,
            live.pointee.load(ordering: .relaxed) != 0,
            cache.header.pointee.large.keep(span)
        else { return false }
        live.pointee.store(0, ordering: .relaxed)
        span.header.pointee.isDirty = true
        return true
    }

    /// Frees the block of a large span or whale; reports a misuse if it is not out.
    static func free(_ address: UInt, _ span: Span, cache: ThreadCache) {
        guard address == span.start else {
            Report.misuse(.notABlock, at: address)
            return
        }
        guard BlockMap.live(address).pointee.exchange(0, ordering: .relaxed) != 0 else {
            Report.misuse(.doubleFree(blockBytes: span.blockBytes), at: address)
            return
        }
        let route = SiteSamples.noteFree(span)
        if span.state == .whale {
            Sections.measure(.whalePut) { whaleCache.keepOrUnmap(span, route) }
        } else if route == .purgeAtOnce {
            releasePurged(span)
        } else if route == .direct {
            release(span)
        } else if !Sections.measure(.largePut, { cache.header.pointee.large.keep(span) }) {
            release(span)
        } else {
            span.header.pointee.isDirty = true
        }
    }

    /// Gives the memory of a span back to the system, then the span to the page heap.
    private static func releasePurged(_ span: Span) {
        BlockMap.setOwner(span.start, 0)
        let isPurged =
            process.pageBytes <= granuleBytes && SystemCall.purge(span.start, bytes: span.bytes)
        pageHeap.release(span, isDirty: !isPurged)
    }

    /// Gives the span of a block that is not out back to the page heap.
    static func release(_ span: Span) {
        BlockMap.setOwner(span.start, 0)
        pageHeap.release(span)
    }
}
