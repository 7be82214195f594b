// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct EloTests {
    @Test func expectedScores() {
        #expect(Elo.expected(1500, 1500) == 0.5)
        #expect(abs(Elo.expected(1900, 1500) - 10.0 / 11) < 1e-9)
        #expect(abs(Elo.expected(1500, 1700) + Elo.expected(1700, 1500) - 1) < 1e-9)
    }

    @Test func aGameMovesHalfAStepBetweenEquals() {
        var elo = Elo(favourite: 0)
        elo.record(0, cost: 1)
        elo.record(1, cost: 0.5)
        #expect(elo.rating(1) == 1516 && elo.rating(0) == 1484)
        elo.record(2, cost: 1)
        #expect(elo.samples(2) == 2 && elo.samples(0) == 2)
        #expect(elo.leader == 1)
    }

    @Test func drawsAndSumsHold() {
        var elo = Elo(favourite: 0)
        elo.record(0, cost: 1)
        elo.record(1, cost: 1.005)
        #expect(elo.rating(0) == 1500 && elo.rating(1) == 1500)
        var randomness = Randomness(seed: 3)
        for _ in 0..<500 {
            let strategy = elo.next(random: randomness.next())
            elo.record(strategy, cost: 1 + Double(randomness.below(1000)) / 1000)
        }
        let sum = (0..<Strategy.count).reduce(0) { $0 + elo.rating($1) }
        #expect(abs(sum - 1500 * Double(Strategy.count)) < 1e-6)
    }

    @Test func nobodyLeavesBeforeFiftySamples() {
        var elo = Elo(favourite: 0)
        var randomness = Randomness(seed: 4)
        var played: Set<Int> = []
        while !elo.isSettled {
            let strategy = elo.next(random: randomness.next())
            played.insert(strategy)
            elo.record(strategy, cost: 1 + Double(strategy) / 10)
        }
        #expect(played.count == Strategy.count)
        #expect((0..<Strategy.count).allSatisfy { elo.samples($0) >= 50 })
        #expect(elo.leader == 0)
        // From here on, only survivors play.
        played = []
        for _ in 0..<500 {
            let strategy = elo.next(random: randomness.next())
            played.insert(strategy)
            elo.record(strategy, cost: 1 + Double(strategy) / 10)
        }
        #expect(played == Set(0..<Selection.survivors))
    }

    @Test func reopeningLetsSurvivorsThenAllCompete() {
        var elo = Elo(favourite: 0)
        for strategy in 0..<Strategy.count { elo.record(strategy, cost: 1 + Double(strategy)) }
        elo.reopen(favourite: 2)
        #expect(!elo.hasSeenAll && elo.leader == 2)
        for strategy in 0..<Selection.survivors { elo.record(strategy, cost: 1) }
        #expect(elo.hasSeenAll)
        elo.reopen(favourite: 2)
        for strategy in 0..<Selection.survivors { elo.record(strategy, cost: 1) }
        #expect(!elo.hasSeenAll)
    }

    @Test func restoredRatingsAreKept() {
        var elo = Elo(favourite: 0)
        elo.restore(4, rating: 1620, samples: 1000)
        #expect(elo.rating(4) == 1620)
        #expect(elo.samples(4) < 50)
    }
}
