// SPDX-License-Identifier: MIT
//
// Whether sites' rules purge in vain: memory that a rule gave back at once would have stayed for
// the purge delay, and served whoever asked meanwhile. What the program takes fresh in that time is
// what the rules have cost. When that is half of what they gave back, they rest: so what they can
// cost at most is some page faults a rest.
//
// Guarded by: the page heap's lock. Zeroed memory has nothing to regret.

struct RuleRegret {
    /// Bytes that rules purged, and of these the ones that were missing soon: since the last rest,
    /// fading.
    private(set) var purgedBytes: UInt
    private var missedBytes: UInt
    private var purgedMs: UInt32
    /// When the rest ends; 0 while there is none.
    private var restsUntilMs: UInt32

    /// Less purged memory says nothing.
    private static let purgedBytesMin: UInt = 4 << 20
    /// Beyond this, what was purged earlier counts half.
    private static let purgedBytesMax: UInt = 64 << 20
    /// How long rules rest, in ms.
    private static let restMs: UInt32 = 10_000

    /// Whether a rule may purge.
    mutating func mayPurge(_ now: UInt32) -> Bool {
        if restsUntilMs == 0 { return true }
        if Int32(bitPattern: now &- restsUntilMs) < 0 { return false }
        restsUntilMs = 0
        return true
    }

    /// A rule has purged `bytes`.
    mutating func notePurge(_ bytes: UInt, _ now: UInt32) {
        if purgedBytes > RuleRegret.purgedBytesMax {
            purgedBytes /= 2
            missedBytes /= 2
        }
        purgedBytes += bytes
        purgedMs = now
    }

    /// The program takes `bytes` that have no pages behind them, where free memory stays `delayMs`.
    mutating func noteFresh(_ bytes: UInt, _ now: UInt32, delayMs: UInt32) {
        if purgedBytes == 0 || now &- purgedMs > delayMs { return }
        missedBytes = min(missedBytes + bytes, purgedBytes)
        guard purgedBytes >= RuleRegret.purgedBytesMin, missedBytes > purgedBytes / 2 else {
            return
        }
        purgedBytes = 0
        missedBytes = 0
        restsUntilMs = (now &+ RuleRegret.restMs) | 1
    }
}
