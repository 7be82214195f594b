// SPDX-License-Identifier: MIT
//
// Returning the free memory of the whole process, from any thread.
//
// The page heap and the whale cache are purged at once. The calling thread lets go of what its
// cache keeps and what caches without a thread do; the other threads do the same at their next
// tick, which sees that `epoch` moved: nobody may touch a running thread's cache.

import CHakmemShim
import Synchronization

enum Trim {
    /// Raised by every trim. Relaxed: it carries no data, and a late look is only a late trim.
    static let epoch = Atomic<UInt32>(0)

    /// Bytes returned to the system.
    static func all() -> UInt {
        epoch.wrappingAdd(1, ordering: .relaxed)
        let address = hak_cache_get()
        if address != hak_cache_none() { ThreadCache(at: address).releaseMemory() }
        let now = Clock.nowMs()
        cachePool.coolDown(now, all: true)
        let whales = whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed)
        whaleCache.releaseAll()
        return whales + pageHeap.purge(now: now, all: true)
    }
}
