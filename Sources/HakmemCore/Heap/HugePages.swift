// SPDX-License-Identifier: MIT
//
// Making huge pages, and when not to.
//
// The kernel makes one at the first touch of a mapping that is advised to have them, in two thirds
// of the time of MADV_COLLAPSE, and before Linux 6.1, too. But advice that stays would have it make
// them again where most has been given back, and cut the mapping in pieces, of which a process may
// have some 65,000. So chunks are advised to have none (MADV_NOHUGEPAGE), and what is to be a huge
// page is advised for as long as it takes to touch it: then the chunk is one mapping again. Memory
// that was small pages before keeps their table, in which a touch makes a small page once more: a
// touch that took no time is followed by MADV_COLLAPSE.
//
// Where the kernel makes huge pages unasked (transparent_hugepage/enabled says always) nothing is
// advised: its owner wanted that. Which of the two it is, the time that it takes to touch a mapping
// made for that tells.
//
// Where the kernel has none at hand it moves other pages out of the way, or asks its host, and one
// can take longer than 512 page faults. After one that was refused or dear none is asked for until
// so much time has passed that what it took is little.
//
// Owner: any thread; the words are read and written relaxed. Whoever sees an old one makes pages of
// one size where the other would have been better.

import Synchronization

/// Zeroed memory is no pause, and nothing known.
struct HugePages: ~Copyable {
    /// When the pause ends, in ms; 0 when there is none.
    private let pausedUntilMs: Atomic<UInt32>
    private let chooser: Atomic<Chooser>

    /// Who decides where there are huge pages.
    private enum Chooser: UInt32, AtomicRepresentable {
        case unknown, kernel, heap
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

    private var isDecidedByHeap: Bool { chooser.load(ordering: .relaxed) == .heap }

    /// Whether chunks are to be advised to have none but what lots are made of.
    var advisesChunks: Bool { isDecidedByHeap && !policy.pointee.usesHugePages }

    /// Makes huge pages of untouched memory, as far as it has whole ones and they are not dear;
    /// gives where it ended.
    func make(from start: UInt, bytes: UInt) -> UInt {
        var page = start
        if start & (HugePages.bytes - 1) != 0 || bytes < HugePages.bytes { return start }
        findChooser()
        while page + HugePages.bytes <= start + bytes, !isPaused(Clock.nowMs()) {
            let began = Clock.threadNs()
            let isMade = HugePages.make(page, advises: isDecidedByHeap)
            note(isMade, tookNs: Clock.threadNs() &- began, Clock.nowMs())
            if !isMade { return page }
            page += HugePages.bytes
        }
        return page
    }

    private static func make(_ page: UInt, advises: Bool) -> Bool {
        if advises, !SystemCall.preferHugePages(page, bytes: bytes) { return false }
        let isMade = isClearedByTouch(page) || SystemCall.collapse(page, bytes: bytes)
        if advises, !policy.pointee.usesHugePages {
            SystemCall.preferSmallPages(page, bytes: bytes)
        }
        return isMade
    }

    /// Finds out who decides, once, where memory is neither advised nor was ever used. A touch that
    /// was interrupted looks like one that has cleared 2 MiB; two in a row are few.
    private func findChooser() {
        if chooser.load(ordering: .relaxed) != .unknown { return }
        var found = Chooser.kernel
        for _ in 0..<2 where found == .kernel {
            guard let memory = SystemCall.map(bytes: 2 * HugePages.bytes) else { return }
            let page = alignUp(memory, to: HugePages.bytes)
            if !HugePages.isClearedByTouch(page) { found = .heap }
            SystemCall.unmap(memory, bytes: 2 * HugePages.bytes)
        }
        _ = chooser.compareExchange(expected: .unknown, desired: found, ordering: .relaxed)
    }

    /// Writes the first word of a page; says whether that took as long as to clear a huge one, of
    /// which to clear 4 KiB is a small part.
    private static func isClearedByTouch(_ page: UInt) -> Bool {
        let began = Clock.threadNs()
        pointer(page, to: UInt.self).pointee = 0
        return Clock.threadNs() &- began >= clearedNs
    }

    private static let clearedNs: UInt = 10_000

    func note(_ isMade: Bool, tookNs: UInt, _ now: UInt32) {
        if isMade, tookNs <= HugePages.dearNs { return }
        let paidBack = tookNs / 1_000_000 * HugePages.pauseFactor
        let least = isMade ? 0 : HugePages.pauseMsRefused
        let pause = min(max(paidBack, least), HugePages.pauseMsMax)
        // 0 stands for none: then it ends a moment later.
        pausedUntilMs.store(max(now &+ UInt32(pause), 1), ordering: .relaxed)
    }
}
