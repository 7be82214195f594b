// SPDX-License-Identifier: MIT
//
// What trying may cost: a share of the work done since the start. Work is counted in blocks handed
// out; a window of n blocks that cost c times what is known to be best has a regret of n (c - 1).
// While the regret is above its share nothing new is tried, and the budget grows again.
//
//   regret ≤ share * blocks + one trial that was cut short

struct RegretBudget {
    private(set) var blocks = 0.0
    private(set) var regret = 0.0

    /// The part of all work that trials may cost.
    static let share = 0.05

    var mayTry: Bool { regret <= RegretBudget.share * blocks }

    /// A window of `blocks` cost `cost` times the best that is known.
    mutating func charge(blocks: UInt, cost: Double) {
        self.blocks += Double(blocks)
        regret += Double(blocks) * max(0, cost - 1)
    }
}
