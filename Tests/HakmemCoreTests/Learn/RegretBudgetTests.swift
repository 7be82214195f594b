// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct RegretBudgetTests {
    @Test func aDearTrialIsPaidForByWork() {
        var budget = RegretBudget()
        #expect(budget.mayTry)
        budget.charge(lengthNs: 1000, cost: 1)
        budget.charge(lengthNs: 100, cost: 11)
        #expect(!budget.mayTry && budget.regretNs == 1000)
        for _ in 0..<19 { budget.charge(lengthNs: 1000, cost: 1) }
        #expect(budget.mayTry)
    }

    @Test func whatIsBetterCostsNothing() {
        var budget = RegretBudget()
        budget.charge(lengthNs: 1000, cost: 0.5)
        #expect(budget.regretNs == 0 && budget.mayTry)
    }
}
