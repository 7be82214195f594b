// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct Ucb1Tests {
    private func play(_ ucb: inout Ucb1, windows: Int, cost: (Int) -> Double) -> [Int] {
        var randomness = Randomness(seed: 5)
        return (0..<windows).map { _ in
            let strategy = ucb.next(random: randomness.next())
            ucb.record(strategy, cost: cost(strategy))
            return strategy
        }
    }

    @Test func seesAllOnceTheFavouriteFirst() {
        var ucb = Ucb1(favourite: 3)
        #expect(ucb.leader == 3)
        let played = play(&ucb, windows: Strategy.count) { _ in 1 }
        #expect(played.first == 3)
        // Nothing is better than the favourite: the extremes are not tried.
        let extremes = [Strategy.hoard, Strategy.prompt]
        #expect(Set(played) == Set(0..<Strategy.count).subtracting(extremes))
        #expect(ucb.hasSeenAll)
    }

    /// `hoard` may pay where half of its way does not: that giving back is dear says so.
    @Test(arguments: [(2.0, false), (3.0, true)])
    func keepingIsTriedWhereGivingBackIsDear(lean: Double, isTried: Bool) {
        var ucb = Ucb1(favourite: 0)
        let played = play(&ucb, windows: 40) {
            $0 == Strategy.lean ? lean : $0 == Strategy.hoard ? 0.8 : 1
        }
        #expect(played.contains(Strategy.hoard) == isTried)
        #expect(ucb.leader == (isTried ? Strategy.hoard : 0))
    }

    @Test func comparesTheGoodOnesClosely() {
        var ucb = Ucb1(favourite: 0)
        _ = play(&ucb, windows: 60) { $0 == 7 ? 0.9 : $0 == 8 ? 0.93 : 1.2 }
        #expect(ucb.leader == 7 && ucb.isSettled)
        #expect(ucb.samples(7) > ucb.samples(8) && ucb.samples(8) > ucb.samples(1))
        #expect(ucb.rating(7) > ucb.rating(8) && ucb.rating(1) < 1500)
    }

    @Test func aDisturbedFirstWindowIsRepeated() {
        var ucb = Ucb1(favourite: 0)
        var windows = 0
        _ = play(&ucb, windows: 40) { strategy in
            if strategy != 7 { return 1 }
            windows += 1
            return windows == 1 ? 2 : 0.9
        }
        #expect(ucb.leader == 7)
    }

    @Test func ratingsSurviveARestore() {
        var ucb = Ucb1(favourite: 0)
        ucb.restore(4, rating: 1700, samples: 100)
        #expect(abs(ucb.rating(4) - 1700) < 1e-6)
        #expect(ucb.leader == 4 && ucb.samples(4) < 8)
        #expect(ucb.rating(5) == 1500)
    }

    @Test func reopeningLetsSurvivorsThenAllCompete() {
        var ucb = Ucb1(favourite: 0)
        _ = play(&ucb, windows: 12) { 1 + Double($0) / 100 }
        ucb.reopen(favourite: 9)
        let second = play(&ucb, windows: 30) { 1 + Double($0) / 100 }
        #expect(Set(second) == Set([0, 1, 2, 3, 4, 5, 9]))
        ucb.reopen(favourite: 0)
        #expect(Set(play(&ucb, windows: 30) { _ in 1 }).count == Strategy.count - 2)
    }

    @Test func challengersAreDrawnByLotAndRating() {
        var ucb = Ucb1(favourite: 0)
        _ = play(&ucb, windows: 12) { 1 + Double($0) }
        var randomness = Randomness(seed: 6)
        var drawn = [Int](repeating: 0, count: Strategy.count)
        for _ in 0..<10_000 { drawn[ucb.challenger(to: 2, random: randomness.next())] += 1 }
        #expect(drawn[2] == 0)
        #expect(drawn[0] > 1200 && drawn[0] > 5 * drawn[11])
        #expect(drawn[11] > 0)
    }
}
