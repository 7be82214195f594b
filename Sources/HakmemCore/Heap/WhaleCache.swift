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

/// What the whale cache is made of. Zeroed memory is its valid initial state.
/// The lock is not the first field: tools take an access to the first for one to the whole.
struct WhaleCacheFields: ~Copyable {
    /// Oldest first. Guarded by: lock.
    var cachedSpans: SpanList
    let lock: Lock
    /// Bytes of all mappings of whales, cached or out.
    let mappedBytes: Atomic<UInt>
    /// Written under the lock.
    let cachedBytes: Atomic<UInt>
    let served: Atomic<UInt>
    /// Whales that the program holds.
    let liveCount: Atomic<UInt>
    let hits: Atomic<UInt>
}

struct WhaleCache {
    /// Shared by all threads: no access to it as a whole, which would have to be exclusive.
    let fields: UnsafeMutablePointer<WhaleCacheFields>

    // MARK: Allocate

    /// A block of at least `bytes` at a multiple of `alignment`; nil when the kernel refuses.
    ///
    /// `room` is how much address space to map at least, for growth in place.
    func allocate(_ bytes: UInt, alignment: UInt, room: UInt = 0, site: UInt = 0) -> FreshBlock? {
        let pageBytes = process.pageBytes
        guard bytes <= requestMax - pageBytes - alignment else { return nil }
        // At least a granule: then no two whales start in the same one, which has one map entry.
        let least = alignUp(max(bytes, granuleBytes), to: pageBytes)
        let needed = alignUp(max(least, room), to: pageBytes)
        let isPlain = alignment <= pageBytes
        if isPlain, let span = takeCached(needed, site) {
            fields.pointee.hits.wrappingAdd(1, ordering: .relaxed)
            return publish(span, site, bytes, isZero: false)
        }
        let span = map(needed, alignment) ?? (needed > least ? map(least, alignment) : nil)
        return span.map { publish($0, site, bytes, isZero: true) }
    }

    private func map(_ bytes: UInt, _ alignment: UInt) -> Span? {
        let pageBytes = process.pageBytes
        let slack = alignment <= pageBytes ? 0 : alignment
        guard let mapped = SystemCall.map(bytes: bytes + slack) else { return nil }
        let start = alignUp(mapped, to: max(alignment, pageBytes))
        if start > mapped { SystemCall.unmap(mapped, bytes: start - mapped) }
        let end = mapped + bytes + slack
        if end > start + bytes { SystemCall.unmap(start + bytes, bytes: end - start - bytes) }
        guard BlockMap.commit(start, bytes: 1), isVacant(start),
            BlockMap.owner(start) == 0, let span = pageHeap.makeHeader()
        else {
            SystemCall.unmap(start, bytes: bytes)
            return nil
        }
        if policy.pointee.usesHugePages { SystemCall.preferHugePages(start, bytes: bytes) }
        span.header.pointee.start = start
        span.header.pointee.granules = UInt32(
            truncatingIfNeeded: min(
                (bytes + granuleBytes - 1) >> granuleShift, UInt(UInt32.max)))
        span.mappedBytes = bytes
        span.header.pointee.blockOffset = 0
        span.setState(.whale)
        BlockMap.setSpan(start, span)
        fields.pointee.mappedBytes.wrappingAdd(bytes, ordering: .relaxed)
        return span
    }

    /// Whether no part of the heap has the map's entries for `address`.
    private func isVacant(_ address: UInt) -> Bool {
        guard let span = BlockMap.span(address) else { return true }
        return span.state == .unmapped
    }

    private func publish(_ span: Span, _ site: UInt, _ bytes: UInt, isZero: Bool) -> FreshBlock {
        SiteSamples.noteAllocation(span, site, bytes: bytes)
        span.header.pointee.bytesOrOlder = span.mappedBytes
        BlockMap.setOwner(span.start, span.address | Owner.wholeMark)
        BlockMap.live(span.start).pointee.store(BlockMap.bit(span.start), ordering: .relaxed)
        fields.pointee.served.wrappingAdd(1, ordering: .relaxed)
        fields.pointee.liveCount.wrappingAdd(1, ordering: .relaxed)
        return FreshBlock(address: span.start, isZero: isZero)
    }

    /// The youngest cached whale that `needed` bytes fill by four fifths; one that `site` has
    /// freed, if it has slots of its own and there is one.
    private func takeCached(_ needed: UInt, _ site: UInt) -> Span? {
        if fields.pointee.cachedBytes.load(ordering: .relaxed) == 0 { return nil }
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        let hasSlots =
            policy.pointee.bigCacheSlots > 0 && SiteSamples.rule(of: site).route == .bigCache
        guard let span = (hasSlots ? find(needed, of: site) : nil) ?? find(needed, of: 0) else {
            return nil
        }
        if hasSlots, span.site == site { SiteSamples.countHit() }
        remove(span)
        return span
    }

    /// The youngest cached whale that fits, of `site` or, for 0, of any. Under the lock.
    private func find(_ needed: UInt, of site: UInt) -> Span? {
        var next = fields.pointee.cachedSpans.lastSpan
        while let span = next {
            if span.mappedBytes >= needed, span.mappedBytes - needed <= needed >> 2,
                site == 0 || span.site == site
            {
                return span
            }
            next = Span(atOrNil: span.header.pointee.previous)
        }
        return nil
    }

