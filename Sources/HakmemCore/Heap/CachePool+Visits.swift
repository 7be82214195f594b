// SPDX-License-Identifier: MIT
//
// Visits to caches whose threads do not come by: one that sleeps would keep all that others free of
// what it has made, as where a program's main thread builds what its workers use up. A sender that
// finds many messages in an inbox frees them itself, into the owner's slabs. Those that become
// empty are everybody's.
//
// The owner's bins are its own (hit paths take no lock), so nothing becomes ready here. What the
// owner has to look at stays in the inbox: a block that might be in one of its bins, which the
// sender's mark in the address says, and what is no block of it that is out: it was freed twice.

import CHakmemShim
import Synchronization

extension CachePool {
    /// An inbox with so many bytes of blocks waits for a thread that does not come by. Until it is
    /// empty again, every so many more are a reason to look.
    private static let waitingMin: UInt32 = 8 << 20
    private static let waitingMore: UInt32 = 1 << 20

    /// A message with so many bytes was put into the inbox of a cache.
    @inline(__always)
    static func noteSent(_ bytes: UInt32, _ cache: ThreadCache) {
        let sum = cache.header.pointee.waiting.wrappingAdd(bytes, ordering: .relaxed)
        let (before, after) = (sum.oldValue, sum.newValue)
        if after >= waitingMin, before / waitingMore != after / waitingMore { relieve(cache) }
    }

    /// Frees what waits in the inbox of a cache that has a thread, if that is not at its slabs.
    @inline(never)
    static func relieve(_ cache: ThreadCache) {
        // A thread that has just changed its cache may send to its own.
        guard cache.address != hak_cache_get(), cache.header.pointee.slabLock.tryVisit() else {
            return
        }
        // It is pooled by who holds the lock. Acquires what was done to an orphan without it.
        if cache.header.pointee.state.load(ordering: .acquiring) == CacheState.owned {
            Sections.measure(.drain) { cache.drainInboxToSlabs() }
        }
        cache.header.pointee.slabLock.endVisit()
    }

    fileprivate static func push(_ message: Message, to cache: ThreadCache) {
        var first = cache.header.pointee.inbox.load(ordering: .relaxed)
        while true {
            message.header.pointee.next = first
            let result = cache.header.pointee.inbox.compareExchange(
                expected: first, desired: message.address,
                successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed)
            if result.exchanged { return }
            first = result.original
        }
    }

    /// Puts a message into its owner's inbox; sees to it that somebody drains that.
    static func deliver(_ message: Message, to cache: ThreadCache) {
        let bytes = message.likelyBytes
        push(message, to: cache)
        visitIfNeeded(cache)
        noteSent(bytes, cache)
    }
}

extension ThreadCache {
    /// Frees what other threads have sent. The caller has the slab lock and not the cache.
    fileprivate func drainInboxToSlabs() {
        var next = takeInbox()
        var emptied = SpareMessages()
        while next != 0 {
            let message = Message(address: next)
            next = message.header.pointee.next
            let blocks = message.blocks
            var kept: UInt32 = 0
            for index in 0..<Int(message.header.pointee.count) {
                let block = blocks[index]
                if isOutOfThis(block) {
                    returnToSlab(block)
                } else {
                    blocks[Int(kept)] = block
                    kept += 1
                }
            }
            message.header.pointee.count = kept
            if kept == 0 { emptied.give(message) } else { CachePool.push(message, to: self) }
        }
        // What is no whole batch goes to the owner, as messages that say nothing.
        emptied.disperse { CachePool.push($0, to: self) }
    }

    /// Takes all messages, the youngest first.
    func takeInbox() -> UInt {
        header.pointee.waiting.store(0, ordering: .relaxed)
        return header.pointee.inbox.exchange(0, ordering: .acquiring)
    }
}
