// SPDX-License-Identifier: MIT
//
// What trying may cost: a share of the time since the start. A window of t ns that cost c times
// what is known to be best did what takes t / c: its regret is t (1 - 1/c). While the regret is
// above its share nothing new is tried, and the budget grows again. Time and not blocks, because a
// block of one load is no measure for those of another.
//
//   regret ≤ share * time + one trial that was cut short

struct RegretBudget {
    private(set) var timeNs = 0.0
    private(set) var regretNs = 0.0

    /// The part of all time that trials may cost.
    static let share = 0.05

    var mayTry: Bool { regretNs <= RegretBudget.share * timeNs }

    /// A window of `lengthNs` cost `cost` times the best that is known.
    mutating func charge(lengthNs: UInt, cost: Double) {
        timeNs += Double(lengthNs)
        if cost > 1 { regretNs += Double(lengthNs) * (1 - 1 / cost) }
    }
}
