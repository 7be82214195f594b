// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct RegretBudgetTests {
    @Test func aDearTrialIsPaidForByWork() {
        var budget = RegretBudget()
        #expect(budget.mayTry)
        budget.charge(lengthNs: 1000, cost: 1)
        budget.charge(lengthNs: 2000, cost: 2)
        #expect(!budget.mayTry && budget.regretNs == 1000)
        for _ in 0..<17 { budget.charge(lengthNs: 1000, cost: 1) }
        #expect(budget.mayTry)
    }

    @Test func noTrialLosesMoreTimeThanItTook() {
        var budget = RegretBudget()
        budget.charge(lengthNs: 100, cost: 1e6)
        #expect(99...100 ~= budget.regretNs)
    }

    @Test func whatIsBetterCostsNothing() {
        var budget = RegretBudget()
        budget.charge(lengthNs: 1000, cost: 0.5)
        #expect(budget.regretNs == 0 && budget.mayTry)
    }
}
