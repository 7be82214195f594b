// SPDX-License-Identifier: MIT
//
// What the purger learns from its mistakes, and the whale cache from its own. Memory beyond the
// bound is given back before its delay; a program that takes as much fresh memory soon after would
// have been better off had it stayed. That much is added to the bound, and fades when the program
// does not do it again.
//
// So a program that drops what it has built and goes idle is small at once, and one that builds and
// drops in turn pays for page faults in its first round only.
//
// Guarded by: the lock of what it is part of. Zeroed memory has nothing to regret.

struct PurgeRegret {
    /// Bytes by which the bound is raised.
    private(set) var bytes: UInt
    /// Bytes purged before their delay since `purgedMs`, and not taken back.
    private var purgedBytes: UInt
    private var purgedMs: UInt32
    private var fadedMs: UInt32
    /// The same of what sites' rules purge.
    var rules: RuleRegret

    /// How long after a purge fresh memory counts as taken back, in ms.
    private static let windowMs: UInt32 = 1000
    /// How long it takes for regret to halve, in ms.
    private static let fadeMs: UInt32 = 2000

    /// Memory was purged, of which `early` bytes before their delay.
    mutating func notePurge(_ early: UInt, _ now: UInt32) {
        if bytes != 0, now &- fadedMs >= PurgeRegret.fadeMs {
            fadedMs = now
            bytes /= 2
        }
        if early == 0 { return }
        if now &- purgedMs > PurgeRegret.windowMs { purgedBytes = 0 }
        purgedBytes += early
        purgedMs = now
    }

    /// The program takes memory that has no pages behind it.
    @inline(__always)
    mutating func noteFresh(_ taken: UInt) {
        if purgedBytes | rules.purgedBytes != 0 { regret(taken, Clock.nowMs()) }
    }

    @inline(never)
    mutating func regret(_ taken: UInt, _ now: UInt32) {
        if rules.purgedBytes != 0 {
            rules.noteFresh(taken, now, delayMs: UInt32(policy.pointee.purgeDelayMs))
        }
        if now &- purgedMs > PurgeRegret.windowMs {
            purgedBytes = 0
            return
        }
        let regretted = min(taken, purgedBytes)
        purgedBytes -= regretted
        bytes += regretted
        fadedMs = now
    }
}
