// SPDX-License-Identifier: MIT
//
// The L2.5 Pool: blocks that have a span of the page heap for themselves.
//
// The span's first line bears `span | wholeMark`, and its first unit's live bit while the block is
// out. Any thread may free it: it goes to the freeing thread's reuse cache, or to the page heap.

import CHakmemShim
import Synchronization

enum LargeBlock {
    private static let firstUnit: UInt64 = 1

    /// A block of at least `bytes` that starts at a multiple of `alignment`; nil if out of memory.
    static func allocate(_ bytes: UInt, alignment: UInt, cache: ThreadCache) -> FreshBlock? {
        let granules = (bytes + granuleBytes - 1) >> granuleShift
        let header = cache.header
        if alignment <= granuleBytes, let span = header.pointee.large.take(granules) {
            ThreadCache.count(header.pointee.largeServed)
            ThreadCache.count(header.pointee.largeHits)
            setLive(span)
            return FreshBlock(address: span.start, isZero: false)
        }
        cache.tick()
        let alignmentGranules = max(alignment >> granuleShift, 1)
        guard let span = pageHeap.pointee.acquire(granules, alignment: alignmentGranules) else {
            return nil
        }
        ThreadCache.count(header.pointee.largeServed)
        span.header.pointee.bytesOrOlder = span.bytes
        span.header.pointee.state = SpanState.large.rawValue
        span.publishEdges()
        BlockMap.line(span.start).pointee.owner.store(
            span.address | Owner.wholeMark, ordering: .relaxed)
        setLive(span)
        return FreshBlock(address: span.start, isZero: !span.header.pointee.isDirty)
    }

    private static func setLive(_ span: Span) {
        BlockMap.line(span.start).pointee.live.store(firstUnit, ordering: .relaxed)
    }

    /// Frees the block of a large span or whale; reports a misuse if it is not out.
    static func free(_ address: UInt, _ span: Span, cache: ThreadCache) {
        guard address == span.start else {
            Report.misuse(.notABlock, at: address)
            return
        }
        let line = BlockMap.line(address)
        guard line.pointee.live.exchange(0, ordering: .relaxed) != 0 else {
            Report.misuse(.doubleFree(blockBytes: span.blockBytes), at: address)
            return
        }
        if span.state == .whale {
            whaleCache.pointee.keepOrUnmap(span)
        } else {
            span.header.pointee.isDirty = true
            if !cache.header.pointee.large.keep(span) { release(span) }
        }
    }

    /// Gives the span of a block that is not out back to the page heap.
    static func release(_ span: Span) {
        BlockMap.line(span.start).pointee.owner.store(0, ordering: .relaxed)
        pageHeap.pointee.release(span)
    }
}
