// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct RuleRegretTests {
    private static let mi: UInt = 1 << 20

    private func fresh() -> RuleRegret {
        let bytes = MemoryLayout<RuleRegret>.size
        return withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            return memory.load(as: RuleRegret.self)
        }
    }

    private func mayPurge(_ regret: inout RuleRegret, _ now: UInt32) -> Bool {
        regret.mayPurge(now)
    }

    @Test func rulesThatAreWrongRest() {
        var regret = fresh()
        regret.notePurge(16 * RuleRegretTests.mi, 50)
        regret.noteFresh(7 * RuleRegretTests.mi, 60, delayMs: 100)
        #expect(mayPurge(&regret, 61))
        regret.noteFresh(2 * RuleRegretTests.mi, 62, delayMs: 100)
        #expect(!mayPurge(&regret, 63) && !mayPurge(&regret, 10_000))
        #expect(mayPurge(&regret, 10_063) && regret.purgedBytes == 0)
    }

    @Test func whatIsTakenLaterWouldHaveBeenPurgedAnyhow() {
        var regret = fresh()
        regret.notePurge(16 * RuleRegretTests.mi, 50)
        regret.noteFresh(16 * RuleRegretTests.mi, 151, delayMs: 100)
        #expect(mayPurge(&regret, 160))
    }

    @Test func littleSaysNothing() {
        var regret = fresh()
        regret.notePurge(RuleRegretTests.mi, 50)
        regret.noteFresh(16 * RuleRegretTests.mi, 51, delayMs: 100)
        #expect(mayPurge(&regret, 52))
    }

    /// What was right for long does not excuse what is wrong now.
    @Test func theLastPurgesCountMost() {
        var regret = fresh()
        for step in UInt32(0)..<1000 { regret.notePurge(8 * RuleRegretTests.mi, step) }
        #expect(regret.purgedBytes <= 128 * RuleRegretTests.mi)
        regret.noteFresh(80 * RuleRegretTests.mi, 1000, delayMs: 100)
        #expect(!mayPurge(&regret, 1001))
    }

    @Test func theClockMayWrap() {
        var regret = fresh()
        let late = UInt32.max - 10
        regret.notePurge(16 * RuleRegretTests.mi, late)
        regret.noteFresh(16 * RuleRegretTests.mi, 20, delayMs: 100)
        #expect(!mayPurge(&regret, 21) && !mayPurge(&regret, 9_000))
        #expect(mayPurge(&regret, 10_100))
    }
}
