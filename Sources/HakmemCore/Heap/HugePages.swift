// SPDX-License-Identifier: MIT
//
// Making huge pages, and when not to. Where the kernel has none at hand it moves other pages out of
// the way, or asks its host, and one can take longer than 512 page faults. After one that was
// refused or dear none is asked for until so much time has passed that what it took is little.
//
// Owner: any thread; the word is advice, read and written relaxed.

import Synchronization

/// Zeroed memory is no pause.
struct HugePages: ~Copyable {
    /// When the pause ends, in ms; 0 when there is none.
    private let pausedUntilMs: Atomic<UInt32>

    static let bytes: UInt = 2 << 20
    /// What a huge page may take of a thread's time: about what its page faults would. Longer
    /// ones are paid back by a pause of so many times what they took.
    private static let dearNs: UInt = 1_000_000
    private static let pauseFactor: UInt = 16
    private static let pauseMsRefused: UInt = 100
    private static let pauseMsMax: UInt = 10_000

    /// Whether to ask for none now.
    func isPaused(_ now: UInt32) -> Bool {
        let until = pausedUntilMs.load(ordering: .relaxed)
        // The clock wraps: a pause of long ago must not look like one to come.
        let isToCome = until &- now &- 1 < UInt32(HugePages.pauseMsMax)
        return until != 0 && isToCome && process.options.pausesHugePages
    }

    /// Makes huge pages of untouched memory, as far as it has whole ones and they are not dear;
    /// gives where it ended.
    func make(from start: UInt, bytes: UInt) -> UInt {
        var page = start
        if start & (HugePages.bytes - 1) != 0 { return start }
        while page + HugePages.bytes <= start + bytes, !isPaused(Clock.nowMs()) {
            let began = Clock.threadNs()
            // The kernel makes one only where there is a page.
            pointer(page, to: UInt.self).pointee = 0
            let isMade = SystemCall.collapse(page, bytes: HugePages.bytes)
            note(isMade, tookNs: Clock.threadNs() &- began, Clock.nowMs())
            if !isMade { return page }
            page += HugePages.bytes
        }
        return page
    }

    func note(_ isMade: Bool, tookNs: UInt, _ now: UInt32) {
        if isMade, tookNs <= HugePages.dearNs { return }
        let paidBack = tookNs / 1_000_000 * HugePages.pauseFactor
        let least = isMade ? 0 : HugePages.pauseMsRefused
        let pause = min(max(paidBack, least), HugePages.pauseMsMax)
        // 0 stands for none: then it ends a moment later.
        pausedUntilMs.store(max(now &+ UInt32(pause), 1), ordering: .relaxed)
    }
}
