// SPDX-License-Identifier: MIT
//
// A thread that gives memory back while the program's own threads have nothing to do
// (HAKMEM_PURGE_THREAD=1). Without it memory goes back when somebody comes by, and in a process
// that waits nobody does.
//
// It does what a thread's tick does for the whole process, and has no cache of its own: what other
// running threads keep in theirs is theirs. It sleeps for half a purge delay after a look that
// found something to give back, and else ever longer, up to half a second.
//
// It begins in the library's constructor, and again in a forked child, for which libc has just made
// its locks new: at other moments the program may hold one that starting a thread takes. It ends
// when the thread of main has ended and no other is left, which /proc/self/stat says: a process
// ends with its last thread.

import CHakmemShim
import Synchronization

enum PurgeThread {
    private static let pauseMsMin: UInt32 = 10
    private static let pauseMsMax: UInt32 = 500

    /// Starts the thread if the user wants it. When there is none to be had, all is as without.
    static func begin() {
        if process.options.hasPurgeThread, Machine.isCallerAlone() != nil {
            hak_thread_start(hakPurgeThread)
        }
    }

    /// How long to sleep after a pause of so many ms, in ms.
    static func pause(after last: UInt32, hasPurged: Bool, delayMs: UInt32) -> UInt32 {
        let least = min(max(delayMs / 2, pauseMsMin), pauseMsMax)
        return hasPurged ? least : min(max(last, least) * 2, pauseMsMax)
    }

    /// Gives back what is due; says whether anything was, or another thread has done so since
    /// there was that much.
    static func purge(_ now: UInt32, since before: UInt) -> Bool {
        cachePool.coolDownIfDue(now)
        pageHeap.purgeIfDue(now)
        whaleCache.releaseAged(now)
        return givenBack() != before
    }

    /// A figure that changes when memory goes back.
    static func givenBack() -> UInt {
        counters.purgedBytes.load(ordering: .relaxed) &+ counters.munmap.load(ordering: .relaxed)
    }
}

@c(hak_purge_thread) public func hakPurgeThread(
    _ unused: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    SystemCall.nameThread("hakmem-purge")
    var pauseMs: UInt32 = 0
    var givenBack = PurgeThread.givenBack()
    while Machine.isCallerAlone() != true {
        let hasPurged = PurgeThread.purge(Clock.nowMs(), since: givenBack)
        givenBack = PurgeThread.givenBack()
        pauseMs = PurgeThread.pause(
            after: pauseMs, hasPurged: hasPurged, delayMs: UInt32(policy.pointee.purgeDelayMs))
        SystemCall.sleep(ms: pauseMs)
    }
    // What main has left to be done at the process's end is done here.
    hak_signals_unblock()
    return nil
}