    private func remove(_ span: Span) {
        fields.pointee.cachedSpans.remove(span)
        fields.pointee.cachedBytes.wrappingSubtract(span.mappedBytes, ordering: .relaxed)
    }

    // MARK: Free

    /// Takes a whale that is no longer live.
    func keepOrUnmap(_ span: Span, _ route: SiteRoute = .pool) {
        fields.pointee.liveCount.wrappingSubtract(1, ordering: .relaxed)
        let limit = policy.pointee.whaleCacheBytesMax
        let now = Clock.nowMs()
        if span.mappedBytes > limit || route == .direct || route == .purgeAtOnce {
            WhaleCache.unmap(span)
        } else {
            fields.pointee.lock.acquire()
            span.header.pointee.virginFromOrStamp = now
            fields.pointee.cachedSpans.pushLast(span)
            fields.pointee.cachedBytes.wrappingAdd(span.mappedBytes, ordering: .relaxed)
            fields.pointee.lock.release()
        }
        release(now: now, all: false)
    }

    @inline(__always)
    func releaseAged(_ now: UInt32) {
        if fields.pointee.cachedBytes.load(ordering: .relaxed) != 0 {
            release(now: now, all: false)
        }
    }

    func releaseAll() { release(now: 0, all: true) }

    private func release(now: UInt32, all: Bool) {
        let limit = policy.pointee.whaleCacheBytesMax
        let delay = UInt32(policy.pointee.purgeDelayMs)
        while true {
            fields.pointee.lock.acquire()
            guard let oldest = fields.pointee.cachedSpans.firstSpan,
                all || fields.pointee.cachedBytes.load(ordering: .relaxed) > limit
                    || now &- oldest.header.pointee.virginFromOrStamp >= delay
            else {
                fields.pointee.lock.release()
                return
            }
            remove(oldest)
            fields.pointee.lock.release()
            WhaleCache.unmap(oldest)
        }
    }

    /// Unmaps a whale. Its map entries go first: once unmapped, the addresses may be anybody's.
    private static func unmap(_ span: Span) {
        let start = span.start
        let bytes = span.mappedBytes
        BlockMap.setOwner(start, 0)
        BlockMap.clearSpan(start)
        whaleCache.fields.pointee.mappedBytes.wrappingSubtract(bytes, ordering: .relaxed)
        if !SystemCall.unmap(start, bytes: bytes) { _ = SystemCall.purge(start, bytes: bytes) }
        pageHeap.discardHeader(span)
    }

    // MARK: Resize

    /// Grows or shrinks a whale where it lies; false if it cannot.
    func resizeInPlace(_ span: Span, to bytes: UInt) -> Bool {
        let mapped = span.mappedBytes
        if bytes <= mapped { return true }
        let wanted = alignUp(bytes, to: process.pageBytes)
        guard SystemCall.resizeInPlace(span.start, bytes: mapped, to: wanted) else { return false }
        setMapped(span, wanted)
        return true
    }

    /// Cuts a whale down to `bytes`.
    func shrink(_ span: Span, to bytes: UInt) {
        let wanted = alignUp(bytes, to: process.pageBytes)
        let mapped = span.mappedBytes
        guard wanted < mapped, SystemCall.unmap(span.start + wanted, bytes: mapped - wanted) else {
            return
        }
        setMapped(span, wanted)
    }

    private func setMapped(_ span: Span, _ bytes: UInt) {
        fields.pointee.mappedBytes.wrappingAdd(bytes &- span.mappedBytes, ordering: .relaxed)
        span.mappedBytes = bytes
        span.header.pointee.bytesOrOlder = bytes
    }

    /// Moves a whale's pages onto a larger mapping, and frees the old one; nil if that fails.
    func grow(_ span: Span, to bytes: UInt, roomPercent: UInt) -> FreshBlock? {
        let room = bytes > requestMax / 4 ? bytes : bytes + bytes / 100 * roomPercent
        guard let target = allocate(bytes, alignment: 1, room: room, site: span.site) else {
            return nil
        }
        let targetSpan = BlockMap.span(target.address).unsafelyUnwrapped
        let start = span.start
        let mapped = span.mappedBytes
        BlockMap.live(start).pointee.store(0, ordering: .relaxed)
        BlockMap.setOwner(start, 0)
        BlockMap.clearSpan(start)
        // The kernel moves page tables; the rest of the target keeps its own, fresh pages.
        if SystemCall.move(start, bytes: mapped, onto: target.address, bytes: mapped) {
            fields.pointee.mappedBytes.wrappingSubtract(mapped, ordering: .relaxed)
            fields.pointee.liveCount.wrappingSubtract(1, ordering: .relaxed)
            pageHeap.discardHeader(span)
            return FreshBlock(address: targetSpan.start, isZero: false)
        }
        BlockMap.setSpan(start, span)
        BlockMap.setOwner(start, span.address | Owner.wholeMark)
        BlockMap.live(start).pointee.store(BlockMap.bit(start), ordering: .relaxed)
        BlockMap.live(target.address).pointee.store(0, ordering: .relaxed)
        keepOrUnmap(targetSpan)
        return nil
    }

    func acquireLock() { fields.pointee.lock.acquire() }
    func releaseLock() { fields.pointee.lock.release() }
    func resetAfterFork() { fields.pointee.lock.resetAfterFork() }
}
