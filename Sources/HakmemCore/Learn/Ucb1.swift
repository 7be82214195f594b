// SPDX-License-Identifier: MIT
//
// UCB1 (P. Auer, N. Cesa-Bianchi, P. Fischer, 2002): the next window runs the strategy that is best
// if luck was as much against it as is likely,
//
//   least of   cost(i) * (1 - spread * sqrt(2 ln t / n(i)))     t windows, n(i) with strategy i
//
// so that the good ones are compared closely and the bad ones hardly again. The textbook's bound
// is for costs between 0 and 1; here the differences between windows of one strategy are small,
// and `spread` is their size.

package struct Ucb1: StrategySelector {
    private var estimates = InlineArray<12, CostEstimate>(repeating: CostEstimate())
    /// Bit i: strategy i competes.
    private var open = Strategy.everyone
    /// Bit i: the load can tell strategy i from the others.
    private var candidates = Strategy.everyone
    /// Windows of each strategy, up to two.
    private var seen = InlineArray<12, UInt8>(repeating: 0)
    private var favourite: Int
    private var windows = 0

    /// How far windows of one strategy differ, as a share of its cost.
    private static let spread = 0.05
    /// A first window that costs between these many times the leader's gets a second: more is no
    /// disturbance. And where `lean` costs more, `hoard` is tried.
    private static let disturbedRatio = 1.3
    private static let hopelessRatio = 2.5
    /// What leads must be better than the favourite by this share, and so must `lean` before
    /// `prompt` is tried.
    private static let leadShare = 0.02
    /// The leader is settled when it led this many windows.
    private static let settledSamples = 8
    /// A rating is 1500 at cost 1 and this much more at half of it.
    private static let ratingPerHalving = 400.0
    /// Samples that a restored rating may stand for: it comes from another run.
    private static let restoredSamplesMax = 4

    package init(favourite: Int) { self.favourite = favourite }

    package var competing: UInt16 { open & candidates }

    private func competes(_ strategy: Int) -> Bool { competing >> UInt16(strategy) & 1 == 1 }

    package mutating func restrict(to candidates: UInt16) {
        self.candidates = candidates | 1 << UInt16(favourite)
    }

    /// Whether a strategy is to be tried: an extreme only where its direction has proved good, or
    /// the other one dear.
    private func isDue(_ strategy: Int) -> Bool {
        guard competes(strategy) else { return false }
        switch strategy {
        case Strategy.prompt:
            let lean = estimates[Strategy.lean]
            let limit = estimates[favourite].cost * (1 - Ucb1.leadShare)
            return favourite == strategy || lean.samples > 0 && lean.cost <= limit
        case Strategy.hoard:
            // Half of its way may be too short to help: where giving back is dear, keeping may pay.
            let lean = estimates[Strategy.lean]
            let limit = estimates[favourite].cost * Ucb1.hopelessRatio
            return leader != favourite || lean.samples > 0 && lean.cost > limit
        default: return true
        }
    }

    package mutating func next(random: UInt64) -> Int {
        if let unseen { return unseen }
        let evidence = 2 * Logarithm.natural(Double(max(windows, 2)))
        var best = favourite
        var bestBound = Double.infinity
        for index in 0..<Strategy.count where competes(index) && estimates[index].samples > 0 {
            let estimate = estimates[index]
            let luck = Logarithm.squareRoot(evidence / Double(max(estimate.samples, 1)))
            let bound = estimate.cost * (1 - Ucb1.spread * luck)
            if bound < bestBound {
                best = index
                bestBound = bound
            }
        }
        return best
    }

    /// A competing strategy without a window: the favourite first, others in the order of trials;
    /// then one whose only window was so bad that it may have been disturbed.
    private var unseen: Int? {
        if competes(favourite), estimates[favourite].samples == 0 { return favourite }
        for place in 0..<Strategy.count {
            let index = Strategy.inOrder(place)
            if estimates[index].samples == 0, isDue(index) { return index }
        }
        let best = estimates[leader].cost
        for index in 0..<Strategy.count where isDue(index) && seen[index] < 2 {
            let ratio = estimates[index].cost / best
            if ratio > Ucb1.disturbedRatio, ratio < Ucb1.hopelessRatio { return index }
        }
        return nil
    }

    package mutating func record(_ strategy: Int, cost: Double) {
        windows += 1
        estimates[strategy].add(cost)
        seen[strategy] = min(seen[strategy] + 1, 2)
    }

    package var leader: Int {
        var best = favourite
        var least = estimates[favourite].cost * (1 - Ucb1.leadShare)
        if estimates[favourite].samples == 0 { least = .infinity }
        for index in 0..<Strategy.count where estimates[index].samples > 0 {
            if estimates[index].cost < least {
                best = index
                least = estimates[index].cost
            }
        }
        return best
    }

    package var hasSeenAll: Bool { unseen == nil }

    package var isSettled: Bool {
        if windows >= Selection.windowsMax { return true }
        if competing.nonzeroBitCount == 1 { return hasSeenAll }
        return hasSeenAll && estimates[leader].samples >= Ucb1.settledSamples
    }

    package func cost(_ strategy: Int) -> Double { estimates[strategy].cost }

    package func rating(_ strategy: Int) -> Double {
        let estimate = estimates[strategy]
        if estimate.samples == 0 { return Selection.ratingStart }
        return Selection.ratingStart - Ucb1.ratingPerHalving * Logarithm.log2(estimate.cost)
    }

    package func samples(_ strategy: Int) -> Int { estimates[strategy].samples }

    package mutating func restore(_ strategy: Int, rating: Double, samples: Int) {
        let halvings = (Selection.ratingStart - rating) / Ucb1.ratingPerHalving
        estimates[strategy] = CostEstimate(
            cost: Logarithm.exp2(halvings), samples: min(samples, Ucb1.restoredSamplesMax))
    }

    package mutating func reopen(favourite: Int) {
        open = open == Strategy.everyone ? better() : Strategy.everyone
        self.favourite = favourite
        open |= 1 << UInt16(favourite)
        candidates |= 1 << UInt16(favourite)
        windows = 0
        for index in 0..<Strategy.count {
            estimates[index] = CostEstimate()
            seen[index] = 0
        }
    }

    /// The set of the `Selection.survivors` best rated.
    private func better() -> UInt16 {
        var chosen: UInt16 = 0
        for _ in 0..<Selection.survivors {
            var best = -1
            for index in 0..<Strategy.count where chosen >> UInt16(index) & 1 == 0 {
                if best < 0 || rating(index) > rating(best) { best = index }
            }
            chosen |= 1 << UInt16(best)
        }
        return chosen
    }
}
