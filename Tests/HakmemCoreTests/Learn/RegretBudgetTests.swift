// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct RegretBudgetTests {
    @Test func aDearTrialIsPaidForByWork() {
        var budget = RegretBudget()
        #expect(budget.mayTry)
        budget.charge(blocks: 1000, cost: 1)
        budget.charge(blocks: 100, cost: 11)
        #expect(!budget.mayTry && budget.regret == 1000)
        for _ in 0..<19 { budget.charge(blocks: 1000, cost: 1) }
        #expect(budget.mayTry)
    }

    @Test func whatIsBetterCostsNothing() {
        var budget = RegretBudget()
        budget.charge(blocks: 1000, cost: 0.5)
        #expect(budget.regret == 0 && budget.mayTry)
    }
}
