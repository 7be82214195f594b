// SPDX-License-Identifier: MIT
//
// Warm caches: pooled ones that still have their ready blocks and empty slabs.
//
// A thread that begins is often like the one that ended last. It adopts that one's cache and finds
// everything there: no refill, no slab from the page heap, pages that were touched. So a thread's
// exit leaves a small cache as it is, and somebody empties it when nobody has wanted it for the
// purge delay:
//
//   firstPooled ─► [warm] ⇄ [warm] ⇄ [warm] ⇄ [empty] ⇄ [empty]      the youngest first
//                                      ▲
//                                 oldestWarm      due first
//
// Emptied by any thread's tick (`coolDownIfDue`); by an exit, while all warm caches together have
// more than a bound, or when there is much dirty memory beside: then a program drops what it has,
// and may go to sleep; by a trim; and when the kernel has refused memory. A cache that is large is
// emptied by its own thread.
//
// Invariants:  a cache behind oldestWarm has no ready blocks and no empty slabs: who visits it to
//              bring some sees to that
//              a pooled cache has no open message and keeps no large block: who empties it sends
//              nothing, and CachePool+Orphans tells orphans' large blocks by that
//              fields.warmBytes == sum of its caches' warmBytes

import CHakmemShim
import Synchronization

extension CachePool {
    /// Bytes of slabs that all warm caches may have, and that one may.
    static let warmBytesMax: UInt = 8 << 20
    fileprivate static let warmBytesOfOneMax: UInt = 2 << 20

    // MARK: The list. The caller holds the lock and has the cache

    /// Puts a cache on the list that is about to be pooled.
    func link(_ cache: ThreadCache, _ now: UInt32) {
        cache.header.pointee.pooledMs = now
        let oldest = fields.pointee.oldestWarm
        if cache.isWarm {
            insert(cache, behind: 0)
            fields.pointee.warmBytes += cache.header.pointee.warmBytes
            if oldest == 0 {
                fields.pointee.oldestWarm = cache.address
                updateDue()
            }
        } else {
            insert(cache, behind: oldest)
        }
    }

    private func insert(_ cache: ThreadCache, behind previous: UInt) {
        cache.header.pointee.previousPooled = previous
        cache.header.pointee.nextPooled = next(previous)
        setNext(previous, cache.address)
        setPrevious(cache.header.pointee.nextPooled, previous: cache.address)
    }

    /// Takes a cache off the list.
    func unlink(_ cache: ThreadCache) {
        cool(cache)
        setNext(cache.header.pointee.previousPooled, cache.header.pointee.nextPooled)
        setPrevious(cache.header.pointee.nextPooled, previous: cache.header.pointee.previousPooled)
    }

    /// The cache that follows another, or the first.
    private func next(_ cache: UInt) -> UInt {
        cache == 0 ? fields.pointee.firstPooled : ThreadCache(at: cache).header.pointee.nextPooled
    }

    private func setNext(_ cache: UInt, _ next: UInt) {
        if cache == 0 {
            fields.pointee.firstPooled = next
        } else {
            ThreadCache(at: cache).header.pointee.nextPooled = next
        }
    }

    private func setPrevious(_ cache: UInt, previous: UInt) {
        if cache != 0 { ThreadCache(at: cache).header.pointee.previousPooled = previous }
    }

    /// A cache is warm no longer.
    private func cool(_ cache: ThreadCache) {
        fields.pointee.warmBytes -= cache.header.pointee.warmBytes
        cache.header.pointee.warmBytes = 0
        if fields.pointee.oldestWarm == cache.address {
            fields.pointee.oldestWarm = cache.header.pointee.previousPooled
        }
    }

    /// An empty list. In a forked child, which links what is pooled anew.
    func forgetPooled() {
        fields.pointee.firstPooled = 0
        fields.pointee.oldestWarm = 0
        fields.pointee.warmBytes = 0
    }

    // MARK: Cooling down

    /// Empties warm caches that nobody has wanted for the purge delay. Any thread's tick calls it.
    @inline(__always)
    func coolDownIfDue(_ now: UInt32) {
        let due = fields.pointee.dueMs.load(ordering: .relaxed)
        if due != 0, Int32(bitPattern: now &- due) >= 0 { coolDown(now) }
    }

    /// Keeps to the bounds after an exit that has left so many bytes in warm caches.
    func coolDownToBounds(_ warmBytes: UInt, _ now: UInt32) {
        if warmBytes == 0 { return }
        if warmBytes > CachePool.warmBytesMax {
            coolDown(now)
        } else if pageHeap.retainsTooMuch(with: warmBytes) {
            coolDown(now, all: true)
        }
    }

    /// Empties warm caches, the oldest first: those that are due and those beyond the bound, or
    /// all of them.
    @inline(never)
    func coolDown(_ now: UInt32, all: Bool = false) {
        while let cache = takeOldestWarm(now, all) {
            cache.releaseMemory()
            CachePool.leave(cache)
            CachePool.visitIfNeeded(cache)
        }
    }

    /// The oldest warm cache, to be emptied by the caller, if its time has come. It stays on the
    /// list, as one that is not warm.
    private func takeOldestWarm(_ now: UInt32, _ all: Bool) -> ThreadCache? {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        let oldest = fields.pointee.oldestWarm
        if oldest == 0 {
            fields.pointee.dueMs.store(0, ordering: .relaxed)
            return nil
        }
        let cache = ThreadCache(at: oldest)
        let age = now &- cache.header.pointee.pooledMs
        let isDue =
            all || fields.pointee.warmBytes > CachePool.warmBytesMax
            || age >= UInt32(policy.pointee.purgeDelayMs)
        // One that a sender visits has its turn at the next look.
        let isTaken = isDue && CachePool.take(cache, as: CacheState.visited)
        if isTaken { cool(cache) }
        updateDue()
        return isTaken ? cache : nil
    }

    private func updateDue() {
        let oldest = fields.pointee.oldestWarm
        let since = oldest == 0 ? 0 : ThreadCache(at: oldest).header.pointee.pooledMs
        let due = (since &+ UInt32(policy.pointee.purgeDelayMs)) | 1
        fields.pointee.dueMs.store(oldest == 0 ? 0 : due, ordering: .relaxed)
    }
}

extension PageHeap {
    /// Whether dirty spans and so many bytes elsewhere are more than dirty spans should be.
    fileprivate func retainsTooMuch(with bytes: UInt) -> Bool {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        return fields.pointee.dirtyBytes + bytes > retainedBytesMax
    }
}

extension ThreadCache {
    /// Whether this cache, which is pooled or about to be, has ready blocks and empty slabs.
    var isWarm: Bool { header.pointee.warmBytes != 0 }

    /// Whether it has so few slabs that a thread may leave them as they are, or take them over.
    var isSmall: Bool {
        UInt(header.pointee.slabGranules) << granuleShift <= CachePool.warmBytesOfOneMax
    }

    /// Makes the calling thread's cache one that may be pooled.
    func settle() {
        if !isSmall || policy.pointee.purgeDelayMs == 0 {
            releaseMemory()
        } else {
            drainInbox()
            header.pointee.outgoing.sendAll()
            header.pointee.large.releaseAll()
            header.pointee.warmBytes = UInt(header.pointee.slabGranules) << granuleShift
            // The next thread may be one that asks for few blocks.
            for index in 1..<SizeClass.end {
                record(SizeClass(index: index)).pointee.batch = SizeClass.batchBeforeFirst
            }
        }
    }
}
