// SPDX-License-Identifier: MIT
//
// Thread caches without a thread: where an exiting thread leaves its cache, slabs and live blocks
// and all, and where a new thread finds one.
//
// State of a cache, one word:
//
//   owned ──abandon──► pooled ──adopt──► owned       adopt, take over: also off the list
//                      │    ▲
//                    visit  leave
//                      ▼    │
//                     visited        a sender drains the inbox meanwhile, or whoever comes by
//                                    empties a cache that nobody wanted (CachePool+Warm)
//
// In a forked child a cache may also be an orphan, until CachePool+Orphans has put it in order and
// into the pool.
//
// The inbox of a pooled cache would fill for ever, so whoever sends to one visits it and frees the
// blocks itself. Nothing is lost: a sender first pushes and then reads the state; a leaver first
// writes `pooled` and then reads the inbox. All four are sequentially consistent, so at least one
// of the two sees the other's write, and visits. (Tests/…/CachePoolModelTests runs every
// interleaving of this.)
//
// Taking the state from `pooled` (to `owned` or `visited`) acquires what the write of `pooled`
// released: the cache's contents. Only one thread can take it.

import Synchronization

enum CacheState {
    static let owned: UInt32 = 0
    static let pooled: UInt32 = 1
    static let visited: UInt32 = 2
    static let orphan: UInt32 = 3
}

/// What the cache pool is made of. Zeroed memory is its valid initial state.
/// The lock is not the first field: tools take an access to the first for one to the whole.
struct CachePoolFields: ~Copyable {
    /// Pooled caches, the last abandoned first. Guarded by: lock.
    var firstPooled: UInt
    let lock: Lock
    /// The last of the list that is warm; none that follows is. Guarded by: lock.
    var oldestWarm: UInt
    /// Bytes of slabs of warm caches. Guarded by: lock.
    var warmBytes: UInt
    /// Every cache ever made, newest first; links are constant. Pushed: releasing.
    let firstCache: Atomic<UInt>
    let cacheCount: Atomic<UInt>
    let ownedCount: Atomic<UInt>
    /// Whether some cache is an orphan. Relaxed: who acts on it takes the lock first.
    let hasOrphans: Atomic<Bool>
    /// Whether a fork has taken the slab lock of its thread's cache. Guarded by: lock.
    var isForkAtSlabs: Bool
    /// When the oldest warm cache is due, in ms, or 0: read without the lock to skip a look.
    let dueMs: Atomic<UInt32>
}

struct CachePool {
    /// Shared by all threads: no access to it as a whole, which would have to be exclusive.
    let fields: UnsafeMutablePointer<CachePoolFields>

    // MARK: Adopt and abandon

    /// A cache for the calling thread: a pooled one or a new one; nil when out of memory.
    func adopt() -> ThreadCache? {
        reclaimOrphans()
        if let cache = takePooled() {
            fields.pointee.ownedCount.wrappingAdd(1, ordering: .relaxed)
            cache.drainInbox()
            return cache
        }
        guard let cache = ThreadCache.make() else { return nil }
        fields.pointee.cacheCount.wrappingAdd(1, ordering: .relaxed)
        fields.pointee.ownedCount.wrappingAdd(1, ordering: .relaxed)
        var first = fields.pointee.firstCache.load(ordering: .relaxed)
        while true {
            cache.header.pointee.nextCache = first
            let result = fields.pointee.firstCache.compareExchange(
                expected: first, desired: cache.address, ordering: .releasing)
            if result.exchanged { return cache }
            first = result.original
        }
    }

    private func takePooled() -> ThreadCache? {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        while fields.pointee.firstPooled != 0 {
            var next = fields.pointee.firstPooled
            while next != 0 {
                let cache = ThreadCache(at: next)
                if CachePool.take(cache, as: CacheState.owned) {
                    unlink(cache)
                    return cache
                }
                next = cache.header.pointee.nextPooled
            }
            // Visitors are on their way out: they wait for no lock that is held here.
            SystemCall.yield()
        }
        return nil
    }

