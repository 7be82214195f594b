// SPDX-License-Identifier: MIT
//
// Making huge pages, and when not to.
//
// The kernel makes one at the first touch of a mapping that is marked for them, in two thirds of
// the time of MADV_COLLAPSE, and before Linux 6.1, too. But a mark that stays would have it make
// them again where most has been given back, and cut the mapping in pieces, of which a process may
// have some 65,000. So all chunks are marked to have none (MADV_NOHUGEPAGE), and a huge page is
// marked for as long as it takes to touch it: then the chunk is one mapping again. Where the
// kernel makes them unasked (transparent_hugepage/enabled says always) nothing is marked: its owner
// wanted that. Which of the two it is, the first lot's first touch tells by the time it takes.
//
// Where the kernel has none at hand it moves other pages out of the way, or asks its host, and one
// can take longer than 512 page faults. After one that was refused or dear none is asked for until
// so much time has passed that what it took is little.
//
// Owner: any thread; the words are advice, read and written relaxed. Whoever misses a change of
// `marking` makes pages of one size where the other would have been better.

import Synchronization

/// Zeroed memory is no pause, and nothing known.
struct HugePages: ~Copyable {
    /// When the pause ends, in ms; 0 when there is none.
    private let pausedUntilMs: Atomic<UInt32>
    private let marking: Atomic<Marking>

    /// Who decides where there are huge pages.
    private enum Marking: UInt32, AtomicRepresentable {
        /// The kernel, as far as was seen.
        case unknown
        /// It makes none unasked: the chunks are to be marked.
        case wanted
        /// We do: the chunks are marked to have none.
        case done
    }

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

    /// Whether chunks are marked to have none.
    var marksChunks: Bool { marking.load(ordering: .relaxed) == .done }

    /// Whether the chunks there are must be marked now: true for one caller.
    func beginsMarking() -> Bool {
        marking.load(ordering: .relaxed) == .wanted
            && marking.compareExchange(expected: .wanted, desired: .done, ordering: .relaxed)
                .exchanged
    }

    /// Makes huge pages of untouched memory, as far as it has whole ones and they are not dear;
    /// gives where it ended.
    func make(from start: UInt, bytes: UInt) -> UInt {
        var page = start
        if start & (HugePages.bytes - 1) != 0 { return start }
        while page + HugePages.bytes <= start + bytes, !isPaused(Clock.nowMs()) {
            let began = Clock.threadNs()
            let isMade = marksChunks ? HugePages.makeMarked(page) : makeUnmarked(page, began)
            note(isMade, tookNs: Clock.threadNs() &- began, Clock.nowMs())
            if !isMade { return page }
            page += HugePages.bytes
        }
        return page
    }

    private static func makeMarked(_ page: UInt) -> Bool {
        if !SystemCall.preferHugePages(page, bytes: bytes) { return false }
        touch(page)
        // With huge pages for all blocks the chunk is marked for them.
        if !policy.pointee.usesHugePages { SystemCall.preferSmallPages(page, bytes: bytes) }
        return true
    }

    private func makeUnmarked(_ page: UInt, _ began: UInt) -> Bool {
        HugePages.touch(page)
        if Clock.threadNs() &- began >= HugePages.unaskedNs { return true }
        _ = marking.compareExchange(expected: .unknown, desired: .wanted, ordering: .relaxed)
        return SystemCall.collapse(page, bytes: HugePages.bytes)
    }

    /// A touch that took so long has cleared a huge page; one of 4 KiB takes a tenth of that.
    private static let unaskedNs: UInt = 10_000

    private static func touch(_ page: UInt) { pointer(page, to: UInt.self).pointee = 0 }

    func note(_ isMade: Bool, tookNs: UInt, _ now: UInt32) {
        if isMade, tookNs <= HugePages.dearNs { return }
        let paidBack = tookNs / 1_000_000 * HugePages.pauseFactor
        let least = isMade ? 0 : HugePages.pauseMsRefused
        let pause = min(max(paidBack, least), HugePages.pauseMsMax)
        // 0 stands for none: then it ends a moment later.
        pausedUntilMs.store(max(now &+ UInt32(pause), 1), ordering: .relaxed)
    }
}
