// SPDX-License-Identifier: MIT
//
// Runs a tournament over simulated windows and keeps account of what it chose.

@testable import HakmemCoreHosted

struct Experiment {
    var windows = 300
    var noise = Noise()
    var mode = EvolutionMode.auto
    /// The champion of an earlier run.
    var champion: Int?
    /// The length of a window, in milliseconds.
    var windowMs: UInt = 2000
    /// Whether windows of hopeless trials end after a tenth.
    var endsEarly = true

    struct Step {
        var load: SimulatedLoad
        /// The strategy that ran, and the one that would have been kept.
        var strategy: Int
        var champion: Int
        /// The part of a window that it ran.
        var length: Double
        var decision: Decision
    }

    struct Outcome {
        var steps: [Step] = []

        /// What the windows cost, noise left out.
        var cost: Double { steps.reduce(0) { $0 + $1.load.cost($1.strategy) * $1.length } }

        var length: Double { steps.reduce(0) { $0 + $1.length } }

        var costPerWindow: Double { cost / length }

        /// How much more the champion costs at the end than the best strategy, as a share.
        var excess: Double {
            guard let last = steps.last else { return 0 }
            return last.load.cost(last.champion) / last.load.cost(last.load.best) - 1
        }

        /// Windows until the champion stayed within 2 % of the best one.
        var windowsNeeded: Int {
            let late = steps.lastIndex {
                $0.load.cost($0.champion) > 1.02 * $0.load.cost($0.load.best)
            }
            return (late ?? -1) + 1
        }

        /// What windows cost beyond the best strategy, in windows of the default.
        var regret: Double {
            steps.reduce(0) {
                $0 + $1.length * ($1.load.cost($1.strategy) - $1.load.cost($1.load.best))
            }
        }
    }

    /// The load of a window is asked for by its number.
    func run<Selector: StrategySelector>(
        _ selector: Selector.Type, seed: UInt64, load: (Int) -> SimulatedLoad
    ) -> Outcome {
        var randomness = Randomness(seed: seed)
        var tournament = Tournament<Selector>(
            mode: mode, champion: champion ?? Strategy.defaultIndex, isWarm: champion != nil)
        var outcome = Outcome()
        var endMs: UInt = 0
        for number in 0..<windows {
            let load = load(number)
            let strategy = tournament.strategy
            var window = load.window(strategy, endMs: endMs, noise: noise, &randomness)
            var length = 1.0
            if endsEarly, tournament.shouldEndEarly(window) {
                length = 0.1
                window.events /= 10
                window.lengthNs /= 10
                window.allocatorNs /= 10
                window.pageFaults /= 10
            }
            endMs += UInt(length * Double(windowMs))
            window.endMs = endMs
            let decision = tournament.windowEnded(window, random: randomness.next())
            tournament.checkInvariants()
            outcome.steps.append(
                Step(
                    load: load, strategy: strategy, champion: tournament.champion, length: length,
                    decision: decision))
        }
        return outcome
    }

    func run<Selector: StrategySelector>(
        _ selector: Selector.Type, seed: UInt64, _ load: SimulatedLoad
    ) -> Outcome {
        run(selector, seed: seed) { _ in load }
    }
}
