// SPDX-License-Identifier: MIT
//
// What a selector of strategies is: told the cost of each window, it names the strategy of the
// next. Two exist (Elo, Ucb1) and serve the same tournament; which one is a type parameter, so that
// calls are direct.

package protocol StrategySelector {
    /// A selector that knows nothing; `favourite` leads until something is known.
    init(favourite: Int)

    /// The strategy that a learning window should run. `random` decides where chance does.
    mutating func next(random: UInt64) -> Int

    /// A window with `strategy` had this cost; lower is better, 1 is the reference.
    mutating func record(_ strategy: Int, cost: Double)

    /// The best strategy as far as is known.
    var leader: Int { get }

    /// Whether every strategy that competes has had a window.
    var hasSeenAll: Bool { get }

    /// Whether more windows are unlikely to change the leader.
    var isSettled: Bool { get }

    /// What a window of a strategy costs, as far as is known; 0 when nothing is.
    func cost(_ strategy: Int) -> Double

    /// A strategy's rating, higher is better, about 1500; and the samples that it rests on.
    func rating(_ strategy: Int) -> Double
    func samples(_ strategy: Int) -> Int

    /// Takes a strategy's rating from an earlier run.
    mutating func restore(_ strategy: Int, rating: Double, samples: Int)

    /// Only these strategies and the favourite compete from now on; a bit each.
    mutating func restrict(to candidates: UInt16)

    /// The strategies that compete, a bit each.
    var competing: UInt16 { get }

    /// Forgets costs that no longer hold. The survivors compete again; all do, if they just did.
    mutating func reopen(favourite: Int)
}

/// What selectors have in common.
enum Selection {
    /// The strategies that remain when the field is narrowed.
    static let survivors = 6
    /// Ratings start here.
    static let ratingStart = 1500.0
    /// What cost this many times the champion's is no challenger.
    static let challengeRatio = 1.5
    /// Windows after which every selector has made up its mind.
    static let windowsMax = 48

    /// A number in `0..<bound`.
    static func below(_ bound: Int, _ random: UInt64) -> Int {
        Int(random.multipliedFullWidth(by: UInt64(bound)).high)
    }
}

extension StrategySelector {
    /// Who a canary should try against the champion: the better rated of two drawn by lot among
    /// those that compete and are not known to be far worse. The champion itself if there is none.
    func challenger(to champion: Int, random: UInt64) -> Int {
        var others = competing & ~(1 << UInt16(champion))
        let limit = cost(champion) * Selection.challengeRatio
        for index in 0..<Strategy.count where limit > 0 && cost(index) > limit {
            others &= ~(1 << UInt16(index))
        }
        if others == 0 { return champion }
        let first = drawn(others, random)
        let second = drawn(others, random &* 0x9E37_79B9_7F4A_7C15)
        return rating(first) >= rating(second) ? first : second
    }

    private func drawn(_ strategies: UInt16, _ random: UInt64) -> Int {
        var left = strategies
        for _ in 0..<Selection.below(strategies.nonzeroBitCount, random) { left &= left - 1 }
        return left.trailingZeroBitCount
    }
}
