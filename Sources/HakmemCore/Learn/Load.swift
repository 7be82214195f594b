// SPDX-License-Identifier: MIT
//
// What is learnt about one load: how its sizes spread, what the reference costs, how strategies
// compare, and where its life cycle stands. Windows of other loads never enter here.
//
// Owner: the tournament.

struct Load<Selector: StrategySelector> {
    private(set) var sizes = SizeDistribution()
    private(set) var selector: Selector
    private(set) var lifecycle: Lifecycle
    /// The rates of the first windows, whose median is the reference.
    private var firstRates = InlineArray<3, Rates>(repeating: Rates(cpu: 0, faults: 0, memory: 0))
    private var firstCount = 0
    private var reference = Rates(cpu: 0, faults: 0, memory: 0)
    /// The reference's cost: 1, or what an earlier run says, whose ratings then stay comparable.
    private var referenceCost = 1.0
    /// The strategies that the load's windows tell apart; and those that the last windows of the
    /// champion did beyond these, all of them.
    private(set) var candidates: UInt16 = 0
    private var newCandidates: UInt16 = 0
    private var newCount = 0
    /// How many times longer than at first its windows are: until those of one strategy agree.
    private(set) var windowScale: UInt = 1
    private var range = CostRange()
    /// The window in which it was last seen.
    var lastWindow: UInt = 0

    init(incumbent: Int, state: EvolutionState, nowMs: UInt) {
        selector = Selector(favourite: incumbent)
        lifecycle = Lifecycle(champion: incumbent, state: state, nowMs: nowMs)
    }

    /// Begins at the first window, which tells the time.
    mutating func start(state: EvolutionState, nowMs: UInt) {
        lifecycle = Lifecycle(champion: lifecycle.champion, state: state, nowMs: nowMs)
    }

    private static var firstMax: Int { 3 }
    /// Windows of one strategy that differ by more are too short to say anything.
    private static var unevenRatio: Double { 1.5 }
    private static var unevenFirstRatio: Double { 1.25 }
    private static var windowScaleMax: UInt { 32 }
    /// Windows in a row that must tell more strategies apart.
    private static var newWindows: Int { 3 }

    var hasReference: Bool { firstCount == Load.firstMax }

    /// The strategy to run when in doubt.
    var safeStrategy: Int {
        lifecycle.state == .learn ? selector.leader : lifecycle.champion
    }

    func cost(_ rates: Rates, _ weights: ScoreWeights) -> Double {
        guard hasReference else { return 0 }
        return referenceCost * Score.cost(rates, reference: reference, weights: weights)
    }

    mutating func restore(_ strategy: Int, rating: Double, samples: Int) {
        selector.restore(strategy, rating: rating, samples: samples)
    }

    /// Takes in the sizes of a window that belongs here, until the load is known well.
    mutating func addSizes(_ window: SizeDistribution) {
        if lifecycle.state == .learn || !hasReference { sizes.merge(window) }
    }

    /// A window of this load under `strategy` while another load was thought to run.
    mutating func recordAside(_ rates: Rates, strategy: Int, weights: ScoreWeights) {
        guard hasReference else { return }
        selector.record(strategy, cost: cost(rates, weights))
    }

    /// Ends a canary that another load disturbed.
    mutating func rollBack() -> DecisionReason { lifecycle.rollBack(.canaryDisturbed) }

    /// A window of this load; says why the next one runs what `nextStrategy` says.
    mutating func windowEnded(
        _ window: WindowMeasurement, strategy: Int, weights: ScoreWeights, mayRelearn: Bool,
        mayTry: Bool, mode: EvolutionMode, random: UInt64
    ) -> DecisionReason {
        let rates = Rates(window)
        if !hasReference {
            measureReference(rates, strategy: strategy, window.candidates, weights)
            return .measuring
        }
        noteCandidates(window.candidates, strategy: strategy)
        let cost = cost(rates, weights)
        if strategy == lifecycle.champion { range.add(cost) }
        if range.ratio > Load.unevenRatio, windowScale < Load.windowScaleMax, mayRelearn,
            mode != .frozen
        {
            lengthenWindows()
            lifecycle.relearn(nowMs: window.endMs)
            return .uneven
        }
        selector.record(strategy, cost: cost)
        let reason = lifecycle.windowEnded(
            LifecycleFacts(
                endMs: window.endMs, strategy: strategy, p99Ns: window.p99Ns, cost: cost,
                leader: selector.leader, isSettled: selector.isSettled, mode: mode,
                hasSeenAll: selector.hasSeenAll,
                challenger: selector.challenger(to: lifecycle.champion, random: random << 17),
                mayRelearn: mayRelearn, mayTry: mayTry, hasNewCandidates: hasNewCandidates,
                random: random))
        if reason == .p99Worse { forgetCosts() }
        if reason == .newDemands || lifecycle.state == .learn && hasNewCandidates {
            admit(newCandidates)
        }
        return reason
    }

    private var hasNewCandidates: Bool { newCount >= Load.newWindows && newCandidates != 0 }

    private mutating func noteCandidates(_ seen: UInt16, strategy: Int) {
        guard strategy == lifecycle.champion else { return }
        let more = seen & ~candidates
        newCandidates = newCount == 0 ? more : newCandidates & more
        newCount = newCandidates == 0 ? 0 : newCount + 1
    }

    private mutating func admit(_ more: UInt16) {
        candidates |= more
        newCount = 0
        selector.restrict(to: candidates)
    }

    private mutating func measureReference(
        _ rates: Rates, strategy: Int, _ seen: UInt16, _ weights: ScoreWeights
    ) {
        // Another strategy may still run when the load was just recognised.
        guard strategy == lifecycle.champion else { return }
        firstRates[firstCount] = rates
        firstCount += 1
        candidates |= seen
        if !hasReference { return }
        range = CostRange()
        for index in 0..<Load.firstMax {
            range.add(Score.cost(firstRates[index], reference: firstRates[0], weights: weights))
        }
        if range.ratio > Load.unevenFirstRatio, windowScale < Load.windowScaleMax {
            windowScale *= 2
            firstCount = 0
            return
        }
        range = CostRange()
        admit(0)
        reference = Rates.median(firstRates[0], firstRates[1], firstRates[2])
        let known = selector.cost(strategy)
        referenceCost = known > 0 ? known : 1
        selector.record(strategy, cost: referenceCost)
    }

    private mutating func lengthenWindows() {
        windowScale *= 2
        range = CostRange()
        forgetCosts()
    }

    private mutating func forgetCosts() {
        selector.reopen(favourite: lifecycle.champion)
        firstCount = 0
    }

    /// What the next window of this load runs.
    mutating func nextStrategy(random: UInt64) -> Int {
        switch lifecycle.state {
        case .learn: hasReference ? selector.next(random: random) : lifecycle.champion
        case .frozen: lifecycle.champion
        case .canary: lifecycle.challenger
        }
    }
}
