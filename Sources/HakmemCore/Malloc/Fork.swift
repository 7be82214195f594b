// SPDX-License-Identifier: MIT
//
// fork: all locks are held across it, so that the child finds every shared structure whole.
//
// The child has one thread. Caches of the threads that are not there stay as they were, slabs and
// live blocks included: one of them may have been in the middle of something, so nobody adopts
// them. Blocks of theirs that the child frees wait in their inboxes for ever.

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
    cachePool.resetAfterFork()
}
