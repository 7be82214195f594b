// SPDX-License-Identifier: MIT
//
// Whales: blocks above largeMax, each with a mapping of its own, and the cache of freed ones.
//
// A freed whale stays mapped for a while, for a request that fills most of it. The cache is bounded
// in bytes (HAKMEM_WHALE_CACHE_MB, and what was unmapped for want of room and asked for again soon
// after, up to HAKMEM_RETAIN_MB) and aged by every thread's tick and by each whale's free; what
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
    /// What the cache has learnt about its bound. Guarded by: lock.
    var regret: PurgeRegret
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
    func allocate(_ bytes: UInt, alignment: UInt, site: UInt = 0) -> FreshBlock? {
        let pageBytes = process.pageBytes
        guard bytes <= requestMax - pageBytes - alignment else { return nil }
        // At least a granule: then no two whales start in the same one, which has one map entry.
        let needed = alignUp(max(bytes, granuleBytes), to: pageBytes)
        let isPlain = alignment <= pageBytes
        if isPlain, let span = takeCached(needed, site) {
            fields.pointee.hits.wrappingAdd(1, ordering: .relaxed)
            publish(span, site, bytes)
            return FreshBlock(address: span.block, isZero: false)
        }
        guard let span = map(needed, alignment) else { return nil }
        noteFresh(needed)
        publish(span, site, bytes)
        return FreshBlock(address: span.block, isZero: true)
    }

    /// A whale that is nobody's yet; nil when the kernel refuses.
    func map(_ bytes: UInt, _ alignment: UInt, isDense: Bool = false) -> Span? {
        guard let start = WhaleCache.mapAligned(bytes, alignment) else { return nil }
        guard BlockMap.commit(start, bytes: 1), isVacant(start),
            BlockMap.owner(start) == 0, let span = pageHeap.makeHeader()
        else {
            SystemCall.unmap(start, bytes: bytes)
            return nil
        }
        let isDense = isDense || writtenDensity.hasDenseWhales
        if policy.pointee.usesHugePages || isDense && process.options.hasHugeLots {
            SystemCall.preferHugePages(start, bytes: bytes)
        }
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

    private static func mapAligned(_ bytes: UInt, _ alignment: UInt) -> UInt? {
        guard let mapped = SystemCall.map(bytes: bytes) else { return nil }
        if mapped & (alignment - 1) == 0 { return mapped }
        SystemCall.unmap(mapped, bytes: bytes)
        // Map more and cut off what is misaligned at either end.
        guard let larger = SystemCall.map(bytes: bytes + alignment) else { return nil }
        let start = alignUp(larger, to: alignment)
        if start > larger { SystemCall.unmap(larger, bytes: start - larger) }
        let end = larger + bytes + alignment
        if end > start + bytes { SystemCall.unmap(start + bytes, bytes: end - start - bytes) }
        return start
    }

    /// Whether no part of the heap has the map's entries for `address`.
    private func isVacant(_ address: UInt) -> Bool {
        guard let span = BlockMap.span(address) else { return true }
        return span.state == .unmapped
    }

    /// Makes a whale's block the program's.
    func publish(_ span: Span, _ site: UInt, _ bytes: UInt) {
        SiteSamples.noteAllocation(span, site, bytes: bytes)
        span.header.pointee.bytesOrOlder = span.mappedBytes - UInt(span.header.pointee.blockOffset)
        BlockMap.setOwner(span.start, span.address | Owner.wholeMark)
        BlockMap.live(span.block).pointee.store(BlockMap.bit(span.block), ordering: .relaxed)
        fields.pointee.served.wrappingAdd(1, ordering: .relaxed)
        fields.pointee.liveCount.wrappingAdd(1, ordering: .relaxed)
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
        let now = Clock.nowMs()
        if span.mappedBytes <= largeMax, becomesFree(span) { return }
        writtenDensity.noteFreed(whale: span)
        if route == .direct || route == .purgeAtOnce {
            WhaleCache.unmap(span)
        } else {
            span.header.pointee.blockOffset = 0
            span.header.pointee.usedBlocksOrStamp = now
            fields.pointee.lock.acquire()
            fields.pointee.cachedSpans.pushLast(span)
            fields.pointee.cachedBytes.wrappingAdd(span.mappedBytes, ordering: .relaxed)
            fields.pointee.lock.release()
        }
        release(now: now, all: false)
    }

    /// Most bytes that may stay. Under the lock.
    private var cachedBytesMax: UInt {
        let bound = policy.pointee.whaleCacheBytesMax
        if bound == 0 { return 0 }
        return bound + min(fields.pointee.regret.bytes, policy.pointee.retainBytesMax)
    }

    /// The program takes a whale that was not cached.
    private func noteFresh(_ bytes: UInt) {
        fields.pointee.lock.acquire()
        fields.pointee.regret.noteFresh(bytes)
        fields.pointee.lock.release()
    }

    @inline(__always)
    func releaseAged(_ now: UInt32) {
        if fields.pointee.cachedBytes.load(ordering: .relaxed) != 0 {
            release(now: now, all: false)
        }
    }

    func releaseAll() { release(now: 0, all: true) }

    private func release(now: UInt32, all: Bool) {
        let delay = UInt32(policy.pointee.purgeDelayMs)
        while true {
            fields.pointee.lock.acquire()
            guard let oldest = fields.pointee.cachedSpans.firstSpan else {
                fields.pointee.lock.release()
                return
            }
            let isAged = all || now &- oldest.header.pointee.usedBlocksOrStamp >= delay
            let isOver = fields.pointee.cachedBytes.load(ordering: .relaxed) > cachedBytesMax
            guard isAged || isOver else {
                fields.pointee.lock.release()
                return
            }
            remove(oldest)
            fields.pointee.regret.notePurge(isAged ? 0 : oldest.mappedBytes, now)
            fields.pointee.lock.release()
            WhaleCache.unmap(oldest)
        }
    }

    /// A whale that a growing block has had, and that is no larger than what the page heap serves,
    /// becomes a part of that: its memory is there for blocks of all kinds. False if it cannot.
    private func becomesFree(_ span: Span) -> Bool {
        let bytes = span.mappedBytes
        guard (span.start | bytes) & (granuleBytes - 1) == 0, pageHeap.adopt(span, bytes) else {
            return false
        }
        fields.pointee.mappedBytes.wrappingSubtract(bytes, ordering: .relaxed)
        return true
    }

    /// Unmaps a whale, all but so many bytes at its start, which may be somebody else's. Its map
    /// entries go first: once unmapped, the addresses may be anybody's.
    static func unmap(_ span: Span, keepingFirst kept: UInt = 0) {
        let start = span.start
        let bytes = span.mappedBytes
        BlockMap.setOwner(start, 0)
        BlockMap.clearSpan(start)
        whaleCache.fields.pointee.mappedBytes.wrappingSubtract(bytes, ordering: .relaxed)
        if bytes > kept, !SystemCall.unmap(start + kept, bytes: bytes - kept) {
            _ = SystemCall.purge(start + kept, bytes: bytes - kept)
        }
        pageHeap.discardHeader(span)
    }

    func acquireLock() { fields.pointee.lock.acquire() }
    func releaseLock() { fields.pointee.lock.release() }
    func resetAfterFork() { fields.pointee.lock.resetAfterFork() }
}
