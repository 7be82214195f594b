// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct BackoffTests {
    @Test func restsLongerWhenItComesOften() {
        var backoff = Backoff(restMin: 4, restMax: 32)
        #expect(backoff.mayAct(at: 0))
        backoff.act(at: 10)
        #expect(!backoff.mayAct(at: 13) && backoff.mayAct(at: 14))
        backoff.act(at: 14)
        #expect(backoff.rest == 8)
        for _ in 0..<10 { backoff.act(at: 20) }
        #expect(backoff.rest == 32)
    }

    @Test func restsShorterWhenItComesSeldom() {
        var backoff = Backoff(restMin: 4, restMax: 32)
        for _ in 0..<10 { backoff.act(at: 20) }
        backoff.act(at: 20 + 128)
        #expect(backoff.rest == 16)
        for times in 1...10 { backoff.act(at: 1000 * UInt(times)) }
        #expect(backoff.rest == 4)
    }

    @Test func canBePostponed() {
        var backoff = Backoff(restMin: 4, restMax: 32)
        backoff.postpone(to: 100)
        #expect(!backoff.mayAct(at: 103) && backoff.mayAct(at: 104))
        #expect(backoff.rest == 4)
    }
}
