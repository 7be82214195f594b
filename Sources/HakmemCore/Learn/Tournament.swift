// SPDX-License-Identifier: MIT
//
// The tournament: which strategy the next window runs. One call a window; all that it does is
// arithmetic on its own few KiB.
//
//   window ──► too short? ──► which load? ──► the active one: its life cycle decides
//              nothing        (sizes within   another, several windows running, and not held back:
//              changes         `sameLoad`)      go over to it, or learn it when it is new
//                                             another, now and then: the window does not count
//
// Each load has a reference, a selector and a life cycle of its own, so phases that come and go
// find their champion again at once. Following loads and learning both rest after each time, longer
// when they come often (Backoff): a program that changes faster than it can be followed ends with
// one champion.
//
// Owner: the cold tick that closes windows, one at a time. Invariants: loadCount ≤ loadsMax,
// active < max(loadCount, 1), running < Strategy.count.

/// The tournament that the allocator runs (docs/adr/0008-selector.md).
package typealias DefaultTournament = Tournament<Ucb1>

package struct Tournament<Selector: StrategySelector>: ~Copyable {
    package let mode: EvolutionMode
    private let weights: ScoreWeights
    private let incumbent: Int
    /// Whether the first load starts with a champion that an earlier run found.
    private let isWarm: Bool
    private(set) var loads: InlineArray<4, Load<Selector>>
    private(set) var loadCount = 0
    private(set) var active = 0
    private var running: Int
    private var windowCount: UInt = 0
    /// The load that windows had instead of the active one, `loadsMax` for a new one; how many in
    /// a row; and the sizes of those when it is new.
    private var otherLoad = 0
    private var otherWindows = 0
    private var otherSizes = SizeDistribution()
    /// The share of windows that had another load than the active one, fading over `strayWindows`.
    private var strayShare = 0.0
    /// Whether the load flips faster than it can be followed: the incumbent runs.
    private var isRestless = false
    private var following = Backoff(restMin: 4, restMax: 1024)
    private var learning = Backoff(restMin: 16, restMax: 4096)
    private(set) var budget = RegretBudget()

    static var loadsMax: Int { 4 }
    /// Distributions that are at least so far apart are different loads.
    private static var sameLoad: Double { 0.25 }
    private static var sameTrialLoad: Double { 0.5 }
    /// Windows with fewer events say nothing.
    private static var eventsMin: UInt { 64 }
    /// Windows in a row before a known load is followed, and a new one learnt.
    private static var knownWindows: Int { 2 }
    private static var newWindows: Int { 3 }
    /// How long a stray window is remembered, and the shares at which restlessness starts and ends.
    private static var strayWindows: Double { 16 }
    private static var restlessShare: Double { 0.25 }
    private static var calmShare: Double { 0.1 }
    /// With fewer samples of sizes a window does not tell which load it had: it is the active one.
    private static var sizesMin: UInt32 { 48 }
    /// A trial ends before its window when it costs more than this many times what the best does:
    /// few events must be very dear, many a little. While it settles it may cost as much again.
    private static func hopelessRatio(_ events: UInt) -> Double {
        1.2 + 16 / Logarithm.squareRoot(Double(events))
    }
    private static var settlingRatio: Double { 2 }
    /// What a trial costs that a shift of the load has spoilt.
    private static var unknownRatio: Double { 2 }

    /// A tournament that starts with `champion`, which is what an earlier run found if it `isWarm`.
    package init(
        mode: EvolutionMode, weights: ScoreWeights = ScoreWeights(),
        champion: Int = Strategy.defaultIndex, isWarm: Bool = false
    ) {
        let champion = champion >= 0 && champion < Strategy.count ? champion : 0
        self.mode = mode
        self.weights = weights
        self.isWarm = isWarm || mode == .frozen
        incumbent = champion
        running = champion
        loads = InlineArray(
            repeating: Load(incumbent: champion, state: .learn, nowMs: 0))
    }

    /// The strategy that runs.
    package var strategy: Int { running }

    /// The state of the active load's life cycle.
    package var state: EvolutionState {
        loadCount == 0 ? (isWarm ? .frozen : .learn) : loads[active].lifecycle.state
    }

    /// A strategy's rating under the active load, and the samples that it rests on.
    package func rating(_ strategy: Int) -> Double { loads[active].selector.rating(strategy) }
    package func samples(_ strategy: Int) -> Int { loads[active].selector.samples(strategy) }

    /// The strategy to save for the next run.
    package var champion: Int { loadCount == 0 ? incumbent : loads[active].safeStrategy }

    /// Takes a rating from an earlier run, before the first window.
    package mutating func restore(_ strategy: Int, rating: Double, samples: Int) {
        guard windowCount == 0, strategy >= 0, strategy < Strategy.count else { return }
        loads[0].restore(strategy, rating: rating, samples: samples)
    }

    /// Whether something else than the best that is known runs.
    package var isTrying: Bool { loadCount > 0 && running != loads[active].safeStrategy }

    /// Whether the window under way, as measured so far, should end now because its trial is far
    /// worse than what is known. The caller then ends it as usual.
    package func shouldEndEarly(_ partial: WindowMeasurement, isSettling: Bool = false) -> Bool {
        guard partial.events >= Tournament.eventsMin, let ratio = trialRatio(partial) else {
            return false
        }
        let limit = Tournament.hopelessRatio(partial.events)
        return ratio > limit * (isSettling ? Tournament.settlingRatio : 1)
    }

    /// How many times the best that is known a window costs that runs something else; nil when it
    /// runs just that, or nothing is known.
    private func trialRatio(_ window: WindowMeasurement) -> Double? {
        guard loadCount > 0, loads[active].hasReference else { return nil }
        let best =
            loads[active].lifecycle.state == .canary
            ? loads[active].lifecycle.championCost.cost
            : loads[active].selector.cost(loads[active].safeStrategy)
        guard running != loads[active].safeStrategy, best > 0 else { return nil }
        return loads[active].cost(Rates(window), weights) / best
    }

    /// How many times the best that is known a window of another load costs; where nothing is, a
    /// trial in it counts as if it had been for nothing.
    private func spoiltRatio(_ window: WindowMeasurement, _ load: Int) -> Double {
        if !isTrying { return 1 }
        guard load < loadCount, loads[load].hasReference else { return Tournament.unknownRatio }
        let best = loads[load].selector.cost(loads[load].safeStrategy)
        return best > 0 ? loads[load].cost(Rates(window), weights) / best : Tournament.unknownRatio
    }

    /// What a strategy cost before its window began, while it settled.
    package mutating func settled(_ window: WindowMeasurement) {
        budget.charge(lengthNs: window.lengthNs, cost: trialRatio(window) ?? 1)
    }

    /// How many times longer than at first windows should be.
    package var windowScale: UInt { loadCount == 0 ? 1 : loads[active].windowScale }

    /// Whether nothing is going on: it is enough to look now and then.
    package var mayRest: Bool {
        mode == .frozen
            || loadCount > 0 && loads[active].lifecycle.isSteady && otherWindows == 0
                && !isRestless
    }

    /// Takes in a window that ended and says what the next one runs.
    package mutating func windowEnded(_ window: WindowMeasurement, random: UInt64) -> Decision {
        windowCount += 1
        if window.events < Tournament.eventsMin { return decide(.idle, cost: 0) }
        if loadCount == 0 { begin(window) }
        let load = loadOf(window)
        budget.charge(
            lengthNs: window.lengthNs,
            cost: load == active ? trialRatio(window) ?? 1 : spoiltRatio(window, load))
        noteStray(load != active)
        if load == active {
            otherWindows = 0
            return stay(window, random)
        }
        return stray(window, load, random)
    }

    private mutating func noteStray(_ isStray: Bool) {
        strayShare += ((isStray ? 1 : 0) - strayShare) / Tournament.strayWindows
        if strayShare > Tournament.restlessShare { isRestless = true }
        if strayShare < Tournament.calmShare { isRestless = false }
    }

    private mutating func begin(_ window: WindowMeasurement) {
        loadCount = 1
        loads[0].start(state: isWarm ? .frozen : .learn, nowMs: window.endMs)
        loads[0].addSizes(window.sizes)
        learning.postpone(to: windowCount)
    }

    /// Which load a window had. What runs has its part in which requests take slow paths: for a
    /// trial it needs more to be another load, and few samples tell nothing.
    private func loadOf(_ window: WindowMeasurement) -> Int {
        if window.sizes.total < Tournament.sizesMin { return active }
        let load = nearest(window.sizes)
        let distance = loads[active].sizes.distance(to: window.sizes)
        return isTrying && distance < Tournament.sameTrialLoad ? active : load
    }

    /// The known load whose sizes are nearest, `loadsMax` when none is near enough.
    private func nearest(_ sizes: SizeDistribution) -> Int {
        var best = Tournament.loadsMax
        var least = Tournament.sameLoad
        for index in 0..<loadCount {
            let distance = loads[index].sizes.distance(to: sizes)
            if distance < least {
                least = distance
                best = index
            }
        }
        return best
    }

    private mutating func stay(_ window: WindowMeasurement, _ random: UInt64) -> Decision {
        let wasLearning = loads[active].lifecycle.state == .learn
        loads[active].addSizes(window.sizes)
        loads[active].lastWindow = windowCount
        let cost = loads[active].cost(Rates(window), weights)
        if isRestless, mode == .auto {
            loads[active].recordAside(Rates(window), strategy: running, weights: weights)
            running = incumbent
            return decide(.restless, cost: cost)
        }
        let reason = loads[active].windowEnded(
            window, strategy: running, weights: weights,
            mayRelearn: mode != .frozen && learning.mayAct(at: windowCount),
            mayTry: budget.mayTry, mode: mode, random: random)
        if reason == .p99Worse || reason == .newDemands || reason == .uneven {
            learning.act(at: windowCount)
        }
        if wasLearning, loads[active].lifecycle.state != .learn {
            learning.postpone(to: windowCount)
        }
        running = loads[active].nextStrategy(random: random << 31 | random >> 33)
        if loads[active].lifecycle.state == .learn, !budget.mayTry {
            running = loads[active].safeStrategy
        }
        return decide(reason, cost: cost)
    }

    /// A window of another load than the active one.
    private mutating func stray(_ window: WindowMeasurement, _ load: Int, _ random: UInt64)
        -> Decision
    {
        let isNew = load == Tournament.loadsMax
        let continues =
            otherWindows > 0 && load == otherLoad
            && (!isNew || otherSizes.distance(to: window.sizes) < Tournament.sameLoad)
        otherWindows = continues ? otherWindows + 1 : 1
        otherLoad = load
        if !continues { otherSizes = SizeDistribution() }
        otherSizes.merge(window.sizes)
        if !isNew { loads[load].recordAside(Rates(window), strategy: running, weights: weights) }

        if mode == .frozen { return decide(.steady, cost: 0) }
        let isEnough =
            otherWindows >= (isNew ? Tournament.newWindows : Tournament.knownWindows)
        var reason = loads[active].rollBack()
        if reason != .canaryDisturbed { reason = .incomparable }
        if isEnough {
            let mayFollow = following.mayAct(at: windowCount)
            let mayLearn =
                loadCount < Tournament.loadsMax || learning.mayAct(at: windowCount)
            if mayFollow, !isNew || mayLearn {
                return goOver(to: load, window, random)
            }
            reason = .heldBack
        }
        running = loads[active].safeStrategy
        if isRestless, mode == .auto {
            running = incumbent
            reason = .restless
        }
        return decide(reason, cost: 0)
    }

    private mutating func goOver(
        to load: Int, _ window: WindowMeasurement, _ random: UInt64
    ) -> Decision {
        following.act(at: windowCount)
        let isNew = load == Tournament.loadsMax
        let isFull = loadCount == Tournament.loadsMax
        let before = loads[active].safeStrategy
        active = isNew ? freeSlot() : load
        if isNew {
            if isFull { learning.act(at: windowCount) }
            loads[active] = Load(incumbent: before, state: .learn, nowMs: window.endMs)
            loads[active].addSizes(otherSizes)
        }
        loads[active].lastWindow = windowCount
        otherWindows = 0
        strayShare = 0
        isRestless = false
        running = loads[active].nextStrategy(random: random)
        return decide(isNew ? .loadShifted : .loadKnown, cost: 0)
    }

    /// A slot that is not the active one's: an unused one, or that of the load not seen longest.
    private mutating func freeSlot() -> Int {
        if loadCount < Tournament.loadsMax {
            loadCount += 1
            return loadCount - 1
        }
        var oldest = active == 0 ? 1 : 0
        for index in 0..<loadCount where index != active {
            if loads[index].lastWindow < loads[oldest].lastWindow { oldest = index }
        }
        return oldest
    }

    private func decide(_ reason: DecisionReason, cost: Double) -> Decision {
        Decision(
            strategy: running, state: state, reason: reason, window: windowCount, load: active,
            cost: cost)
    }
}
