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
// It begins in the library's constructor, and again in a child that main's thread has forked, for
// which libc has just made its locks new: at other moments the program may hold one that starting
// a thread takes. It ends with main's thread, because a process ends with its last one: the kernel
// clears that thread's number then. Memory of another thread could be gone by then, so a child that
// another thread has forked has none of these.

import CHakmemShim
import Synchronization

enum PurgeThread {
    private static let pauseMsMin: UInt32 = 10
    private static let pauseMsMax: UInt32 = 500

    /// Where main's thread's number is, as long as that thread lives; and the number. Guarded by:
    /// written when there is one thread.
    nonisolated(unsafe) fileprivate static var mainWord: UInt = 0
    nonisolated(unsafe) fileprivate static var mainNumber: UInt32 = 0

    /// Starts the thread if the user wants it. When there is none to be had, all is as without.
    static func begin(isChild: Bool = false) {
        guard process.options.hasPurgeThread, let word = SystemCall.mainThreadWord(),
            !isChild || word == mainWord
        else { return }
        mainWord = word
        mainNumber = pointer(word, to: UInt32.self).pointee
        hak_thread_start(hakPurgeThread)
    }

    /// How long to sleep after a pause of so many ms, in ms.
    static func pause(after last: UInt32, hasPurged: Bool, delayMs: UInt32) -> UInt32 {
        let least = min(max(delayMs / 2, pauseMsMin), pauseMsMax)
        return hasPurged ? least : min(max(last, least) * 2, pauseMsMax)
    }

    /// Gives back what is due; says whether anything has gone back, by whomever, since `givenBack`
    /// was `before`.
    static func purge(_ now: UInt32, since before: UInt) -> Bool {
        cachePool.coolDownIfDue(now)
        pageHeap.purgeIfDue(now)
        whaleCache.releaseAged(now)
        return givenBack() != before
    }

    /// A figure that changes whenever memory goes back.
    static func givenBack() -> UInt {
        counters.purgedBytes.load(ordering: .relaxed) &+ counters.munmap.load(ordering: .relaxed)
    }
}

@c(hak_purge_thread) public func hakPurgeThread(
    _ unused: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    SystemCall.nameThread("hakmem-purge")
    let word = PurgeThread.mainWord
    var pauseMs: UInt32 = 0
    var givenBack = PurgeThread.givenBack()
    while UInt32(truncatingIfNeeded: hak_peek(word)) == PurgeThread.mainNumber {
        let hasPurged = PurgeThread.purge(Clock.nowMs(), since: givenBack)
        givenBack = PurgeThread.givenBack()
        pauseMs = PurgeThread.pause(
            after: pauseMs, hasPurged: hasPurged, delayMs: UInt32(policy.pointee.purgeDelayMs))
        // Not on the word: the kernel wakes one, which may be who joins main's thread.
        SystemCall.sleep(ms: pauseMs)
    }
    return nil
}
