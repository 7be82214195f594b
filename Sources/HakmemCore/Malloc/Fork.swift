// SPDX-License-Identifier: MIT
//
// fork: all locks are held across it, so that the child finds every shared structure whole, and its
// own cache with nobody else at its slabs.
//
// The child has one thread. Caches of the threads that are not there become orphans
// (CachePool+Orphans).

import CHakmemShim

@c(hak_fork_prepare) public func hakForkPrepare() {
    // Before the others: who holds it may want those.
    let own = hak_cache_get()
    let isAtSlabs =
        own != hak_cache_none() && ThreadCache(at: own).header.pointee.slabLock.acquire()
    cachePool.acquireLock()
    cachePool.fields.pointee.isForkAtSlabs = isAtSlabs
    whaleCache.acquireLock()
    pageHeap.acquireLock()
    messagePool.acquireLock()
    metadata.acquireLock()
}

@c(hak_fork_parent) public func hakForkParent() {
    metadata.releaseLock()
    messagePool.releaseLock()
    pageHeap.releaseLock()
    whaleCache.releaseLock()
    let isAtSlabs = cachePool.fields.pointee.isForkAtSlabs
    cachePool.releaseLock()
    if isAtSlabs { ThreadCache(at: hak_cache_get()).header.pointee.slabLock.release() }
}

@c(hak_fork_child) public func hakForkChild() {
    #if HAKMEM_LEARNING
        Evolution.resetAfterFork()
        SiteSamples.resetAfterFork()
    #endif
    metadata.resetAfterFork()
    messagePool.resetAfterFork()
    pageHeap.resetAfterFork()
    whaleCache.resetAfterFork()
    cachePool.resetAfterFork(own: hak_cache_get())
    PurgeThread.begin(isChild: true)
}
