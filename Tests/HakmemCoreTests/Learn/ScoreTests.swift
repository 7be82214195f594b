// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HakmemCoreHosted

@Suite struct ScoreTests {
    private let reference = Rates(cpu: 99, faults: 0.99, memory: 1.99)

    private func cost(_ rates: Rates, _ weights: ScoreWeights = ScoreWeights()) -> Double {
        Score.cost(rates, reference: reference, weights: weights)
    }

    @Test func theReferenceCostsOne() {
        #expect(abs(cost(reference) - 1) < 1e-12)
    }

    @Test func ratesHaveTheirWeights() {
        #expect(abs(cost(Rates(cpu: 199, faults: 0.99, memory: 1.99)) - pow(2, 0.4)) < 1e-9)
        #expect(abs(cost(Rates(cpu: 99, faults: 1.99, memory: 1.99)) - pow(2, 0.3)) < 1e-9)
        #expect(abs(cost(Rates(cpu: 99, faults: 0.99, memory: 0.99)) - pow(2, -0.3)) < 1e-9)
        let doubled = Rates(cpu: 199, faults: 0.99, memory: 1.99)
        #expect(abs(cost(doubled, ScoreWeights(cpu: 1, faults: 0, memory: 0)) - 2) < 1e-9)
        #expect(cost(doubled, ScoreWeights(cpu: 0, faults: 0, memory: 0)) == 1)
    }

    @Test func theReferenceDoesNotChangeTheOrder() {
        let one = Rates(cpu: 50, faults: 0.2, memory: 2)
        let other = Rates(cpu: 80, faults: 0.02, memory: 2.4)
        let ratios = [reference, one, other].map {
            Score.cost(one, reference: $0, weights: ScoreWeights())
                / Score.cost(other, reference: $0, weights: ScoreWeights())
        }
        #expect(abs(ratios[0] / ratios[1] - 1) < 1e-9 && abs(ratios[0] / ratios[2] - 1) < 1e-9)
    }

    @Test func aRateIsBounded() {
        let worst = Rates(cpu: 1e12, faults: 1e9, memory: 1e9)
        #expect(abs(cost(worst) - Score.ratioMax) < 1e-9)
        #expect(cost(Rates(cpu: 0, faults: 0, memory: 0)) > 0)
    }

    @Test func nothingAgainstNothingIsEqual() {
        let nothing = Rates(cpu: 0, faults: 0, memory: 0)
        #expect(Score.cost(nothing, reference: nothing, weights: ScoreWeights()) == 1)
    }

    @Test func ratesDoNotDependOnTheWindowsLength() {
        var window = WindowMeasurement()
        window.events = 100
        window.allocatorNs = 5000
        window.pageFaults = 7
        window.residentBytes = 3 << 20
        window.liveBytes = 1 << 20
        let short = Rates(window)
        window.events *= 10
        window.allocatorNs *= 10
        window.pageFaults *= 10
        let long = Rates(window)
        // 50 ns in the allocator, 0.07 page faults.
        #expect(short.cpu == 85 && short.cpu == long.cpu)
        #expect(short.faults == 0.07 && short.faults == long.faults)
        #expect(short.memory == 1.5 && short.memory == long.memory)
        #expect(Rates(WindowMeasurement()).cpu == 0)
    }

    @Test func theMedianIsEachRatesOwn() {
        let median = Rates.median(
            Rates(cpu: 1, faults: 9, memory: 5), Rates(cpu: 2, faults: 7, memory: 5),
            Rates(cpu: 3, faults: 8, memory: 1))
        #expect(median.cpu == 2 && median.faults == 8 && median.memory == 5)
    }
}
