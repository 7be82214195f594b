// SPDX-License-Identifier: MIT
//
// Elo ratings (A. Elo, 1978): a window of a strategy is a game against each strategy that has had a
// window already, won by the lower cost.
//
//   expected   E = 1 / (1 + 10^((other - own) / 400))
//   after      own += K (S - E), other -= K (S - E)      S: 1 won, ½ drawn, 0 lost
//
// A sample is a game. When all that compete have `samplesMin`, the field is narrowed to the
// survivors; from then on the best rated plays, and with `exploration` another one. The sum of all
// ratings is constant.

package struct Elo: StrategySelector {
    private var ratings = InlineArray<12, Double>(repeating: Selection.ratingStart)
    private var games = InlineArray<12, UInt32>(repeating: 0)
    private var costs = InlineArray<12, CostEstimate>(repeating: CostEstimate())
    /// Bit i: strategy i competes.
    private var open = Strategy.everyone
    /// Bit i: the load can tell strategy i from the others.
    private var candidates = Strategy.everyone
    private var favourite: Int
    private var windows = 0
    /// Whether the survivors compete a second time.
    private var isReopened = false
    /// Windows since the leader last changed.
    private var leaderWindows = 0

    private static let step = 32.0
    private static let samplesMin: UInt32 = 50
    private static let exploration = 0.1
    /// Costs that differ by less, as a share, are a draw.
    private static let drawShare = 0.01
    /// The leader is settled when it led this many windows.
    private static let settledWindows = 8

    package init(favourite: Int) { self.favourite = favourite }

    package var competing: UInt16 { open & candidates }

    private func competes(_ strategy: Int) -> Bool { competing >> UInt16(strategy) & 1 == 1 }

    package mutating func restrict(to candidates: UInt16) {
        self.candidates = candidates | 1 << UInt16(favourite)
    }

    /// The share of games that a strategy of rating `own` wins against one of rating `other`.
    static func expected(_ own: Double, _ other: Double) -> Double {
        // 10^x = 2^(x log2 10)
        1 / (1 + Logarithm.exp2(3.321_928_094_887_362 * (other - own) / 400))
    }

    package mutating func next(random: UInt64) -> Int {
        if competes(favourite), costs[favourite].samples == 0 { return favourite }
        let least = leastPlayed(random)
        if games[least] < Elo.samplesMin || costs[least].samples == 0 { return least }
        if Double(random >> 40) < Elo.exploration * Double(1 << 24) { return anyone(random << 24) }
        return leader
    }

    /// The competing strategy with the fewest games; first one without a window.
    private func leastPlayed(_ random: UInt64) -> Int {
        let start = Selection.below(Strategy.count, random)
        var least = favourite
        for offset in 0..<Strategy.count {
            let index = (start + offset) % Strategy.count
            guard competes(index) else { continue }
            if costs[index].samples == 0 { return index }
            if !competes(least) || games[index] < games[least] { least = index }
        }
        return least
    }

    private func anyone(_ random: UInt64) -> Int {
        var left = Selection.below(competing.nonzeroBitCount, random)
        for index in 0..<Strategy.count where competes(index) {
            if left == 0 { return index }
            left -= 1
        }
        return favourite
    }

    package mutating func record(_ strategy: Int, cost: Double) {
        let before = leader
        for other in 0..<Strategy.count where other != strategy {
            if costs[other].samples > 0, competes(other) { play(strategy, other, cost) }
        }
        windows += 1
        costs[strategy].add(cost)
        narrow()
        leaderWindows = leader == before ? leaderWindows + 1 : 0
    }

    private mutating func play(_ strategy: Int, _ other: Int, _ cost: Double) {
        let difference = (costs[other].cost - cost) / costs[other].cost
        let isDraw = difference.magnitude < Elo.drawShare
        let result = isDraw ? 0.5 : difference > 0 ? 1 : 0
        let change = Elo.step * (result - Elo.expected(ratings[strategy], ratings[other]))
        ratings[strategy] += change
        ratings[other] -= change
        games[strategy] += 1
        games[other] += 1
    }

    /// Leaves the survivors, once every strategy has its samples.
    private mutating func narrow() {
        guard competing.nonzeroBitCount > Selection.survivors else { return }
        for index in 0..<Strategy.count where competes(index) {
            if games[index] < Elo.samplesMin { return }
        }
        narrowToSurvivors()
    }

    private mutating func narrowToSurvivors() {
        while competing.nonzeroBitCount > Selection.survivors {
            var worst = -1
            for index in 0..<Strategy.count where competes(index) {
                if worst < 0 || ratings[index] < ratings[worst] { worst = index }
            }
            open &= ~(1 << UInt16(worst))
        }
    }

    package var leader: Int {
        var best = favourite
        for index in 0..<Strategy.count where competes(index) && costs[index].samples > 0 {
            let isKnown = costs[best].samples > 0 && competes(best)
            if !isKnown || ratings[index] > ratings[best] { best = index }
        }
        return best
    }

    package var hasSeenAll: Bool {
        for index in 0..<Strategy.count where competes(index) && costs[index].samples == 0 {
            return false
        }
        return true
    }

    package var isSettled: Bool {
        if windows >= Selection.windowsMax { return true }
        if competing.nonzeroBitCount == 1 { return hasSeenAll }
        return competing.nonzeroBitCount <= Selection.survivors
            && leaderWindows >= Elo.settledWindows
            && games[leader] >= Elo.samplesMin
    }

    package func cost(_ strategy: Int) -> Double { costs[strategy].cost }

    package func rating(_ strategy: Int) -> Double { ratings[strategy] }

    package func samples(_ strategy: Int) -> Int { Int(games[strategy]) }

    package mutating func restore(_ strategy: Int, rating: Double, samples: Int) {
        ratings[strategy] = rating
        games[strategy] = UInt32(clamping: min(samples, Int(Elo.samplesMin) / 2))
    }

    package mutating func reopen(favourite: Int) {
        if isReopened { open = Strategy.everyone } else { narrowToSurvivors() }
        isReopened.toggle()
        self.favourite = favourite
        open |= 1 << UInt16(favourite)
        candidates |= 1 << UInt16(favourite)
        windows = 0
        leaderWindows = 0
        for index in 0..<Strategy.count {
            ratings[index] = (ratings[index] + Selection.ratingStart) / 2
            games[index] /= 2
            costs[index] = CostEstimate()
        }
    }
}
