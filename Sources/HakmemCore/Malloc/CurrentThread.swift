// SPDX-License-Identifier: MIT
//
// The calling thread's cache: given at its first miss, taken back at its exit.
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
            hak_cache_set(cache.address)
            // May itself allocate: the cache is in place.
            watchExit(of: cache.address)
        }
        return cache
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
