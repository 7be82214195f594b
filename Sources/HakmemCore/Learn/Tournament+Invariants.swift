// SPDX-License-Identifier: MIT
//
// What must hold of a tournament between two windows.

extension Tournament {
    func checkInvariants() {
        precondition(loadCount <= Tournament.loadsMax && active < max(loadCount, 1))
        precondition(strategy >= 0 && strategy < Strategy.count)
        for index in 0..<loadCount { loads[index].lifecycle.checkInvariants() }
    }
}

extension Lifecycle {
    func checkInvariants() {
        precondition(champion >= 0 && champion < Strategy.count)
        precondition((state == .canary) == (challenger != champion))
        precondition(championCost.cost >= 0 && championCost.cost.isFinite)
    }
}
