// SPDX-License-Identifier: MIT
//
// A thread that gives memory back while the program's own threads have nothing to do
// (HAKMEM_PURGE_THREAD=1). Without it memory goes back when somebody comes by, and in a process
// that waits nobody does.
//
// It does what a thread's tick does for the whole process, and has no cache of its own: what other
// running threads keep in theirs is theirs. It sleeps for half a purge delay while anything is
// kept, and ever longer, up to a second, while nothing is.
//
// It begins in the library's constructor, and again in a forked child: at no other moment is it
// certain that the program holds no lock of libc's that starting a thread takes. It ends when no
// thread has a cache any more: a process whose threads have all ended ends, if none is left.
//
//   lastExits   raised by a thread that leaves no other with a cache; releasing, behind the
//               count of caches, so that who sees it (acquiring) sees that none is owned. The
//               thread sleeps on it, and not if it has changed since it looked at the count.

import CHakmemShim
import Synchronization

enum PurgeThread {
    private static let pauseMsMin: UInt32 = 10
    private static let pauseMsMax: UInt32 = 1000

    fileprivate static let lastExits = Atomic<UInt32>(0)
    fileprivate static var lastExitsAddress: UInt {
        withUnsafePointer(to: lastExits) { UInt(bitPattern: $0) }
    }

    /// Starts the thread if the user wants it. When there is none to be had, all is as without.
    static func begin() {
        if !process.options.hasPurgeThread { return }
        // So that there is one.
        _ = CurrentThread.withCache { _ in }
        hak_thread_start(hakPurgeForLong)
    }

    /// A thread has given its cache back.
    static func noteThreadExit() {
        guard process.options.hasPurgeThread, !cachePool.hasOwnedCaches else { return }
        lastExits.wrappingAdd(1, ordering: .releasing)
        SystemCall.futexWakeOne(lastExitsAddress)
    }

    /// How long to sleep after a pause of so many ms, in ms.
    static func pause(after last: UInt32, isAnythingKept: Bool, delayMs: UInt32) -> UInt32 {
        let least = min(max(delayMs / 2, pauseMsMin), pauseMsMax)
        return isAnythingKept ? least : min(max(last, least) * 2, pauseMsMax)
    }

    /// Gives back what is due; says whether anything is kept that will be.
    static func purge(_ now: UInt32) -> Bool {
        cachePool.coolDownIfDue(now)
        pageHeap.purgeIfDue(now)
        whaleCache.releaseAged(now)
        return cachePool.isAnythingDue || pageHeap.isAnythingDue || whaleCache.isAnythingDue
    }
}

@c(hak_purge_for_long) public func hakPurgeForLong(
    _ unused: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    SystemCall.nameThread("hakmem-purge")
    var pauseMs: UInt32 = 0
    while true {
        let exits = PurgeThread.lastExits.load(ordering: .acquiring)
        if !cachePool.hasOwnedCaches { return nil }
        let isAnythingKept = PurgeThread.purge(Clock.nowMs())
        pauseMs = PurgeThread.pause(
            after: pauseMs, isAnythingKept: isAnythingKept,
            delayMs: UInt32(policy.pointee.purgeDelayMs))
        SystemCall.futexWait(PurgeThread.lastExitsAddress, while: exits, ms: pauseMs)
    }
}
