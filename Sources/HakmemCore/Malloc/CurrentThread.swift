// SPDX-License-Identifier: MIT
//
// The calling thread's cache: given at its first miss, perhaps changed for another soon after, and
// taken back at its exit.
//
// After the exit has taken it back, destructors that run later may still allocate and free. Each
// such call borrows a cache from the pool, so that none is left behind by a thread that is gone.

import CHakmemShim

enum CurrentThread {
    /// Calls `body` with the thread's cache; nil when there is no memory for one.
    @inline(__always)
    static func withCache<Result>(_ body: (ThreadCache) -> Result) -> Result? {
        let address = hak_cache_get()
        if address != hak_cache_none() { return body(ThreadCache(at: address)) }
        guard let cache = adopt() else { return nil }
        let result = body(cache)
        if hak_exited_get() { cachePool.abandon(cache) }
        return result
    }

    @inline(never)
    private static func adopt() -> ThreadCache? {
        guard Start.ensure(), let cache = cachePool.adopt() else { return nil }
        if !hak_exited_get() {
            cache.beginSettling()
            hak_cache_set(cache.address)
            // May itself allocate: the cache is in place.
            watchExit(of: cache.address)
        }
        return cache
    }

    /// Changes to the cache that a block belongs to, if that has no thread and the calling one has
    /// not settled yet (ThreadCache+Settling).
    @inline(__always)
    static func follow(_ block: UInt) {
        let address = hak_cache_get()
        if address == hak_cache_none() {
            // Its first call. One that has exited borrows, and has nothing to change.
            if !hak_exited_get(), let cache = adopt() { followNow(block, cache) }
        } else if ThreadCache(at: address).isSettling {
            followNow(block, ThreadCache(at: address))
        }
    }

    @inline(never)
    private static func followNow(_ block: UInt, _ cache: ThreadCache) {
        let owner = BlockMap.owner(block)
        if owner == 0 || owner & Owner.wholeMark != 0 { return }
        let other = Owner.cache(owner)
        guard other != cache, cache.maySettleElsewhere(), cachePool.takeOver(other) else { return }
        other.endSettling()
        hak_cache_set(other.address)
        cachePool.abandon(cache)
    }
}

/// Destructor of the thread's exit key.
@c(hak_thread_exit) public func hakThreadExit(_ value: UnsafeMutableRawPointer?) {
    let address = hak_cache_get()
    guard address != hak_cache_none() else { return }
    hak_exited_set(true)
    hak_cache_set(hak_cache_none())
    cachePool.abandon(ThreadCache(at: address))
}
