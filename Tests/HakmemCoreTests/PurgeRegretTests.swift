// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct PurgeRegretTests {
    private func fresh() -> PurgeRegret {
        let bytes = MemoryLayout<PurgeRegret>.size
        return withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            return memory.load(as: PurgeRegret.self)
        }
    }

    @Test func whatIsTakenBackSoonIsRegretted() {
        var regret = fresh()
        regret.notePurge(1000, 50)
        regret.regret(300, 60)
        #expect(regret.bytes == 300)
        regret.regret(5000, 70)
        #expect(regret.bytes == 1000, "no more than was purged")
        regret.regret(5000, 80)
        #expect(regret.bytes == 1000)
    }

    @Test func whatIsTakenLateIsNot() {
        var regret = fresh()
        regret.notePurge(1000, 50)
        regret.regret(1000, 5000)
        #expect(regret.bytes == 0)
        regret.regret(1000, 5001)
        #expect(regret.bytes == 0)
    }

    @Test func purgesInTheirTimeAreNoMistake() {
        var regret = fresh()
        regret.notePurge(0, 50)
        regret.regret(1000, 51)
        #expect(regret.bytes == 0)
    }

    @Test func regretFades() {
        var regret = fresh()
        regret.notePurge(1 << 20, 50)
        regret.regret(1 << 20, 51)
        regret.notePurge(0, 1000)
        #expect(regret.bytes == 1 << 20)
        regret.notePurge(0, 3000)
        #expect(regret.bytes == 1 << 19)
        for step in UInt32(1)...30 { regret.notePurge(0, 3000 + step * 3000) }
        #expect(regret.bytes == 0)
    }

    @Test func theClockMayWrap() {
        var regret = fresh()
        regret.notePurge(1000, UInt32.max - 10)
        regret.regret(1000, 20)
        #expect(regret.bytes == 1000)
    }
}
