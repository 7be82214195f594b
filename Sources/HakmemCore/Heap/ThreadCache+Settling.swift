// SPDX-License-Identifier: MIT
//
// A thread that begins may change to another cache than the one it was given: to that of the first
// block it frees of a cache that nobody has. It goes on with what a thread that has ended left
// behind, as where connections or jobs move from thread to thread, and what it frees next, and asks
// for, is then its own (docs/adr/0037-a-thread-follows-what-it-frees.md). It changes once, and only
// before it has filled bins of its own.

import Synchronization

extension ThreadCache {
    /// Refills of bins, and frees of others' blocks, after which a thread has settled.
    private static let settlingCalls: UInt = 16

    /// Whether this cache's thread began but lately.
    @inline(__always)
    var isSettling: Bool {
        header.pointee.refills.load(ordering: .relaxed) < header.pointee.settledAtRefill
    }

    func beginSettling() {
        let refills = header.pointee.refills.load(ordering: .relaxed)
        header.pointee.settledAtRefill = refills &+ ThreadCache.settlingCalls
    }

    func noteOthersBlock() { header.pointee.settledAtRefill &-= 1 }

    func endSettling() { header.pointee.settledAtRefill = 0 }
}
