// SPDX-License-Identifier: MIT
//
// fork: all locks are held across it, so that the child finds every shared structure whole.
//
// The child has one thread. Caches of the threads that are not there become orphans
// (CachePool+Orphans).

import CHakmemShim

@c(hak_fork_prepare) public func hakForkPrepare() {
    cachePool.acquireLock()
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
    cachePool.releaseLock()
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
