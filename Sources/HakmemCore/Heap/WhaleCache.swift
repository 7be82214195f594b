// SPDX-License-Identifier: MIT
//
// Whales: blocks above largeMax, each with a mapping of its own, and the cache of freed ones.
//
// A freed whale stays mapped for a while, for a request that fills most of it. The cache is bounded
// in bytes (HAKMEM_WHALE_CACHE_MB) and aged by every thread's tick and by each whale's free; what
// leaves it is unmapped. A cached whale keeps its owner word but is not live.
//
// Owner of a whale: the program; then whoever frees it; in the cache, the cache's lock. Mapping and
// unmapping happen outside the lock.

import CHakmemShim
import Synchronization

extension Span {
    /// Bytes of a whale's mapping.
    var mappedBytes: UInt {
        get { header.pointee.owner }
        nonmutating set { header.pointee.owner = newValue }
    }
}

struct WhaleCache: ~Copyable {
    private let lock: Lock
    /// Oldest first. Guarded by: lock.
    private var spans: SpanList
    /// Guarded by: lock.
    private var bytes: UInt
    /// Bytes of all mappings of whales, cached or out.
    let mappedBytes: Atomic<UInt>
    let cachedBytes: Atomic<UInt>
    let served: Atomic<UInt>
    /// Whales that the program holds.
    let live: Atomic<UInt>
    let hits: Atomic<UInt>

    // MARK: Allocate

    /// A block of at least `bytes` at a multiple of `alignment`; nil when the kernel refuses.
    ///
    /// `room` is how much address space to map at least, for growth in place.
    mutating func allocate(_ bytes: UInt, alignment: UInt, room: UInt = 0) -> FreshBlock? {
        let pageBytes = process.pageBytes
        guard bytes <= requestMax - pageBytes - alignment else { return nil }
        let needed = alignUp(max(bytes, room), to: pageBytes)
        let least = alignUp(bytes, to: pageBytes)
        let isPlain = alignment <= pageBytes
        if isPlain, let span = takeCached(needed) {
            hits.wrappingAdd(1, ordering: .relaxed)
            return publish(span, isZero: false)
        }
        return map(needed, alignment) ?? (needed > least ? map(least, alignment) : nil)
    }

    private mutating func map(_ bytes: UInt, _ alignment: UInt) -> FreshBlock? {
        let pageBytes = process.pageBytes
        let slack = alignment <= pageBytes ? 0 : alignment
        guard let mapped = SystemCall.map(bytes: bytes + slack) else { return nil }
        let start = alignUp(mapped, to: max(alignment, pageBytes))
        if start > mapped { SystemCall.unmap(mapped, bytes: start - mapped) }
        let end = mapped + bytes + slack
        if end > start + bytes { SystemCall.unmap(start + bytes, bytes: end - start - bytes) }
        guard BlockMap.commit(start, bytes: 1), isVacant(start),
            BlockMap.line(start).pointee.owner.load(ordering: .relaxed) == 0,
            let span = pageHeap.pointee.makeHeader()
        else {
            SystemCall.unmap(start, bytes: bytes)
            return nil
        }
        if process.options.usesHugePages { SystemCall.preferHugePages(start, bytes: bytes) }
        span.header.pointee.start = start
        span.header.pointee.granules = UInt32(
            truncatingIfNeeded: min(
                (bytes + granuleBytes - 1) >> granuleShift, UInt(UInt32.max)))
        span.mappedBytes = bytes
        span.header.pointee.state = SpanState.whale.rawValue
        BlockMap.setSpan(start, span)
        mappedBytes.wrappingAdd(bytes, ordering: .relaxed)
        return publish(span, isZero: true)
    }

    /// Whether no part of the heap has the map's entries for `address`.
    private func isVacant(_ address: UInt) -> Bool {
        guard let span = BlockMap.span(address) else { return true }
        return span.state == .unmapped
    }

    private mutating func publish(_ span: Span, isZero: Bool) -> FreshBlock {
        span.header.pointee.bytesOrOlder = span.mappedBytes
        let line = BlockMap.line(span.start)
        line.pointee.owner.store(span.address | Owner.wholeMark, ordering: .relaxed)
        line.pointee.live.store(1, ordering: .relaxed)
        served.wrappingAdd(1, ordering: .relaxed)
        live.wrappingAdd(1, ordering: .relaxed)
        return FreshBlock(address: span.start, isZero: isZero)
    }

    /// The youngest cached whale of at least `bytes` that they fill by four fifths.
    private mutating func takeCached(_ needed: UInt) -> Span? {
        if cachedBytes.load(ordering: .relaxed) == 0 { return nil }
        lock.acquire()
        defer { lock.release() }
        var next = spans.lastSpan
        while let span = next {
            if span.mappedBytes >= needed, span.mappedBytes - needed <= needed >> 2 {
                remove(span)
                return span
            }
            next = Span(atOrNil: span.header.pointee.previous)
        }
        return nil
    }

