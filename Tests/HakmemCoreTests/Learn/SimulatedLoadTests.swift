// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SimulatedLoadTests {
    @Test func loadsHaveDifferentBestStrategies() {
        #expect(Set(SimulatedLoad.stationary.map(\.best)).count >= 6)
    }
}
