// SPDX-License-Identifier: MIT
//
// A thread that begins may change to another cache than the one it was given: to that of the first
// block it frees of a small cache that nobody has. It goes on with what a thread that has ended has
// left, as where connections or jobs move from thread to thread, and what it frees next, and asks
// for, is then its own (docs/adr/0037-a-thread-follows-what-it-frees.md). It changes once, and only
// while it has made little, which time and slow calls tell.

import Synchronization

extension ThreadCache {
    /// Slow calls for blocks, and frees of others' blocks, after which a thread has settled.
    private static let settlingCalls: UInt = 16
    private static let settlingMs: UInt32 = 1000

    /// Whether this cache's thread began but lately.
    @inline(__always)
    var isSettling: Bool {
        header.pointee.refills.load(ordering: .relaxed) < header.pointee.settledAtRefill
    }

    func beginSettling() {
        let refills = header.pointee.refills.load(ordering: .relaxed)
        header.pointee.settledAtRefill = refills &+ ThreadCache.settlingCalls
        header.pointee.begunMs = Clock.nowMs()
    }

    /// A call that counts as a refill, of a thread that is settling.
    @inline(__always)
    func noteSettlingCall() { header.pointee.settledAtRefill &-= 1 }

    /// Whether the thread may still change: not long after it began.
    func maySettleElsewhere() -> Bool {
        noteSettlingCall()
        if Clock.nowMs() &- header.pointee.begunMs <= ThreadCache.settlingMs { return true }
        endSettling()
        return false
    }

    func endSettling() { header.pointee.settledAtRefill = 0 }
}