    private mutating func remove(_ span: Span) {
        spans.remove(span)
        bytes -= span.mappedBytes
        cachedBytes.store(bytes, ordering: .relaxed)
    }

    // MARK: Free

    /// Takes a whale that is no longer live.
    mutating func keepOrUnmap(_ span: Span) {
        live.wrappingSubtract(1, ordering: .relaxed)
        let limit = process.options.whaleCacheBytesMax
        let now = Clock.nowMs()
        if span.mappedBytes > limit {
            WhaleCache.unmap(span)
        } else {
            lock.acquire()
            span.header.pointee.virginFromOrStamp = now
            spans.pushLast(span)
            bytes += span.mappedBytes
            cachedBytes.store(bytes, ordering: .relaxed)
            lock.release()
        }
        release(now: now, all: false)
    }

    @inline(__always)
    mutating func releaseAged(_ now: UInt32) {
        if cachedBytes.load(ordering: .relaxed) != 0 { release(now: now, all: false) }
    }

    mutating func releaseAll() { release(now: 0, all: true) }

    private mutating func release(now: UInt32, all: Bool) {
        let limit = process.options.whaleCacheBytesMax
        let delay = UInt32(process.options.purgeDelayMs)
        while true {
            lock.acquire()
            guard let oldest = spans.firstSpan,
                all || bytes > limit || now &- oldest.header.pointee.virginFromOrStamp >= delay
            else {
                lock.release()
                return
            }
            remove(oldest)
            lock.release()
            WhaleCache.unmap(oldest)
        }
    }

    /// Unmaps a whale. Its map entries go first: once unmapped, the addresses may be anybody's.
    private static func unmap(_ span: Span) {
        let start = span.start
        let bytes = span.mappedBytes
        BlockMap.line(start).pointee.owner.store(0, ordering: .relaxed)
        BlockMap.clearSpan(start)
        whaleCache.pointee.mappedBytes.wrappingSubtract(bytes, ordering: .relaxed)
        if !SystemCall.unmap(start, bytes: bytes) { _ = SystemCall.purge(start, bytes: bytes) }
        pageHeap.pointee.discardHeader(span)
    }

    // MARK: Resize

    /// Grows or shrinks a whale where it lies; false if it cannot.
    mutating func resizeInPlace(_ span: Span, to bytes: UInt) -> Bool {
        let mapped = span.mappedBytes
        if bytes <= mapped { return true }
        let wanted = alignUp(bytes, to: process.pageBytes)
        guard SystemCall.resizeInPlace(span.start, bytes: mapped, to: wanted) else { return false }
        setMapped(span, wanted)
        return true
    }

    /// Cuts a whale down to `bytes`.
    mutating func shrink(_ span: Span, to bytes: UInt) {
        let wanted = alignUp(bytes, to: process.pageBytes)
        let mapped = span.mappedBytes
        guard wanted < mapped, SystemCall.unmap(span.start + wanted, bytes: mapped - wanted) else {
            return
        }
        setMapped(span, wanted)
    }

    private mutating func setMapped(_ span: Span, _ bytes: UInt) {
        mappedBytes.wrappingAdd(bytes &- span.mappedBytes, ordering: .relaxed)
        span.mappedBytes = bytes
        span.header.pointee.bytesOrOlder = bytes
    }

    /// Moves a whale's pages onto a larger mapping, and frees the old one; nil if that fails.
    mutating func grow(_ span: Span, to bytes: UInt) -> FreshBlock? {
        let room = bytes > requestMax / 4 ? bytes : bytes + bytes / 2
        guard let target = allocate(bytes, alignment: 1, room: room) else { return nil }
        let targetSpan = BlockMap.span(target.address).unsafelyUnwrapped
        let start = span.start
        let mapped = span.mappedBytes
        let line = BlockMap.line(start)
        line.pointee.live.store(0, ordering: .relaxed)
        line.pointee.owner.store(0, ordering: .relaxed)
        BlockMap.clearSpan(start)
        // The kernel moves page tables; the rest of the target keeps its own, fresh pages.
        if SystemCall.move(start, bytes: mapped, onto: target.address, bytes: mapped) {
            mappedBytes.wrappingSubtract(mapped, ordering: .relaxed)
            live.wrappingSubtract(1, ordering: .relaxed)
            pageHeap.pointee.discardHeader(span)
            return FreshBlock(address: targetSpan.start, isZero: false)
        }
        BlockMap.setSpan(start, span)
        line.pointee.owner.store(span.address | Owner.wholeMark, ordering: .relaxed)
        line.pointee.live.store(1, ordering: .relaxed)
        BlockMap.line(target.address).pointee.live.store(0, ordering: .relaxed)
        keepOrUnmap(targetSpan)
        return nil
    }

    borrowing func acquireLock() { lock.acquire() }
    borrowing func releaseLock() { lock.release() }
    borrowing func resetAfterFork() { lock.resetAfterFork() }
}
