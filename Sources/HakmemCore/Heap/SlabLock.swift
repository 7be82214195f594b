// SPDX-License-Identifier: MIT
//
// Who may touch a cache's slabs: whoever has the cache, or, while its thread is elsewhere, a sender
// that frees what waits in its inbox (CachePool+Visits). One futex word in each cache:
//
//   0 free ◄──► 1 held by who has the cache       a store gives it back: nobody ever waits for it
//     ▲
//     └─────► 2 held by a visitor ──► 3 and who has the cache sleeps until it is woken
//
// Only one thread has a cache, so one that finds 1 is that thread, further in, or its signal
// handler: it goes on. Visitors do not wait, for anybody; so there is no circle.
//
// Ordering: each acquiring compare-exchange pairs with the releasing write that made the word 0.

import Synchronization

struct SlabLock: ~Copyable {
    private let word = Atomic<UInt32>(0)

    private static let held: UInt32 = 1
    private static let visited: UInt32 = 2
    private static let awaited: UInt32 = 3
    private static let spinsMax = 100

    /// For who has the cache. False if it holds the lock already: then it is not to be released.
    @inline(__always)
    borrowing func acquire() -> Bool { take(SlabLock.held) || acquireContended() }

    @inline(__always)
    private borrowing func take(_ holder: UInt32) -> Bool {
        word.compareExchange(expected: 0, desired: holder, ordering: .acquiring).exchanged
    }

    @inline(never)
    private borrowing func acquireContended() -> Bool {
        var spins = 0
        while true {
            let seen = word.load(ordering: .relaxed)
            if seen == SlabLock.held { return false }
            if seen == 0 {
                if take(SlabLock.held) { return true }
            } else if spins < SlabLock.spinsMax {
                spins += 1
            } else if seen == SlabLock.awaited
                || word.compareExchange(
                    expected: SlabLock.visited, desired: SlabLock.awaited, ordering: .relaxed
                ).exchanged
            {
                SystemCall.futexWait(address, while: SlabLock.awaited)
            }
        }
    }

    @inline(__always)
    borrowing func release() { word.store(0, ordering: .releasing) }

    /// Who has the cache, and this lock, is about to give the cache away: who has it next waits as
    /// for a visitor.
    borrowing func becomeVisit() { word.store(SlabLock.visited, ordering: .relaxed) }

    /// For anybody else; false if somebody holds it.
    borrowing func tryVisit() -> Bool { take(SlabLock.visited) }

    borrowing func endVisit() {
        if word.exchange(0, ordering: .releasing) == SlabLock.awaited {
            SystemCall.futexWakeOne(address)
        }
    }

    /// Frees the lock in a forked child, where no other thread is left to hold it.
    borrowing func resetAfterFork() { word.store(0, ordering: .relaxed) }

    private borrowing func addressOfWord() -> UInt {
        withUnsafePointer(to: word) { UInt(bitPattern: $0) }
    }

    /// The lock lives at a fixed place.
    private var address: UInt { addressOfWord() }
}

extension ThreadCache {
    /// Calls `body` while nobody else touches this cache's slabs. Only for who has the cache.
    @inline(__always)
    func withSlabs<Result>(_ body: () -> Result) -> Result {
        let isTaken = header.pointee.slabLock.acquire()
        let result = body()
        if isTaken { header.pointee.slabLock.release() }
        return result
    }
}
