// SPDX-License-Identifier: MIT
//
// How far the last windows of one strategy differ: when they do by much, windows are shorter than
// what the program does in turn. One window may stand out, by a disturbance; so the second
// dearest of the last few counts, against the second cheapest.

struct CostRange {
    private static let capacity = 8
    private var costs = InlineArray<8, Double>(repeating: 0)
    private var count = 0

    mutating func add(_ cost: Double) {
        costs[count % CostRange.capacity] = cost
        count += 1
    }

    /// The second dearest over the second cheapest of the last few; of three, the extremes.
    var ratio: Double {
        let filled = min(count, CostRange.capacity)
        if filled < 3 { return 1 }
        var least = (Double.infinity, Double.infinity)
        var most = (0.0, 0.0)
        for index in 0..<filled {
            let cost = costs[index]
            if cost < least.0 {
                least = (cost, least.0)
            } else if cost < least.1 {
                least.1 = cost
            }
            if cost > most.0 {
                most = (cost, most.0)
            } else if cost > most.1 {
                most.1 = cost
            }
        }
        let ratio = filled < CostRange.capacity ? most.0 / least.0 : most.1 / least.1
        return filled == 3 || filled == CostRange.capacity ? ratio : 1
    }
}
