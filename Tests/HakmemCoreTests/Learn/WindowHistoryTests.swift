// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct WindowHistoryTests {
    private func of(_ windows: (Int, Double)...) -> WindowHistory {
        var history = WindowHistory()
        for (strategy, p99Ns) in windows { history.add(strategy: strategy, p99Ns: p99Ns) }
        return history
    }

    @Test func keepsTheLastTen() {
        var history = WindowHistory()
        for index in 0..<25 { history.add(strategy: index % 12, p99Ns: Double(index)) }
        #expect(history.count == WindowHistory.capacity)
        #expect(history.entry(age: 0).p99Ns == 24 && history.entry(age: 9).p99Ns == 15)
    }

    @Test func stableIsOneStrategyWithinItsShare() {
        #expect(of((1, 100), (1, 100.5), (1, 101)).isStable(windows: 3, share: 0.01))
        #expect(!of((1, 100), (1, 100.5), (1, 102)).isStable(windows: 3, share: 0.01))
        #expect(!of((1, 100), (2, 100), (1, 100)).isStable(windows: 3, share: 0.01))
        #expect(!of((1, 100), (1, 100)).isStable(windows: 3, share: 0.01))
    }

    @Test func othersWindowsAreLookedOver() {
        let history = of((1, 130), (1, 130), (2, 50), (1, 140))
        #expect(history.isAbove(120, windows: 3, of: 1))
        #expect(!history.isAbove(130, windows: 3, of: 1))
        #expect(!history.isAbove(120, windows: 4, of: 1))
        #expect(history.meanP99(windows: 2, of: 1) == 135)
        #expect(history.meanP99(windows: 2, of: 2) == nil)
    }
}
