// SPDX-License-Identifier: MIT
//
// A mutual-exclusion lock of one futex word ("Futexes Are Tricky", Drepper 2011, third mutex).
//
// States: 0 free · 1 held · 2 held and somebody may sleep. Zeroed memory is a free lock.
// Ordering: the acquiring exchange in acquire() pairs with the releasing exchange in release().
// Not recursive. Ranks, lowest taken first: a thread's own SlabLock < CachePool < WhaleCache <
// PageHeap < MessagePool.

import Synchronization

struct Lock: ~Copyable {
    private let word = Atomic<UInt32>(0)

    private static let spinsMax = 100

    init() {}

    borrowing func acquire() {
        if word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { return }
        acquireContended()
    }

    @inline(never)
    private borrowing func acquireContended() {
        for _ in 0..<Lock.spinsMax {
            if word.load(ordering: .relaxed) == 0,
                word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
            {
                return
            }
        }
        while word.exchange(2, ordering: .acquiring) != 0 {
            SystemCall.futexWait(address, while: 2)
        }
    }

    borrowing func release() {
        if word.exchange(0, ordering: .releasing) == 2 { SystemCall.futexWakeOne(address) }
    }

    /// Frees the lock in a forked child, where no other thread is left to hold or await it.
    borrowing func resetAfterFork() { word.store(0, ordering: .relaxed) }

    /// Where the futex word lies: the lock must live at a fixed place, as all of ours do.
    private borrowing func addressOfWord() -> UInt {
        withUnsafePointer(to: word) { UInt(bitPattern: $0) }
    }

    private var address: UInt { addressOfWord() }
}
