// SPDX-License-Identifier: MIT
//
// The comparison of selectors that docs/adr/0008-selector.md records, with fewer seeds. It prints
// its table.

import Foundation
import Testing

@testable import HakmemCoreHosted

@Suite struct SelectorComparisonTests {
    private static let seeds = 5

    private struct Row {
        var within: Double
        var needed: Int
        var neededNinety: Int
        var regret: Double
        var excess: Double
    }

    private func measure<Selector: StrategySelector>(
        _ selector: Selector.Type, _ noise: Noise, windows: Int
    ) -> Row {
        var experiment = Experiment()
        experiment.windows = windows
        experiment.noise = noise
        var outcomes: [Experiment.Outcome] = []
        for load in SimulatedLoad.stationary {
            for seed in 0..<SelectorComparisonTests.seeds {
                outcomes.append(experiment.run(selector, seed: UInt64(seed), load))
            }
        }
        let needed = outcomes.map(\.windowsNeeded).sorted()
        let count = Double(outcomes.count)
        return Row(
            within: Double(outcomes.count { $0.excess <= 0.02 }) / count,
            needed: needed[needed.count / 2], neededNinety: needed[needed.count * 9 / 10],
            regret: outcomes.reduce(0) { $0 + $1.regret } / count,
            excess: outcomes.reduce(0) { $0 + $1.excess } / count)
    }

    private func text(_ name: String, _ noise: String, _ row: Row) -> String {
        String(
            format: "| %@ | %@ | %.1f %% | %.2f %% | %d | %d | %.1f |", name, noise,
            row.within * 100, row.excess * 100, row.needed, row.neededNinety, row.regret)
    }

    @Test func selectorsOnStationaryLoads() {
        let noises = [
            ("3 %", Noise(spread: 0.03)), ("8 %", Noise(spread: 0.08)),
            ("3 %, one in ten disturbed", Noise(spread: 0.03, disturbed: 0.1)),
        ]
        for (name, noise) in noises {
            let elo = measure(Elo.self, noise, windows: 50)
            let ucb = measure(Ucb1.self, noise, windows: 50)
            print(text("Elo", name, elo))
            print(text("UCB1", name, ucb))
            #expect(ucb.within >= 0.95 && ucb.within >= elo.within)
            #expect(ucb.neededNinety < 45)
            #expect(ucb.regret < elo.regret)
        }
    }
}