    /// Takes a certain cache out of the pool, for a thread that leaves its own for it; false if
    /// it has a thread, somebody visits it, or it is large: what others free of it would wait for
    /// the thread, which may sleep.
    func takeOver(_ cache: ThreadCache) -> Bool {
        if cache.header.pointee.state.load(ordering: .relaxed) != CacheState.pooled {
            return false
        }
        fields.pointee.lock.acquire()
        // Not as owned yet: then whoever has its slab lock may be at its slabs.
        guard CachePool.take(cache, as: CacheState.visited) else {
            fields.pointee.lock.release()
            return false
        }
        let isSmall = cache.isSmall
        if isSmall {
            unlink(cache)
            cache.header.pointee.state.store(CacheState.owned, ordering: .releasing)
        } else {
            CachePool.leave(cache)
        }
        fields.pointee.lock.release()
        if !isSmall {
            CachePool.visitIfNeeded(cache)
            return false
        }
        fields.pointee.ownedCount.wrappingAdd(1, ordering: .relaxed)
        cache.drainInbox()
        return true
    }

    /// Leaves the calling thread's cache to the pool.
    func abandon(_ cache: ThreadCache) {
        let now = Clock.nowMs()
        fields.pointee.ownedCount.wrappingSubtract(1, ordering: .relaxed)
        // Nobody else is at its slabs when it becomes pooled. Who takes it at once has to wait.
        _ = cache.header.pointee.slabLock.acquire()
        cache.settle()
        fields.pointee.lock.acquire()
        link(cache, now)
        cache.header.pointee.slabLock.becomeVisit()
        CachePool.leave(cache)
        let warmBytes = fields.pointee.warmBytes
        cache.header.pointee.slabLock.endVisit()
        fields.pointee.lock.release()
        CachePool.visitIfNeeded(cache)
        coolDownToBounds(warmBytes, now)
        pageHeap.purgeToBound(now)
    }

    // MARK: Visit

    /// Drains the inbox of a cache that has no thread.
    static func visitIfNeeded(_ cache: ThreadCache) {
        if cache.header.pointee.state.load(ordering: .sequentiallyConsistent)
            == CacheState.orphan
        {
            cachePool.reclaimOrphans()
        }
        while cache.header.pointee.state.load(ordering: .sequentiallyConsistent)
            == CacheState.pooled,
            cache.header.pointee.inbox.load(ordering: .sequentiallyConsistent) != 0,
            take(cache, as: CacheState.visited)
        {
            cache.drainInbox()
            if !cache.isWarm { cache.releaseEmptySlabs() }
            leave(cache)
        }
    }

    static func take(_ cache: ThreadCache, as state: UInt32) -> Bool {
        cache.header.pointee.state.compareExchange(
            expected: CacheState.pooled, desired: state, ordering: .acquiring
        ).exchanged
    }

    static func leave(_ cache: ThreadCache) {
        cache.header.pointee.state.store(CacheState.pooled, ordering: .sequentiallyConsistent)
    }

    // MARK: Whole process

    func forEachCache(_ body: (ThreadCache) -> Void) {
        var address = fields.pointee.firstCache.load(ordering: .acquiring)
        while address != 0 {
            let cache = ThreadCache(at: address)
            body(cache)
            address = cache.header.pointee.nextCache
        }
    }

    func acquireLock() { fields.pointee.lock.acquire() }
    func releaseLock() { fields.pointee.lock.release() }
}

extension ThreadCache {
    /// Frees what other threads have sent. Only for who has the cache.
    func drainInbox() { withSlabs { drainInboxAtSlabs(keepsReady: false) } }

    /// The same for a caller that has the slab lock, too; `keepsReady` says whether blocks may stay
    /// in its bins.
    @inline(__always)
    func drainInboxAtSlabs(keepsReady: Bool) {
        if header.pointee.inbox.load(ordering: .relaxed) != 0 {
            Sections.measure(.drain) { drainInboxNow(keepsReady) }
        }
    }

    @inline(never)
    private func drainInboxNow(_ keepsReady: Bool) {
        var next = takeInbox()
        while next != 0 {
            let message = Message(address: next)
            next = message.header.pointee.next
            let count = Int(message.header.pointee.count)
            let blocks = message.blocks
            for index in 0..<count {
                let block = blocks[index]
                if !keepsReady || !becomesReady(block) {
                    freeSent(block, keepsReady: keepsReady)
                }
            }
            header.pointee.outgoing.spares.give(message)
        }
    }
}
