// SPDX-License-Identifier: MIT
//
// A thread's few last freed large blocks: the next request of like size takes the same memory,
// warm and without a lock. Bounded in blocks and in bytes (HAKMEM_LARGE_CACHE_KB), aged by the
// tick, which also tells it the time: a free does not ask the clock. A block in here keeps its
// span's owner word but is not live, so that a second free of it
// is seen.
//
// Owner: the thread cache it is part of. Zeroed memory is an empty cache.

import Synchronization

struct LargeCache: ~Copyable {
    static let slotCount = 8
    /// A block of a site that is kept hot stays for so many delays, or so many ms, unless the
    /// thread would else touch new memory.
    private static let hotDelays: UInt32 = 16
    private static let hotMsMax: UInt32 = 10_000
    private var spans: InlineArray<8, UInt>
    private var stamps: InlineArray<8, UInt32>
    private var count: Int
    /// The time of the last tick.
    private var nowMs: UInt32
    /// Written by the owner, read by any thread that asks how much is kept.
    private let keptBytes: Atomic<UInt>

    @inline(__always)
    private(set) var bytes: UInt {
        get { keptBytes.load(ordering: .relaxed) }
        nonmutating set { keptBytes.store(newValue, ordering: .relaxed) }
    }

    /// The span that was kept last, if it is one of `granules`, or of a little more (the strategy
    /// says how much).
    @inline(__always)
    mutating func takeYoungest(_ granules: UInt) -> Span? {
        let index = count &- 1
        if index < 0 { return nil }
        let span = Span(at: spans[unchecked: index])
        let size = UInt(span.header.pointee.granules)
        // Wraps when the span is too small.
        if size &- granules > granules &>> policy.pointee.largeCacheSlackShift { return nil }
        bytes &-= size &<< granuleShift
        count = index
        return span
    }

    /// The youngest span of `granules`, or of a little more; nil if there is none.
    mutating func take(_ granules: UInt) -> Span? {
        let slack = policy.pointee.largeCacheSlackShift
        for index in (0..<count).reversed() {
            let span = Span(at: spans[index])
            let size = UInt(span.header.pointee.granules)
            if size &- granules <= granules &>> slack {
                remove(index)
                return span
            }
        }
        return nil
    }

    /// The youngest span that fits, of those that `site` has freed, if it has slots of its own.
    mutating func take(_ granules: UInt, of site: UInt) -> Span? {
        guard policy.pointee.bigCacheSlots > 0, SiteSamples.rule(of: site).route == .bigCache else {
            return nil
        }
        let slack = policy.pointee.largeCacheSlackShift
        for index in (0..<count).reversed() {
            let span = Span(at: spans[index])
            let size = UInt(span.header.pointee.granules)
            if span.site == site, size &- granules <= granules &>> slack {
                remove(index)
                SiteSamples.countHit()
                return span
            }
        }
        return nil
    }

    private mutating func remove(_ index: Int) {
        bytes &-= Span(at: spans[index]).bytes
        count -= 1
        for index in index..<count {
            spans[index] = spans[index + 1]
            stamps[index] = stamps[index + 1]
        }
    }

    /// Keeps a span if there is room for it.
    @inline(__always)
    mutating func keepInRoom(_ span: Span) -> Bool {
        let kept = bytes &+ span.bytes
        if count == LargeCache.slotCount || kept > policy.pointee.largeCacheBytesMax {
            return false
        }
        spans[unchecked: count] = span.address
        stamps[unchecked: count] = nowMs
        count &+= 1
        bytes = kept
        return true
    }

    /// Keeps a span, letting others go for it; false if it is too large to keep at all, or all that
    /// are kept are wanted more.
    mutating func keep(_ span: Span) -> Bool {
        let limit = policy.pointee.largeCacheBytesMax
        if span.bytes > limit || !makeRoom(span, limit) { return false }
        return keepInRoom(span)
    }

    private mutating func makeRoom(_ span: Span, _ limit: UInt) -> Bool {
        while count == LargeCache.slotCount || bytes + span.bytes > limit {
            let index = SiteSamples.isOn ? leastWanted(span.site) : 0
            if index < 0 { return false }
            release(index)
        }
        return true
    }

    /// Which block makes room for one of `site`: the oldest that is not hot; if all are, the site's
    /// own oldest when it has used up its slots, or the oldest. -1 if all are hot but the new one.
    private func leastWanted(_ site: UInt) -> Int {
        for index in 0..<count where !route(index).isHot { return index }
        let route = SiteSamples.rule(of: site).route
        if !route.isHot { return -1 }
        var own: UInt = 0
        var oldest = -1
        for index in (0..<count).reversed() where Span(at: spans[index]).site == site {
            own += 1
            oldest = index
        }
        return route == .bigCache && own >= max(policy.pointee.bigCacheSlots, 1) ? oldest : 0
    }

    private func route(_ index: Int) -> SiteRoute {
        SiteSamples.rule(of: Span(at: spans[index]).site).route
    }

    private mutating func releaseOldest() { release(0) }

    private mutating func release(_ index: Int) {
        let span = Span(at: spans[index])
        remove(index)
        LargeBlock.release(span)
    }

    mutating func releaseAged(_ now: UInt32) {
        nowMs = now
        let delay = UInt32(policy.pointee.purgeDelayMs)
        let hotMs = max(delay, min(delay * LargeCache.hotDelays, LargeCache.hotMsMax))
        var index = 0
        while index < count {
            let age = now &- stamps[index]
            if age >= delay, age >= hotMs || !route(index).isHot {
                release(index)
            } else {
                index += 1
            }
        }
    }

    /// In a forked child, of a thread that is not there: keeps those that `isFree` accepts of what
    /// the slots name. They may name anything that was ever in them.
    mutating func sift(_ isFree: (Span) -> Bool) {
        count = 0
        bytes = 0
        for index in 0..<LargeCache.slotCount {
            guard let span = Span(atOrNil: spans[index]), isFree(span) else { continue }
            spans[count] = span.address
            count += 1
            bytes += span.bytes
        }
    }

    func contains(_ span: Span) -> Bool {
        for index in 0..<count where spans[index] == span.address { return true }
        return false
    }

    func forEachSpan(_ body: (Span) -> Void) {
        for index in 0..<count { body(Span(at: spans[index])) }
    }

    mutating func releaseAll() {
        while count > 0 { releaseOldest() }
    }
}
